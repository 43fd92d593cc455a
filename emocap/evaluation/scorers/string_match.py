"""Questions with options, read by MMAR's string match: by which words a reply has, in whatever order."""

import re
from dataclasses import replace
from functools import partial

import numpy as np

from emocap import metrics
from emocap.benchmarks.examples import Question
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.scorers import rubric
from emocap.evaluation.scorers.choices import choice_outcome
from emocap.evaluation.task import TaskResponses
from emocap.llm.chat_models import Response
from emocap.metrics.intervals import Statistic, Weighted


def read(answered: TaskResponses) -> Outcome:
    """``accuracy`` over all questions, where silence is wrong, and ``accuracy_official`` over those with a reply.

    Where there is a judge and the data has rubrics, ``rubric_score`` over all questions, and its ``_official`` over
    those with a reply that could be scored; see :mod:`emocap.evaluation.scorers.rubric`.
    """
    asked = [example.question for example in answered.tested]
    said = [divided(response) for response in answered.firsts]
    picked = np.array([-1 if q is None else chosen(answer, q) for (_, answer), q in zip(said, asked, strict=True)])
    right = np.array([q is not None and place == q.answer for place, q in zip(picked.tolist(), asked, strict=True)])
    # MMAR's code leaves out of its count what has no prediction; an empty one is wrong.
    spoken = np.array([one.text is not None or one.reason == "empty" for one in answered.firsts])
    silent = np.array([one.text is None for one in answered.firsts])
    details = {"unparsable": int(((picked < 0) & ~silent).sum()), "match": "string_match"}
    every: dict[str, Statistic] = {"accuracy_official": Weighted(partial(metrics.mean_among, right, spoken))}
    if answered.aids.judge and any(example.rubric for example in answered.tested):
        scores, counted = rubric.scored(answered, answered.aids.need("judge", answered.card), right, said)
        known = ~np.isnan(scores)
        points, everywhere = np.where(known, scores, 0.0), np.ones(len(scores), dtype=bool)
        every["rubric_score"] = Weighted(partial(metrics.mean_among, points, everywhere))
        every["rubric_score_official"] = Weighted(partial(metrics.mean_among, points, known & spoken))
        details |= counted
    score = np.full(len(picked), np.nan)
    outcome = choice_outcome(answered.card, answered.examples, answered.rows, picked, score, **details)
    return replace(outcome, statistics={**outcome.statistics, **every})


def divided(response: Response) -> tuple[str, str]:
    """How a model got to its answer, and the answer; either may be empty.

    A row of MMAR's own form has both, ``thinking_prediction`` and ``answer_prediction``. Elsewhere ``</think>`` ends
    the thinking, as models write it that think aloud; of a reply that ends before it does there is no answer.
    """
    text = response.text or ""
    if "answer_prediction" in response.fields:
        return str(response.fields.get("thinking_prediction") or ""), text
    thinking, end, _ = text.rpartition("</think>")
    if not end:
        thinking = text.partition("<think>")[2]
    return thinking.replace("<think>", "").strip(), response.answer or ""


def chosen(reply: str, question: Question) -> int:
    """The place of the option that a reply gives: the right one where MMAR would count it as right, or else the first
    that it would count as right, were that the answer; -1 for none.
    """
    places = [question.answer, *range(len(question.options))]
    return next((place for place in places if matches(reply, question, place)), -1)


def matches(reply: str, question: Question, place: int) -> bool:
    """MMAR's string match (Ma et al., arXiv 2505.13032), were the option at ``place`` the answer.

    Of the words of the reply, all of the answer's are among them, and none that only other options have.
    """
    said, answer = words(reply), words(question.options[place])
    others = set[str]().union(*(words(option) for n, option in enumerate(question.options) if n != place))
    return bool(said) and answer <= said and not said & (others - answer)


def words(text: str) -> set[str]:
    r"""``\b\w+\b``, in small letters."""
    return set(re.findall(r"\b\w+\b", text.lower()))
