"""Positive or negative: what a model calls it, against the sign of a number."""

# Tested in tests/evaluation/tasks/test_open_vocabulary.py.

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.evaluation.display import READER_DETAILS, MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.scorers.extractor import read_by_another
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill
from emocap.metrics.wheel.sentiment import SIGNS, sign_f1, sign_of

USUAL = ("sign_f1",)
"""What is reported where a card does not say it."""

PROMPT = (
    "Below are words or sentences about what a person feels. Is the sentiment of this person positive, negative or "
    "neutral? Answer with one of these three words and nothing else; with neutral if nothing is there.\n\n"
    "What was written: {reply}"
)
"""Ours; after the task that AffectGPT gives to Qwen2.5-7B-Instruct."""


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt, with what is said in the clip."""
    return [fill(card, text=example.text or "")]


def read(answered: TaskResponses) -> Outcome:
    """Weighted F1 of the sign. A reply that is none of the three words is read by another model; where there is none,
    another single word, such as ``mixed``, is left as it is. What cannot be read, and silence, count as neutral, which
    is not above 0 (AffectGPT).
    """
    found = [sign_of(response.answer or "") for response in answered.firsts]
    read_by = {"words": sum(sign is not None for sign in found)}
    readers = answered.aids.extractor or answered.aids.judge
    free = [
        place
        for place, text in enumerate(response.answer for response in answered.firsts)
        if found[place] is None and text and (readers or len(text.split()) > 1)
    ]
    reader, texts = read_by_another(answered, free, PROMPT, "sentiment")
    for place, text in zip(free, texts, strict=True):
        found[place] = sign_of(text)
    if free:
        read_by[reader] = sum(found[place] is not None for place in free)
    answers = sum(response.text is not None for response in answered.firsts)
    true = np.array([(example.values or {})["sentiment"] for example in answered.tested])
    every = {"sign_f1": sign_f1(true, np.array([sign or 0 for sign in found]))}
    called = {sign: word for word, sign in SIGNS.items()}
    return Outcome(
        answered.rows,
        {name: every[name] for name in wanted(answered.card, list(every), USUAL)},
        [f"{value:g}" for value in true],
        [None if sign is None else called[sign] for sign in found],
        [None] * len(found),
        {
            "zero_left_out": int((true == 0).sum()),
            "replies_read_by": read_by,
            "unparsable": answers - sum(read_by.values()),
            "extractor_prompt": PROMPT if free else None,
        },
    )


def _wrong_sign(true: str, predicted: str, score: float | None) -> float | None:
    value = float(true)
    return abs(value) if value and (value > 0) != (predicted == "positive") else None


TASK = Task(
    name="sentiment",
    needs=ExampleNeeds(lambda example: example.values is not None),
    metrics=("sign_f1",),
    generative=GenerativeTask(questions, read),
    display=TaskDisplay(
        "sentiment",
        {"sentiment": "Sentiment"},
        order=70,
        metrics={
            "sign_f1": MetricDisplay(
                "F1 of the sign",
                "F1 of whether the sentiment is positive, weighted by how frequent the sides are; no neutral clips",
            )
        },
        details={**READER_DETAILS, "zero_left_out": "neutral clips, left out"},
        error_weight=_wrong_sign,
    ),
)
