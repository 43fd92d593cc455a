"""How certain a number is: bootstrap intervals, and tests of two models on the same examples.

Examples are drawn anew, each by itself (Efron, 1979). Frames of one clip and pictures of one person are not
independent: there, the truth lies outside somewhat more often than one time in twenty.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, t

from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.classification import Rate, answers, confusion, uar

ROUNDS = 1000
_CELLS = 20_000_000


class Statistic(Protocol):
    """A number over examples that may count more than once, or not at all."""

    def at(self, weight_RN: Numbers) -> Numbers:
        """The statistic in each of R resamples; examples count as often as they were drawn."""
        ...

    def resampled(self, size: int, rounds: int, random: np.random.Generator) -> Numbers:
        """It, in ``rounds`` resamples of ``size`` examples."""
        ...


@dataclass(frozen=True)
class Weighted:
    """A statistic that is given as a function of how often each example counts."""

    function: Callable[[Numbers], Numbers]

    def at(self, weight_RN: Numbers) -> Numbers:
        """See :class:`Statistic`."""
        return self.function(weight_RN)

    def resampled(self, size: int, rounds: int, random: np.random.Generator) -> Numbers:
        """See :class:`Statistic`."""
        return np.concatenate([self.function(weight_RN) for weight_RN in resamples(size, rounds, random)])


@dataclass(frozen=True)
class OfConfusion:
    """A rate of the confusion matrix."""

    rate: Rate
    true: Labels
    predicted: Labels
    """``classes`` stands for an answer that is none of them."""
    classes: int

    def at(self, weight_RN: Numbers) -> Numbers:
        """See :class:`Statistic`."""
        columns = answers(self.predicted, self.classes)
        cell_N, size = self.true * columns + self.predicted, self.classes * columns
        counts = [np.bincount(cell_N, weights=weight_N, minlength=size) for weight_N in weight_RN]
        return self.rate(np.stack(counts).reshape(-1, self.classes, columns))

    def resampled(self, size: int, rounds: int, random: np.random.Generator) -> Numbers:
        """See :class:`Statistic`. The cells of a resample are multinomial: no example need be drawn."""
        counts = confusion(self.true, self.predicted, self.classes)
        count_RC: Labels = random.multinomial(size, counts.ravel() / counts.sum(), size=rounds)
        return self.rate(count_RC.reshape(rounds, *counts.shape))


def resamples(size: int, rounds: int, random: np.random.Generator) -> Iterator[Numbers]:
    """R×N: how often each of ``size`` examples is drawn in each resample, some resamples at a time."""
    at_once = max(1, _CELLS // size)
    for first in range(0, rounds, at_once):
        some = min(at_once, rounds - first)
        drawn = random.integers(0, size, (some, size)) + size * np.arange(some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=some * size).reshape(some, size).astype(float)


def interval(statistic: Statistic, size: int, rounds: int = ROUNDS, seed: int = 0) -> tuple[float, float]:
    """The 95% percentile interval of a statistic over resamples of ``size`` test examples.

    Resamples for which it is undefined, such as a unit that does not occur in them, are left out.
    """
    value_R = statistic.resampled(size, rounds, np.random.default_rng(seed))
    if np.isnan(value_R).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(value_R, [0.025, 0.975])
    return float(low), float(high)


def of_mean(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Student's 95% interval of the mean of independent values, such as those of seeds."""
    reach = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()) - reach, float(values.mean()) + reach


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """The exact two-sided p-value of McNemar's test (1947): are two models right equally often?

    first, second: whether each is right, on the same examples.
    """
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    decided = only_first + only_second
    return float(binomtest(only_first, decided).pvalue) if decided else 1.0


@dataclass(frozen=True)
class Difference:
    """Of two models, on the same examples."""

    value: float
    """The first less the second."""
    low: float
    high: float
    p: float
    """Two-sided: twice the share of resamples in which the difference is not on its side of 0, at most 1."""


def uar_difference(
    true: Labels, first: Labels, second: Labels, classes: int, rounds: int = ROUNDS, seed: int = 0
) -> Difference:
    """The paired bootstrap of the difference in UAR: both models see the same resamples.

    An answer of ``classes`` is none of them, and wrong.
    """
    # What matters of an example is its class and the two answers: the counts of those that occur are multinomial.
    cells, counts = np.unique(np.stack([true, first, second]), axis=1, return_counts=True)
    class_U, *answers = cells
    of_class_UK = (class_U[:, None] == np.arange(classes)).astype(float)
    random = np.random.default_rng(seed)
    drawn_RU = random.multinomial(len(true), counts / len(true), rounds)
    total_RK = drawn_RU @ of_class_UK

    def rate(answer_U: Labels) -> Numbers:
        hit_RK = drawn_RU[:, answer_U == class_U] @ of_class_UK[answer_U == class_U]
        recall_RK = np.divide(hit_RK, total_RK, out=np.full_like(total_RK, np.nan), where=total_RK > 0)
        return np.asarray(np.nanmean(recall_RK, axis=1))

    value = float(uar(confusion(true, first, classes)) - uar(confusion(true, second, classes)))
    difference_R = rate(answers[0]) - rate(answers[1])
    low, high = np.quantile(difference_R, [0.025, 0.975])
    across = min((difference_R <= 0).mean(), (difference_R >= 0).mean())
    # A share of 0 would claim more than a finite number of rounds can show.
    return Difference(value, float(low), float(high), float(min(1.0, 2 * max(across, 1 / rounds))))
