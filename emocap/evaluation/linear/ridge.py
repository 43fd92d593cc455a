"""Numbers on scales, such as valence and pain, by ridge regression on frozen features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emocap.benchmarks.splits import inner
from emocap.core.errors import UserError
from emocap.metrics.arrays import Numbers

if TYPE_CHECKING:
    from emocap.encoders import Matrix

GRID = tuple(float(alpha) for alpha in np.logspace(6, -4, 41))
"""Strength of L2 per example, Σ (y − ŷ)² / N + alpha ‖w‖², from the strongest."""
_FOLDS = 3


def fit_predict(
    train: "Matrix",
    values: Numbers,
    groups: Sequence[str],
    test: "Matrix",
    limits: tuple[float, float],
    val: tuple["Matrix", Numbers] | None = None,
) -> tuple[Numbers, float]:
    """Predictions for ``test``, within the scale's ``limits``, and the chosen alpha.

    train: N×D, values: N, groups: N names that folds keep together. The strength with the least squared error on
    ``val`` is chosen, or else over 3 folds of train, and fitted on all. Features are scaled to unit variance. Raises
    UserError where a feature or value is no number.
    """
    if not all(np.isfinite(table).all() for table in (train, test, values, *(val or ()))):
        raise UserError("there are features or ratings that are no numbers: they cannot be regressed")
    if val:
        parts = [(train, values, *val)]
    else:
        folds = inner(groups, _FOLDS)
        parts = [(train[kept], values[kept], train[held], values[held]) for kept, held in folds]
    errors = np.zeros(len(GRID))
    for kept, kept_value, held, held_value in parts:
        predicted = _path(kept, kept_value, held, GRID)
        errors += ((predicted - held_value) ** 2).sum(1)
    alpha = GRID[int(np.argmin(errors))] if parts else 1.0
    every = np.concatenate([train, val[0]]) if val else train
    (predicted,) = _path(every, np.concatenate([values, val[1]]) if val else values, test, (alpha,))
    return np.clip(predicted, *limits), alpha


def _path(train: "Matrix", values: Numbers, test: "Matrix", grid: Sequence[float]) -> Numbers:
    """Predictions, strengths × rows, from one eigendecomposition."""
    mean, deviation = train.mean(0, dtype=np.float64), train.std(0, dtype=np.float64)
    deviation[deviation <= 1e-7 * np.abs(mean)] = 1.0
    deviation[deviation == 0] = 1.0
    row_ND, seen_MD = (train - mean) / deviation, (test - mean) / deviation
    level = values.mean()
    alpha_A1 = np.array(grid)[:, None]
    if len(row_ND) < row_ND.shape[1]:
        # With fewer examples than features: (XXᵀ / N + alpha)⁻¹ y / N are the weights of the examples.
        variance_R, turn_NR = np.linalg.eigh(row_ND @ row_ND.T / len(row_ND))
        weight_AR = (turn_NR.T @ (values - level)) / len(row_ND) / (np.maximum(variance_R, 0) + alpha_A1)
        return np.asarray(weight_AR @ (seen_MD @ row_ND.T @ turn_NR).T + level)
    variance_R, turn_DR = np.linalg.eigh(row_ND.T @ row_ND / len(row_ND))
    weight_AR = (turn_DR.T @ (row_ND.T @ (values - level))) / len(row_ND) / (np.maximum(variance_R, 0) + alpha_A1)
    return np.asarray(weight_AR @ (seen_MD @ turn_DR).T + level)
