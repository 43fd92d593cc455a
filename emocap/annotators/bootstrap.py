"""How certain the numbers of a task are, by resampling its items."""

# Tested in tests/annotators/test_statistics.py.

from dataclasses import dataclass

import numpy as np

from emocap.annotators.statistics import AgreementStatistics, mean
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import ROUNDS, resamples

MAP_ROUNDS = 200
"""Resamples in which maps are drawn anew, for the interval of BAE."""


@dataclass(frozen=True)
class Certainty:
    """What resampling the items says about the numbers of a task."""

    interval: dict[str, Numbers]
    """Name → the 95% interval of each of its values, 2 × its shape."""
    dic_noise: float
    """What DIC would be, with so few items, if labels and predictions had the same structure; NaN without predictions.
    On average, DIC² is the true one's square and this one's."""


def bootstrap_of(
    statistics: AgreementStatistics, rounds: int = ROUNDS, map_rounds: int = MAP_ROUNDS, seed: int = 0
) -> Certainty:
    """Percentiles over ``rounds`` resamples of the items (Efron, 1979), of BAE over the first ``map_rounds``.

    Resamples in which a value is undefined are left out; NaN where that is all of them, and for a single item, which
    drawn anew is always itself. DIC is a norm, to which every resampling adds the noise of κ: its interval, and that
    of dic_worst, is without what resampling has added, and that of dic_corrected also without what was in DIC before.
    """
    drawn: dict[str, list[Numbers]] = {name: [] for name in statistics.point}
    for weight_RN in resamples(statistics.items, rounds, np.random.default_rng(seed)):
        for weight_N in weight_RN:
            numbers = statistics.at(weight_N)
            if "bae" in drawn and len(drawn["bae"]) < map_rounds:
                numbers["bae"] = np.array(statistics.bae(numbers))
            for name, value in numbers.items():
                drawn[name].append(value)
    every = {name: np.stack(values) for name, values in drawn.items()}
    noise = float("nan")
    if "difference" in every:
        noise, noise_worst = (_noise(statistics, every[name]) for name in ("difference", "difference_worst"))
        every["dic_corrected"] = _without(every["dic"], 2 * noise**2)
        every["dic"] = _without(every["dic"], noise**2)
        every["dic_worst"] = _without(every["dic_worst"], noise_worst**2)
    if statistics.items == 1:
        every = {name: np.full_like(values, np.nan) for name, values in every.items()}
    return Certainty({name: percentiles(values) for name, values in every.items()}, noise)


def _noise(statistics: AgreementStatistics, difference_RP: Numbers) -> float:
    spread_P = _spread(difference_RP)
    return statistics.dic(spread_P, np.zeros_like(spread_P))


def _without(dic_R: Numbers, noise_square: float) -> Numbers:
    return np.asarray(np.sqrt(np.maximum(dic_R**2 - noise_square, 0)))


def _spread(drawn_RP: Numbers) -> Numbers:
    """P: the standard deviation over resamples; NaN for what is known in none."""
    centred_RP = drawn_RP - mean(drawn_RP, axis=0)
    return np.asarray(np.sqrt(mean(centred_RP**2, axis=0)))


def percentiles(drawn_R: Numbers) -> Numbers:
    """The 2.5th and the 97.5th percentile over resamples, 2 × the rest of the shape, of what is a number; else NaN."""
    flat_RV = drawn_R.reshape(len(drawn_R), -1)
    ends_2V = np.full((2, flat_RV.shape[1]), np.nan)
    some_V = ~np.isnan(flat_RV).all(0)
    ends_2V[:, some_V] = np.nanquantile(flat_RV[:, some_V], [0.025, 0.975], axis=0)
    return ends_2V.reshape(2, *drawn_R.shape[1:])
