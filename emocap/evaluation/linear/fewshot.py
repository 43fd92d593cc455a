"""Few-shot: a logistic probe on k examples per class, drawn from train at random, several times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from emocap.benchmarks.splits import Rows
from emocap.evaluation.linear import logistic
from emocap.evaluation.linear.logistic import GRID
from emocap.metrics.arrays import Labels, Numbers

if TYPE_CHECKING:
    from emocap.encoders import Matrix

SHOTS = (1, 2, 4, 8, 16)
SEEDS = 5
FIXED_C = 0.01
"""With fewer shots than SWEEP_FROM there is nothing to choose C on: ours."""
SWEEP_FROM = 4
"""From this number of shots on, C minimises the cross-entropy over FOLDS folds of the shots. Accuracy on so few
moves in steps too large to choose by."""
FOLDS = 4


@dataclass(frozen=True)
class Shot:
    """What one draw teaches."""

    predicted: Labels
    score: Numbers
    """Probability of the predicted class."""
    c: float


def draw(labels: Labels, classes: int, shots: int, random: np.random.Generator) -> list[Rows]:
    """Rows of each class, without repetition; of a class with fewer examples all of them."""
    own = [np.flatnonzero(labels == number) for number in range(classes)]
    return [random.permutation(rows)[:shots] for rows in own]


def fit(train: "Matrix", labels: Labels, classes: int, shots: int, test: "Matrix", seed: int) -> Shot:
    """One draw and what it predicts for ``test``.

    Features are moved to mean 0 and scaled, all by one number, to a mean variance of 1: the variance of each feature
    is not known from a handful.
    """
    rows = draw(labels, classes, shots, np.random.default_rng([seed, shots]))
    c = FIXED_C
    if shots >= SWEEP_FROM and min(len(own) for own in rows if len(own)) > 1:
        c = _chosen(train, labels, classes, rows)
    every = np.concatenate(rows)
    (logits,) = _logits(train[every], labels[every], classes, test, (c,))
    with np.errstate(under="ignore"):
        score = 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1)
    return Shot(logits.argmax(1), score, c)


def _chosen(train: "Matrix", labels: Labels, classes: int, rows: Sequence[Rows]) -> float:
    """The C whose models say what is held out from them with the least cross-entropy."""
    losses = np.zeros(len(GRID))
    for fold in range(FOLDS):
        held = np.concatenate([own[fold::FOLDS] for own in rows])
        kept = np.setdiff1d(np.concatenate(rows), held)
        for place, logits in enumerate(_logits(train[kept], labels[kept], classes, train[held], GRID)):
            right = np.take_along_axis(logits, labels[held][:, None], axis=1)[:, 0]
            losses[place] += float((logsumexp(logits, axis=1) - right).sum())
    return GRID[int(np.argmin(losses))]


def _logits(train: "Matrix", labels: Labels, classes: int, test: "Matrix", grid: Sequence[float]) -> list[Numbers]:
    mean = train.mean(0)
    scale = float(np.sqrt(((train - mean) ** 2).mean())) or 1.0
    fits = logistic.softmax((train - mean) / scale, labels, classes, grid)
    scaled = (test - mean) / scale
    return [fits.logits(scaled, place) for place in range(len(grid))]
