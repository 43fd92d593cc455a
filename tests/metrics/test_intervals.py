import numpy as np
import pytest
from scipy.stats import binom, ttest_1samp

from emocap import metrics
from emocap.metrics.intervals import OfConfusion, Weighted, interval, mcnemar, of_mean, resamples, uar_difference


def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        drawn = (random.random(150) < 0.7).astype(float)
        share = Weighted(lambda weight, drawn=drawn: weight @ drawn / weight.sum(1))  # type: ignore[misc]
        low, high = interval(share, 150, rounds=200, seed=seed)
        held += low <= 0.7 <= high
    assert 178 <= held <= 199


def test_cells_are_drawn_as_examples_are() -> None:
    random = np.random.default_rng(0)
    true = np.minimum(random.geometric(0.5, 200) - 1, 2)
    told = np.where(random.random(200) < 0.7, true, random.integers(0, 3, 200))
    by_cell = OfConfusion(metrics.uar, true, told, 3)
    low, high = interval(by_cell, 200, rounds=4000)
    assert (low, high) == pytest.approx(interval(Weighted(by_cell.at), 200, rounds=4000), abs=0.012)
    assert by_cell.at(np.ones((1, 200)))[0] == pytest.approx(float(metrics.uar(metrics.confusion(true, told, 3))))
    assert interval(by_cell, 200) == interval(by_cell, 200)
    assert low < metrics.uar(metrics.confusion(true, told, 3)) < high


def test_answers_that_are_no_class_are_drawn_as_examples_are() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 3, 200)
    told = np.where(random.random(200) < 0.6, true, random.integers(0, 4, 200))
    for rate in (metrics.uar, metrics.macro_f1):
        by_cell = OfConfusion(rate, true, told, 3)
        assert by_cell.at(np.ones((1, 200)))[0] == pytest.approx(float(rate(metrics.confusion(true, told, 3))))
        wanted = interval(Weighted(by_cell.at), 200, rounds=4000)
        assert interval(by_cell, 200, rounds=4000) == pytest.approx(wanted, abs=0.012)


def test_a_resample_has_as_many_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emocap.metrics.intervals._CELLS", 70)
    parts = list(resamples(30, 5, np.random.default_rng(0)))
    assert [part.shape for part in parts] == [(2, 30), (2, 30), (1, 30)]
    assert (np.concatenate(parts).sum(1) == 30).all()


def test_what_cannot_be_told_of_a_resample_is_left_out() -> None:
    rare = Weighted(lambda weight: np.where(weight[:, 0] > 0, 0.5, np.nan))
    assert interval(rare, 10) == (0.5, 0.5)
    assert np.isnan(interval(Weighted(lambda weight: np.full(len(weight), np.nan)), 10)).all()


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.array([0.3, 0.35, 0.31, 0.4, 0.33])
    wanted = ttest_1samp(values, 0).confidence_interval(0.95)
    assert of_mean(values) == pytest.approx((wanted.low, wanted.high))


def test_mcnemar_is_a_toss_of_coins() -> None:
    first = np.array([True] * 9 + [False] * 2 + [True] * 20)
    second = np.array([False] * 9 + [True] * 2 + [True] * 20)
    assert mcnemar(first, second) == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert mcnemar(first, first) == 1.0


def test_a_difference_is_paired() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 3, 400)
    worse = np.where(random.random(400) < 0.6, true, (true + 1) % 3)
    better = np.where(random.random(400) < 0.15, true, worse)
    told = uar_difference(true, better, worse, 3)
    rates = [float(metrics.uar(metrics.confusion(true, one, 3))) for one in (better, worse)]
    assert told.value == pytest.approx(rates[0] - rates[1])
    assert 0 < told.low < told.value < told.high
    assert told.p == 0.002
    # Were they not paired, the interval would be that of two independent numbers, which is wider.
    apart = OfConfusion(metrics.uar, true, worse, 3)
    low, high = interval(apart, 400)
    assert told.high - told.low < high - low
    back = uar_difference(true, worse, better, 3)
    assert back.value == pytest.approx(-told.value)
    assert back.p == told.p
    assert uar_difference(true, worse, worse, 3).p == 1.0
