"""Similarity structures, a number per pair of annotators, and DIC, the difference of two."""

import itertools
from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from emocap.metrics.arrays import Labels, Numbers

Normalize = Literal["none", "rms"]
_ALL_ORDERS = 6
"""Up to this number of annotators, every order of them is tried; for more, _SHUFFLES random ones."""
_SHUFFLES = 1000


def square(value_P: Numbers, size: int, diagonal: float = 1.0) -> Numbers:
    """A × A: symmetric, from the values of all pairs. diagonal: how similar everybody is to himself."""
    value_AA = np.full((size, size), diagonal)
    first_P, second_P = np.triu_indices(size, 1)
    value_AA[first_P, second_P] = value_AA[second_P, first_P] = value_P
    return value_AA


def dic(truth_P: Numbers, model_P: Numbers, annotators: int, normalize: Normalize, off_diagonal_only: bool) -> float:
    """DIC = ‖S − Ŝ‖F over the pairs that both structures know; NaN where they share none.

    As ``add_frobenius`` in the code of QuMAB (2507.17653); that this is DIC of QuMATL (2503.15237) and 2508.10393,
    whose formula could not be read, is our inference. normalize rms: the root of the mean over the entries instead of
    their sum. Both diagonals are 1, so that ``off_diagonal_only`` changes nothing but the number of entries in that
    mean.
    """
    difference_P = truth_P - model_P
    known_P = ~np.isnan(difference_P)
    if not known_P.any():
        return float("nan")
    total = 2 * float((difference_P[known_P] ** 2).sum())
    entries = 2 * int(known_P.sum()) + (0 if off_diagonal_only else annotators)
    return float(np.sqrt(total / entries if normalize == "rms" else total))


def at_worst(predicted_P: Numbers) -> Numbers:
    """κ of predictions with 0 where it is undefined, as it is for a model that says the same of every item.

    Such pairs are masked in DIC, which so falls the more of them collapse; with 0, which scikit-learn gives where one
    of two is constant, they count with all that the labels' κ is.
    """
    return np.where(np.isnan(predicted_P), 0.0, predicted_P)


def correlation(first_P: Numbers, second_P: Numbers, ranks: bool) -> float:
    """Pearson's correlation of two structures over the pairs that both know, or with ``ranks`` Spearman's.

    NaN for fewer than three pairs, and where one structure is the same for all.
    """
    known_P = ~np.isnan(first_P + second_P)
    if known_P.sum() < 3:
        return float("nan")
    first, second = first_P[known_P], second_P[known_P]
    if ranks:
        first, second = rankdata(first), rankdata(second)
    if np.ptp(first) < 1e-12 or np.ptp(second) < 1e-12:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def shuffled(model_P: Numbers, annotators: int, measure: Callable[[Numbers], float]) -> float:
    """What a measure of a structure would be if it belonged to nobody in particular: its mean over orders of the
    annotators. NaN for two, who have but one pair.
    """
    if annotators < 3:
        return float("nan")
    model_AA = square(model_P, annotators)
    first_P, second_P = np.triu_indices(annotators, 1)
    values = [measure(model_AA[order][:, order][first_P, second_P]) for order in orders(annotators)]
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def orders(annotators: int) -> list[Labels]:
    """All orders of a few annotators; of many, some that are drawn, the same ones every time."""
    if annotators <= _ALL_ORDERS:
        return [np.array(order) for order in itertools.permutations(range(annotators))]
    random = np.random.default_rng(0)
    return [random.permutation(annotators) for _ in range(_SHUFFLES)]
