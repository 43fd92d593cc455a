"""Numbers on scales, such as valence, arousal and pain."""

# Tested in tests/evaluation/test_encoder_protocols.py.

from functools import partial
from typing import Any

import numpy as np

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.loading import ExampleNeeds
from emocap.benchmarks.splits import Rows
from emocap.core.errors import UserError
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.protocols.base import Setting, training_rows
from emocap.evaluation.task import Task
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import Statistic, Weighted

USUAL = ("ccc", "pcc", "rmse", "mae")
"""What is reported where a card does not say it."""


def outcome_of(card: Card, rows: Rows, true: Numbers, predicted: Numbers, **details: Any) -> Outcome:
    """Of numbers on scales, N×S in the card's order, nan where one was not rated.

    A metric is the mean over the scales; where there are several, each is given as well, as in ``ccc_valence``.
    """

    def of_scale(name: str, scale: int, weight_RN: Numbers) -> Numbers:
        rated = ~np.isnan(true[:, scale])
        return metrics.rating(name, true[rated, scale], predicted[rated, scale], weight_RN[:, rated])

    def mean(name: str, weight_RN: Numbers) -> Numbers:
        return np.asarray(np.mean([of_scale(name, scale, weight_RN) for scale in range(true.shape[1])], axis=0))

    names = wanted(card, metrics.RATINGS, USUAL)
    statistics: dict[str, Statistic] = {name: Weighted(partial(mean, name)) for name in names}
    if len(card.ratings) > 1:
        for scale, rated in enumerate(card.ratings):
            statistics |= {f"{name}_{rated}": Weighted(partial(of_scale, name, scale)) for name in names}

    def written(table: Numbers) -> list[str]:
        return [
            " ".join(f"{name}={value:.4g}" for name, value in zip(card.ratings, row, strict=True) if value == value)
            for row in table
        ]

    details = {"labels": list(card.ratings), "icc": "ICC(3,1)", **details}
    return Outcome(rows, statistics, written(true), written(predicted), [None] * len(rows), details)


def _rating_probe(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.linear import ridge

    card = setting.card
    table = [[(example.values or {}).get(name, np.nan) for name in card.ratings] for example in setting.examples]
    true = np.array(table, dtype=float)
    predicted, chosen = np.full_like(true, np.nan), []
    for fold in setting.folds:
        train, val, test = training_rows(setting, fold, "probe")
        for scale, limits in enumerate(card.ratings.values()):
            kept, held = (part[~np.isnan(true[part, scale])] for part in (train, val))
            if not len(kept):
                raise UserError(f"{card.title}: nothing in train is rated for {list(card.ratings)[scale]}")
            known = (setting.matrix(held), true[held, scale]) if len(held) else None
            predicted[test, scale], alpha = ridge.fit_predict(
                setting.matrix(kept), true[kept, scale], setting.groups(kept), setting.matrix(test), limits, known
            )
            chosen.append(alpha)
    rows = setting.tested
    return [outcome_of(card, rows, true[rows], predicted[rows], regularisation_alpha=chosen)]


def _distance(true: str, predicted: str, score: float | None) -> float:
    """The sum of what scales are off: ``valence=0.3 arousal=-0.1`` and the same of what was predicted."""
    first, second = (dict(part.partition("=")[::2] for part in text.split()) for text in (true, predicted))
    return sum(abs(float(value) - float(second[scale])) for scale, value in first.items() if scale in second)


def _validate(card: Card) -> None:
    if not card.ratings:
        raise ValueError("ratings: what is rated, and on which scale, is missing")


TASK = Task(
    name="rating",
    needs=ExampleNeeds(lambda example: example.values is not None),
    metrics=metrics.RATINGS,
    protocols={"probe": _rating_probe},
    validate=_validate,
    display=TaskDisplay(
        "rating",
        {"rating": "Ratings"},
        order=30,
        metrics={
            "ccc": MetricDisplay("CCC"),
            "pcc": MetricDisplay("PCC"),
            "icc": MetricDisplay("ICC"),
            "rmse": MetricDisplay("RMSE", lower_is_better=True, has_unit=True),
            "mae": MetricDisplay("MAE", lower_is_better=True, has_unit=True),
            "mse": MetricDisplay("MSE", lower_is_better=True, has_unit=True),
            "sagr": MetricDisplay("SAGR"),
        },
        error_weight=_distance,
        errors="largest",
    ),
)
