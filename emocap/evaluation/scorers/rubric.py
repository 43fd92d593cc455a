"""MMAR-Rubrics: how a right answer was reached, point by point, as a judge sees it."""

# Tested in tests/evaluation/test_mmar.py.

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from emocap.benchmarks.examples import Example
from emocap.evaluation.task import TaskResponses
from emocap.llm.chat_models import GenerativeModel
from emocap.llm.chat_request import ChatRequest
from emocap.metrics.arrays import Labels, Numbers

RUNS = 5
"""Of these the lowest and the highest are dropped."""
_LEAST = 3
"""Runs that can be read, so that one is left."""
_PROMPT = """A model was asked a question about a recording, and its answer is right. Judge how it got there. \
Of each of the points below, say 1 where the reasoning of the model makes it, and 0 where it does not.

Question: {question}
Options:
{options}
Right answer: {answer}

Reasoning of the model:
{thinking}

Answer of the model: {said}

Points:
{points}

Write a line for each point and nothing else: its number, a colon, and 1 or 0."""
"""Our words: those of the authors come without a licence."""


def scored(
    answered: TaskResponses, judge: GenerativeModel, right: Labels, answer: Sequence[tuple[str, str]]
) -> tuple[Numbers, dict[str, Any]]:
    """Of each tested example 0 to 1, nan where it could not be scored; and what a row of results says of it.

    A wrong answer is 0. Of a right one, the share of points that its reasoning makes, in RUNS independent runs: the
    mean without the lowest and the highest (MMAR-Rubrics). Where some runs cannot be read, of the rest; of fewer than
    three there is no score: our reading. said: how the model got to its answer, and the answer.
    """
    texts = {
        place: _text(example, *explained)
        for place, (example, explained) in enumerate(zip(answered.tested, answer, strict=True))
        if right[place] and example.rubric
    }
    asks = [
        ChatRequest(f"{answered.tested[place].name}#{run}", text, max_tokens=512, seed=run)
        for place, text in texts.items()
        for run in range(1, RUNS + 1)
    ]
    replies = judge.answer(asks, f"{answered.name}-rubric")
    scores = np.where(right, np.nan, 0.0)
    unread = 0
    for number, place in enumerate(texts):
        points = len(answered.tested[place].rubric)
        runs = [made(reply.answer or "", points) for reply in replies[number * RUNS : (number + 1) * RUNS]]
        known = sorted(share for share in runs if share is not None)
        unread += RUNS - len(known)
        if len(known) >= _LEAST:
            scores[place] = np.mean(known[1:-1])
    return scores, {
        "rubric": {"runs": RUNS, "unread_replies": unread, "unscored_answers": int(np.isnan(scores).sum())}
    }


def made(reply: str, points: int) -> float | None:
    """The share of points that a judge says are made; None where it does not say 1 or 0 of each, once."""
    lines = re.findall(r"^\W*(?:point\s+)?(\d+)\s*\**\s*[:.)=-]\s*\**([01])\b(?!\.\d)", reply, re.MULTILINE | re.I)
    if sorted(int(number) for number, _ in lines) != list(range(1, points + 1)):
        return None
    return sum(int(value) for _, value in lines) / points


def _text(example: Example, thinking: str, answer: str) -> str:
    assert example.question
    question = example.question
    return _PROMPT.format(
        question=question.text,
        options="\n".join(question.options),
        answer=question.options[question.answer],
        thinking=thinking or "(none was given)",
        said=answer.strip(),
        points="\n".join(f"{number}. {point}" for number, point in enumerate(example.rubric, start=1)),
    )
