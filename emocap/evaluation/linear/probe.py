"""Linear probes on frozen features: logistic regression at 45 strengths of L2, of which one is chosen without the
test set, by the official validation split or else by folds of train that keep people together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.splits import Rows, inner
from emocap.core.errors import UserError
from emocap.evaluation.linear import logistic
from emocap.evaluation.linear.logistic import GRID
from emocap.metrics.arrays import Labels, Numbers

if TYPE_CHECKING:
    from emocap.encoders import Matrix

_FOLDS = 3

Score = Callable[[Labels, Labels], float]


@dataclass(frozen=True)
class Probed:
    """What a probe says of the test set."""

    predicted: Labels
    """M; of units M×U."""
    score: Numbers
    """M: probability of the predicted class; of units M×U: logit of presence."""
    c: float
    """The chosen C; nan where there was nothing to choose."""


def classes(
    train: "Matrix",
    labels: Labels,
    groups: Sequence[str],
    test: "Matrix",
    score: Score,
    val: tuple["Matrix", Labels] | None = None,
    balanced: bool = False,
    grid: Sequence[float] = GRID,
) -> Probed:
    """One class of several for every row of ``test``.

    train: N×D, labels: N, groups: N names that folds keep together, test: M×D. score: (true, predicted) → larger is
    better; of C that score alike the strongest regularisation is taken. val: chosen on it where given, and then fitted
    on both. Features are scaled to unit variance on what is fitted. balanced: weigh classes by their rarity. A
    training set of one class predicts that class. Raises UserError where a feature is no number.
    """
    _check(train, test, *((val[0],) if val else ()))

    def path(rows: "Matrix", targets: Labels, examples: "Matrix", cs: Sequence[float]) -> list[tuple[Labels, Numbers]]:
        """Predictions and their probabilities for ``seen`` at each C."""
        occurring, place = np.unique(targets, return_inverse=True)
        rows, examples = _scaled(rows, examples)
        weight = (len(place) / len(occurring) / np.bincount(place))[place] if balanced else np.ones(len(place))
        if len(occurring) == 2:
            fits = logistic.sigmoid(rows, place[:, None], cs, weight[:, None])
            logits = [np.concatenate([0 * z, z], axis=1) for z in (fits.logits(examples, g) for g in range(len(cs)))]
        else:
            fits = logistic.softmax(rows, place, len(occurring), cs, weight)
            logits = [fits.logits(examples, g) for g in range(len(cs))]
        return [(occurring[z.argmax(1)], 1 / np.exp(z - z.max(1, keepdims=True)).sum(1)) for z in logits]

    every = train if val is None else np.concatenate([train, val[0]])
    every_label = labels if val is None else np.concatenate([labels, val[1]])
    if len(np.unique(every_label)) == 1:
        return Probed(np.full(len(test), every_label[0]), np.ones(len(test)), float("nan"))
    parts = [(train, labels, *val)] if val else _parts(train, labels, groups)
    scores = [
        [score(truth, predicted) for predicted, _ in path(kept, kept_label, held, grid)]
        for kept, kept_label, held, truth in parts
        if len(np.unique(kept_label)) > 1
    ]
    c = grid[int(np.argmax(np.mean(scores, 0)))] if scores else grid[0]
    ((predicted, probability),) = path(every, every_label, test, (c,))
    return Probed(predicted, probability, c)


def units(
    train: "Matrix",
    present: Labels,
    groups: Sequence[str],
    test: "Matrix",
    score: Score,
    val: tuple["Matrix", Labels] | None = None,
    grid: Sequence[float] = GRID,
) -> Probed:
    """Each of U units apart, present or not, with one C for all; the rarer is weighed as much as the other.

    present: N×U, 1, 0, or -1 where it is unknown, which neither teaches nor scores. score: of present and predicted
    N×U. A unit that is the same throughout train is predicted so. Else as :func:`classes`.
    """
    _check(train, test, *((val[0],) if val else ()))

    def path(rows: "Matrix", targets: Labels, examples: "Matrix", cs: Sequence[float]) -> list[Numbers]:
        rows, examples = _scaled(rows, examples)
        known, there = (targets >= 0), (targets == 1)
        count, hits = known.sum(0), there.sum(0)
        varying = (hits > 0) & (hits < count)
        logits = [np.tile(np.where(hits > 0, np.inf, -np.inf), (len(examples), 1)) for _ in cs]
        if varying.any():
            weight = known * np.where(there, count / 2 / np.maximum(hits, 1), count / 2 / np.maximum(count - hits, 1))
            fits = logistic.sigmoid(rows, there[:, varying].astype(np.int64), cs, weight[:, varying])
            for place, table in enumerate(logits):
                table[:, varying] = fits.logits(examples, place)
        return logits

    parts = [(train, present, *val)] if val else _parts(train, present, groups)
    scores = [
        [score(truth, (logits > 0).astype(np.int64)) for logits in path(kept, kept_present, held, grid)]
        for kept, kept_present, held, truth in parts
    ]
    c = grid[int(np.argmax(np.mean(scores, 0)))] if scores else grid[0]
    every = train if val is None else np.concatenate([train, val[0]])
    (logits,) = path(every, present if val is None else np.concatenate([present, val[1]]), test, (c,))
    return Probed((logits > 0).astype(np.int64), logits, c)


def _parts(train: "Matrix", truth: Labels, groups: Sequence[str]) -> list[tuple["Matrix", Labels, "Matrix", Labels]]:
    folds: list[tuple[Rows, Rows]] = inner(groups, _FOLDS)
    return [(train[kept], truth[kept], train[held], truth[held]) for kept, held in folds]


def _scaled(train: "Matrix", test: "Matrix") -> tuple["Matrix", "Matrix"]:
    """Both to mean 0 and variance 1 of ``train``; what does not vary there is only moved."""
    mean = train.mean(0, dtype=np.float64)
    deviation = train.std(0, dtype=np.float64)
    deviation[deviation <= 1e-7 * np.abs(mean)] = 1.0
    deviation[deviation == 0] = 1.0
    return ((train - mean) / deviation).astype(np.float32), ((test - mean) / deviation).astype(np.float32)


def _check(*tables: npt.NDArray[np.float32]) -> None:
    if bad := sum(int((~np.isfinite(table).all(1)).sum()) for table in tables):
        raise UserError(f"the features of {bad} pictures are no numbers: they cannot be probed")
