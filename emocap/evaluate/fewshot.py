"""Few-shot: a logistic probe on so many examples of each class, drawn from train, several times."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emocap.evaluate import logistic, metrics
from emocap.evaluate.encoders import Matrix
from emocap.evaluate.logistic import GRID
from emocap.evaluate.metrics import Labels, Numbers
from emocap.evaluate.splits import Rows

SHOTS = (1, 2, 4, 8, 16)
SEEDS = 5
FIXED_C = 0.01
"""With fewer shots than SWEEP_FROM there is nothing to choose C on: ours."""
SWEEP_FROM = 4
"""From so many shots on, a quarter of them is held out to choose C by UAR, and then taught as well."""


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


def fit(train: Matrix, labels: Labels, classes: int, shots: int, test: Matrix, seed: int) -> Shot:
    """One draw and what it predicts for ``test``.

    Features are moved to mean 0 and scaled, all by one number, to a mean variance of 1: the variance of each feature
    is not known from a handful.
    """
    rows = draw(labels, classes, shots, np.random.default_rng([seed, shots]))
    c = FIXED_C
    if shots >= SWEEP_FROM:
        # Of a class of one nothing is held out.
        held = [own[: len(own) // 4] for own in rows]
        kept = [own[len(own) // 4 :] for own in rows]
        if sum(map(len, held)):
            c = _chosen(train, labels, classes, np.concatenate(kept), np.concatenate(held))
    every = np.concatenate(rows)
    (logits,) = _logits(train[every], labels[every], classes, test, (c,))
    with np.errstate(under="ignore"):
        score = 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1)
    return Shot(logits.argmax(1), score, c)


def _chosen(train: Matrix, labels: Labels, classes: int, kept: Rows, held: Rows) -> float:
    """The strongest regularisation of those with the best UAR on what is held out."""
    every = _logits(train[kept], labels[kept], classes, train[held], GRID)
    rates = [float(metrics.uar(metrics.confusion(labels[held], z.argmax(1), classes))) for z in every]
    return GRID[int(np.argmax(rates))]


def _logits(train: Matrix, labels: Labels, classes: int, test: Matrix, grid: Sequence[float]) -> list[Numbers]:
    mean = train.mean(0)
    scale = float(np.sqrt(((train - mean) ** 2).mean())) or 1.0
    fits = logistic.softmax((train - mean) / scale, labels, classes, grid)
    scaled = (test - mean) / scale
    return [fits.logits(scaled, place) for place in range(len(grid))]
