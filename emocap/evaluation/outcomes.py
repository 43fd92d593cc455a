"""What a protocol leaves of the test examples, in the shape that every row of results has."""

# Tested in tests/evaluation/tasks/test_action_units.py.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Rows
from emocap.core.errors import UserError
from emocap.core.numbers import finite
from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.intervals import OfConfusion, Statistic, interval

RATES = {
    "uar": metrics.uar,
    "war": metrics.war,
    "macro_f1": metrics.macro_f1,
    "uf1": metrics.uf1,
    "accuracy": metrics.war,
}
"""Metrics of one class of several."""
USUAL = ("uar", "war", "macro_f1")


@dataclass(frozen=True)
class Outcome:
    """Predictions for some examples, and what is measured of them."""

    rows: Rows
    """Which of the card's examples they are."""
    statistics: Mapping[str, Statistic]
    """Headline first."""
    true: Sequence[str | None]
    predicted: Sequence[str | None]
    score: Sequence[float | None]
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else a row of results says."""
    spread: Mapping[str, Mapping[str, float]] | None = None
    """The metrics, where they are means over draws of few shots and not statistics of these predictions."""
    shots: int | None = None
    replies: Sequence[str | None] | None = None
    """What a model wrote of each, word for word."""
    shared: npt.NDArray[np.bool_] | None = None
    """Those that are in every subgroup, where a subgroup alone has nothing to be measured against."""


def measured(outcome: Outcome) -> dict[str, dict[str, float | None]]:
    """Each metric with its 95% interval; None where it is undefined."""
    if outcome.spread is not None:
        return {name: {key: finite(one) for key, one in value.items()} for name, value in outcome.spread.items()}
    size = len(outcome.rows)
    found = {}
    for name, statistic in outcome.statistics.items():
        low, high = interval(statistic, size)
        value = float(statistic.at(np.ones((1, size)))[0])
        found[name] = {"value": finite(value), "low": finite(low), "high": finite(high)}
    return found


def subgroups(outcome: Outcome, examples: Sequence[Example]) -> dict[str, dict[str, dict[str, Any]]]:
    """Attribute → its values → how many test examples have it, and the metrics over these alone."""
    groups = [examples[row].groups for row in outcome.rows]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for attribute in dict.fromkeys(name for one in groups for name in one):
        values = np.array([one.get(attribute, "") for one in groups])
        for value in sorted(set(values.tolist()) - {""}):
            inside = values == value
            weight_1N = (inside if outcome.shared is None else inside | outcome.shared)[None].astype(float)
            rates = {name: finite(float(one.at(weight_1N)[0])) for name, one in outcome.statistics.items()}
            here = {"n": int(inside.sum()), "metrics": rates}
            found.setdefault(attribute, {})[value] = here
    return found


def wanted(card: Card, possible: Sequence[str], usual: Sequence[str]) -> list[str]:
    """The card's metrics, or the usual ones of its task. Raises UserError for one that the task does not have."""
    names = list(card.metrics or usual)
    if unknown := set(names) - set(possible):
        raise UserError(f"{card.title}: metrics of {card.task} are {', '.join(possible)}, not {sorted(unknown)[0]}")
    return names


def labels_of(card: Card, examples: Sequence[Example]) -> Labels:
    """The class number of each example."""
    number = {name: place for place, name in enumerate(card.classes)}
    return np.array([number[str(example.label)] for example in examples])


def classification(card: Card, rows: Rows, true: Labels, predicted: Labels, score: Numbers, **details: Any) -> Outcome:
    """Of one class of several. true, predicted: class numbers of ``rows``; a predicted number of as many classes as
    there are stands for none of them, which is wrong, and no class's prediction.
    """
    names, size = list(card.classes), len(card.classes)
    counts = metrics.confusion(true, predicted, size)
    absent = [name for name, count in zip(names, counts.sum(1), strict=True) if not count]
    return Outcome(
        rows,
        {name: OfConfusion(RATES[name], true, predicted, size) for name in wanted(card, list(RATES), USUAL)},
        [names[number] for number in true],
        [names[number] if number < size else None for number in predicted],
        score.tolist(),
        {"labels": names, "confusion": counts.tolist(), "absent_classes": absent, **details},
    )
