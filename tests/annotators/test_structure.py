import math

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from emocap.annotators.structure import correlation, dic, orders, shuffled, square

S = np.array([0.5, 0.2, -0.1, 0.8, 0.4, 0.0])  # the six pairs of four annotators
T = np.array([0.4, 0.4, -0.3, 0.8, 0.1, 0.2])


def test_a_structure_is_symmetric_and_everybody_is_like_himself() -> None:
    wanted = [[1, 0.5, 0.2, -0.1], [0.5, 1, 0.8, 0.4], [0.2, 0.8, 1, 0.0], [-0.1, 0.4, 0.0, 1]]
    assert square(S, 4).tolist() == wanted
    assert np.isnan(np.diagonal(square(S, 4, np.nan))).all()


def test_dic_is_the_frobenius_norm_of_the_difference() -> None:
    difference_AA = square(S, 4) - square(T, 4)
    assert dic(S, T, 4, "none", False) == pytest.approx(np.linalg.norm(difference_AA, "fro"))
    assert dic(S, T, 4, "none", True) == dic(S, T, 4, "none", False)
    assert dic(S, T, 4, "rms", False) == pytest.approx(np.sqrt((difference_AA**2).mean()))
    off = difference_AA[~np.eye(4, dtype=bool)]
    assert dic(S, T, 4, "rms", True) == pytest.approx(np.sqrt((off**2).mean()))
    assert dic(S, S, 4, "none", False) == 0.0


def test_pairs_that_one_structure_does_not_know_are_masked() -> None:
    unknown = np.where(np.arange(6) == 1, np.nan, T)
    wanted = np.sqrt(2 * sum((s - t) ** 2 for place, (s, t) in enumerate(zip(S, T, strict=True)) if place != 1))
    assert dic(S, unknown, 4, "none", False) == pytest.approx(wanted)
    assert dic(unknown, S, 4, "rms", True) == pytest.approx(wanted / np.sqrt(10))
    assert math.isnan(dic(S, np.full(6, np.nan), 4, "none", False))


def test_correlations_are_scipys_over_the_pairs_that_both_know() -> None:
    assert correlation(S, T, ranks=True) == pytest.approx(spearmanr(1 - S, 1 - T).statistic)
    assert correlation(S, T, ranks=False) == pytest.approx(pearsonr(1 - S, 1 - T).statistic)
    unknown = np.where(np.arange(6) < 2, np.nan, T)
    assert correlation(S, unknown, ranks=True) == pytest.approx(spearmanr(S[2:], T[2:]).statistic)
    assert math.isnan(correlation(S, np.where(np.arange(6) < 4, np.nan, T), ranks=False))
    assert math.isnan(correlation(S, np.full(6, 0.3), ranks=True))


def test_shuffles_belong_to_nobody_in_particular() -> None:
    every = [dic(S, square(T, 4)[order][:, order][np.triu_indices(4, 1)], 4, "none", False) for order in orders(4)]
    assert len(every) == 24
    assert shuffled(T, 4, lambda told: dic(S, told, 4, "none", False)) == pytest.approx(np.mean(every))
    assert min(every) <= dic(S, T, 4, "none", False) <= max(every)
    assert math.isnan(shuffled(np.array([0.5]), 2, lambda told: float(told[0])))


def test_of_many_annotators_some_orders_are_drawn_the_same_ones_every_time() -> None:
    drawn = orders(13)
    assert len(drawn) == 1000
    assert all(sorted(order) == list(range(13)) for order in drawn)
    assert np.array_equal(drawn, orders(13))
