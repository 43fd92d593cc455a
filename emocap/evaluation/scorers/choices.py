"""What is measured of answers to questions with options."""

# Tested in tests/evaluation/scorers/test_string_match.py.

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Rows
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.intervals import Statistic, Weighted

USUAL = ("accuracy",)


def choice_outcome(
    card: Card, examples: Sequence[Example], rows: Rows, picked: Labels, score: Numbers, **details: Any
) -> Outcome:
    """Of questions. picked: the place of the option, below 0 where none was.

    ``grouped_accuracy``, where the card asks for it, is the mean over the values of the first attribute of the groups
    of the mean over those of the second, and so on: Face-Human-Bench's score of level 2.
    """
    questions = [question for row in rows if (question := examples[row].question)]
    right = np.array([place == question.answer for place, question in zip(picked, questions, strict=True)])
    groups = [tuple(examples[row].groups.items()) for row in rows]

    def accuracy(weight_RN: Numbers) -> Numbers:
        total_R = weight_RN.sum(1)
        return np.asarray(np.divide(weight_RN @ right, total_R, out=np.full(len(total_R), np.nan), where=total_R > 0))

    def grouped(depth: int, among: Rows, weight_RN: Numbers) -> Numbers:
        parts: dict[Any, list[int]] = {}
        for place in among:
            if len(groups[place]) > depth:
                parts.setdefault(groups[place][depth][1], []).append(int(place))
        if not parts:
            mask = np.isin(np.arange(len(rows)), among)
            return accuracy(weight_RN * mask)
        each = [grouped(depth + 1, np.array(part), weight_RN) for part in parts.values()]
        return np.asarray(np.mean(each, axis=0))

    every: dict[str, Statistic] = {
        "accuracy": Weighted(accuracy),
        "grouped_accuracy": Weighted(partial(grouped, 0, np.arange(len(rows)))),
    }
    statistics = {name: every[name] for name in wanted(card, list(every), USUAL)}
    chance = {"accuracy": float(np.mean([1 / len(question.options) for question in questions]))}
    return Outcome(
        rows,
        statistics,
        [question.options[question.answer] for question in questions],
        [question.options[place] if place >= 0 else None for place, question in zip(picked, questions, strict=True)],
        score.tolist(),
        {"chance": chance, **details},
    )
