"""What a protocol leaves of the test examples, in the shape that every row of results has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
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
from emocap.metrics.intervals import OfConfusion, Statistic, Weighted, interval

_RATES = {
    "uar": metrics.uar,
    "war": metrics.war,
    "macro_f1": metrics.macro_f1,
    "uf1": metrics.uf1,
    "accuracy": metrics.war,
}
_USUAL = {
    "emotion": ["uar", "war", "macro_f1"],
    "action_units": ["macro_f1", "map"],
    "rating": ["ccc", "pcc", "rmse", "mae"],
    "choice": ["accuracy"],
    "open_vocabulary": ["ew", "ew_level2"],
    "sentiment": ["sign_f1"],
    "spoofing": ["eer", "uar", "accuracy"],
    "reasoning": ["rec_s", "rea_s", "cot_s", "rec_s_official", "rea_s_official", "cot_s_official"],
    "two_tiers": ["gap", "perception_accuracy", "sarcasm_accuracy", "sarcasm_macro_f1"],
}


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
    told: Mapping[str, Any] = field(default_factory=dict)
    """What else a row of results says."""
    spread: Mapping[str, Mapping[str, float]] | None = None
    """The metrics, where they are means over draws of few shots and not statistics of these predictions."""
    shots: int | None = None
    replies: Sequence[str | None] | None = None
    """What a model wrote of each, word for word."""
    shared: npt.NDArray[np.bool_] | None = None
    """Those that are in every subgroup, where a subgroup alone has nothing to be measured against."""


def measured(outcome: Outcome) -> dict[str, dict[str, float | None]]:
    """Each metric with its 95% interval; None where it cannot be told."""
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


def wanted(card: Card, possible: Sequence[str]) -> list[str]:
    """The card's metrics, or the usual ones. Raises UserError for one that its task does not have."""
    names = [str(name) for name in card.metrics] or _USUAL[card.task]
    if unknown := set(names) - set(possible):
        raise UserError(f"{card.title}: metrics of {card.task} are {', '.join(possible)}, not {sorted(unknown)[0]}")
    return names


def labels_of(card: Card, examples: Sequence[Example]) -> Labels:
    """The class number of each example."""
    number = {name: place for place, name in enumerate(card.classes)}
    return np.array([number[str(example.label)] for example in examples])


def classification(card: Card, rows: Rows, true: Labels, predicted: Labels, score: Numbers, **told: Any) -> Outcome:
    """Of one class of several. true, predicted: class numbers of ``rows``; a predicted number of as many classes as
    there are stands for none of them, which is wrong, and no class's prediction.
    """
    names, size = list(card.classes), len(card.classes)
    counts = metrics.confusion(true, predicted, size)
    absent = [name for name, count in zip(names, counts.sum(1), strict=True) if not count]
    return Outcome(
        rows,
        {name: OfConfusion(_RATES[name], true, predicted, size) for name in wanted(card, list(_RATES))},
        [names[number] for number in true],
        [names[number] if number < size else None for number in predicted],
        score.tolist(),
        {"labels": names, "confusion": counts.tolist(), "absent_classes": absent, **told},
    )


def presence(card: Card, examples: Sequence[Example]) -> Labels:
    """N×U: 1 where a unit is present, 0 where it is absent, -1 where it was not coded."""
    units = [example.units or {} for example in examples]
    coded = [[one.get(number) for number in card.action_units] for one in units]
    return np.array([[-1 if v is None else int(v >= card.present_from) for v in row] for row in coded])


def action_units(card: Card, rows: Rows, true: Labels, predicted: Labels, score: Numbers, **told: Any) -> Outcome:
    """Of units, true N×U with -1 where unknown; score: the larger the likelier, of each unit by itself."""
    known, hits = true >= 0, (true == 1) & (predicted == 1)
    there, said = true == 1, (predicted == 1) & known

    def mean_f1(weight_RN: Numbers) -> Numbers:
        return metrics.mean_f1(weight_RN @ hits, weight_RN @ there, weight_RN @ said)

    def mean_accuracy(weight_RN: Numbers) -> Numbers:
        coded = known.any(0)
        right = weight_RN @ ((true == predicted) & known)[:, coded]
        return np.asarray((right / np.maximum(weight_RN @ known[:, coded], 1e-9)).mean(1))

    def mean_precision(weight_RN: Numbers) -> Numbers:
        of_unit = [
            metrics.average_precision(there[:, u], score[:, u], weight_RN * known[:, u])
            for u in range(true.shape[1])
            if there[:, u].any()
        ]
        return np.nanmean(of_unit, axis=0) if of_unit else np.full(len(weight_RN), np.nan)

    every = {"macro_f1": mean_f1, "f1": mean_f1, "map": mean_precision, "accuracy": mean_accuracy}
    labels = [f"AU{number}" for number in card.action_units]
    occurring = there.any(0)
    # Whoever always says yes reaches 2p / (1 + p) on a unit of frequency p.
    rate = there.sum(0)[occurring] / np.maximum(known.sum(0)[occurring], 1)
    chance = float((2 * rate / (1 + rate)).mean()) if occurring.any() else None

    def codes(present: Labels) -> list[str]:
        return ["+".join(str(card.action_units[u]) for u in np.flatnonzero(row)) for row in present]

    return Outcome(
        rows,
        {name: Weighted(every[name]) for name in wanted(card, list(every))},
        codes(there),
        codes(said),
        [None] * len(rows),
        {
            "labels": labels,
            "f1": [finite(float(metrics.f1(there[k, u], said[k, u]))) for u, k in enumerate(known.T)],
            "present": there.sum(0).tolist(),
            "unknown": (~known).sum(0).tolist(),
            "absent_classes": [label for label, occurs in zip(labels, occurring, strict=True) if not occurs],
            "chance": {name: chance for name in wanted(card, list(every)) if name in ("f1", "macro_f1")},
            **told,
        },
    )


def ratings(card: Card, rows: Rows, true: Numbers, predicted: Numbers, **told: Any) -> Outcome:
    """Of numbers on scales, N×S in the card's order, nan where one was not rated.

    A metric is the mean over the scales; where there are several, each is told as well, as in ``ccc_valence``.
    """

    def of_scale(name: str, scale: int, weight_RN: Numbers) -> Numbers:
        rated = ~np.isnan(true[:, scale])
        return metrics.rating(name, true[rated, scale], predicted[rated, scale], weight_RN[:, rated])

    def mean(name: str, weight_RN: Numbers) -> Numbers:
        return np.asarray(np.mean([of_scale(name, scale, weight_RN) for scale in range(true.shape[1])], axis=0))

    names = wanted(card, metrics.RATINGS)
    statistics: dict[str, Statistic] = {name: Weighted(partial(mean, name)) for name in names}
    if len(card.ratings) > 1:
        for scale, rated in enumerate(card.ratings):
            statistics |= {f"{name}_{rated}": Weighted(partial(of_scale, name, scale)) for name in names}

    def written(table: Numbers) -> list[str]:
        return [
            " ".join(f"{name}={value:.4g}" for name, value in zip(card.ratings, row, strict=True) if value == value)
            for row in table
        ]

    told = {"labels": list(card.ratings), "icc": "ICC(3,1)", **told}
    return Outcome(rows, statistics, written(true), written(predicted), [None] * len(rows), told)


def choice(
    card: Card, examples: Sequence[Example], rows: Rows, picked: Labels, score: Numbers, **told: Any
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
    statistics = {name: every[name] for name in wanted(card, list(every))}
    chance = {"accuracy": float(np.mean([1 / len(question.options) for question in questions]))}
    return Outcome(
        rows,
        statistics,
        [question.options[question.answer] for question in questions],
        [question.options[place] if place >= 0 else None for place, question in zip(picked, questions, strict=True)],
        score.tolist(),
        {"chance": chance, **told},
    )
