"""The numbers of the field, as fractions of 1, with bootstrap intervals."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


def confusion(true: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Counts, classes × classes; row: true class, column: predicted class."""
    return np.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes)


def uar(counts: npt.NDArray[np.int64]) -> float:
    """Unweighted average recall, of the classes that occur. counts: a confusion matrix."""
    occurring = counts.sum(1) > 0
    return float((np.diag(counts)[occurring] / counts.sum(1)[occurring]).mean())


def war(counts: npt.NDArray[np.int64]) -> float:
    """Weighted average recall, which is accuracy."""
    return float(np.trace(counts) / counts.sum())


def macro_f1(counts: npt.NDArray[np.int64]) -> float:
    """Mean F1 of the classes that occur or are predicted."""
    hits, row, column = np.diag(counts), counts.sum(1), counts.sum(0)
    relevant = row + column > 0
    return float((2 * hits[relevant] / (row + column)[relevant]).mean())


def f1(true: Labels, predicted: Labels) -> float:
    """F1 of the positive class, 1; 0 where it neither occurs nor is predicted."""
    hits, total = int((true & predicted).sum()), int(true.sum() + predicted.sum())
    return 2 * hits / total if total else 0.0


def bootstrap(
    score: Callable[[npt.NDArray[np.int64]], float], size: int, rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 95% percentile interval of ``score`` over ``rounds`` resamples of ``size`` test examples.

    score: takes the row numbers of a resample.
    """
    random = np.random.default_rng(seed)
    drawn = [score(random.integers(0, size, size)) for _ in range(rounds)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
