from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from emocap import metrics
from emocap.metrics import Numbers


@pytest.mark.parametrize("seed", range(5))
def test_the_rates_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    true, told = random.integers(0, 5, 300), random.integers(0, 5, 300)
    counts = metrics.confusion(true, told, 5)
    assert (counts == sk.confusion_matrix(true, told)).all()
    assert metrics.uar(counts) == pytest.approx(sk.balanced_accuracy_score(true, told))
    assert metrics.war(counts) == pytest.approx(sk.accuracy_score(true, told))
    assert metrics.macro_f1(counts) == pytest.approx(sk.f1_score(true, told, average="macro"))
    assert metrics.uf1(counts) == pytest.approx(sk.f1_score(true, told, average="macro"))
    assert metrics.weighted_f1(counts) == pytest.approx(sk.f1_score(true, told, average="weighted"))
    assert metrics.f1(true % 2, told % 2) == pytest.approx(sk.f1_score(true % 2, told % 2))


def test_many_tables_are_one_by_one() -> None:
    tables = np.random.default_rng(0).integers(0, 9, (6, 4, 4))
    for rate in (metrics.uar, metrics.war, metrics.macro_f1, metrics.uf1, metrics.weighted_f1):
        assert rate(tables).tolist() == pytest.approx([float(rate(table)) for table in tables])


def test_a_class_that_does_not_occur_does_not_count() -> None:
    counts = metrics.confusion(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 4)
    assert metrics.uar(counts) == 0.75
    assert metrics.macro_f1(counts) == pytest.approx((0.8 + 2 / 3) / 2)
    assert metrics.f1(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)) == 0.0
    # A class that is only predicted has F1 0, which UF1 leaves out: it is no class of the test.
    counts = metrics.confusion(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 3)
    assert metrics.macro_f1(counts) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert metrics.uf1(counts) == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_answers_that_are_no_class_are_wrong_and_nobodys_prediction(seed: int) -> None:
    random = np.random.default_rng(seed)
    true, told = random.integers(0, 4, 300), random.integers(0, 5, 300)
    counts = metrics.confusion(true, told, 4)
    assert (counts == sk.confusion_matrix(true, told)[:4]).all()
    assert counts.shape == (4, 5)
    assert metrics.uar(counts) == pytest.approx(sk.recall_score(true, told, labels=range(4), average="macro"))
    assert metrics.war(counts) == pytest.approx((true == told).mean())
    for rate in (metrics.macro_f1, metrics.uf1):
        assert rate(counts) == pytest.approx(sk.f1_score(true, told, labels=range(4), average="macro"))
        assert rate(np.stack([counts, 2 * counts])).tolist() == pytest.approx([float(rate(counts))] * 2)
    assert metrics.uar(metrics.confusion(np.array([0, 1]), np.array([2, 2]), 2)) == 0


def test_mean_f1_is_over_the_units_that_occur() -> None:
    assert metrics.mean_f1(np.array([2.0, 0, 0]), np.array([4.0, 3, 0]), np.array([2.0, 1, 5])) == pytest.approx(1 / 3)
    assert np.isnan(metrics.mean_f1(np.zeros(2), np.zeros(2), np.ones(2)))


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_scikit_learns_with_ties_and_repetitions(seed: int) -> None:
    random = np.random.default_rng(seed)
    true, score = random.integers(0, 2, 60), random.integers(0, 12, 60).astype(float)
    weight = random.integers(0, 4, (3, 60)).astype(float)
    wanted = [sk.average_precision_score(true, score, sample_weight=row) for row in weight]
    assert metrics.average_precision(true, score, weight).tolist() == pytest.approx(wanted)


def anova_icc(x: np.ndarray, y: np.ndarray) -> float:
    """ICC(3,1) from the two-way table of Shrout and Fleiss."""
    table = np.stack([x, y], axis=1)
    n, grand = len(x), table.mean()
    between = 2 * ((table.mean(1) - grand) ** 2).sum() / (n - 1)
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + grand
    error = (rest**2).sum() / (n - 1)
    return float((between - error) / (between + error))


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_ratings_are_their_formulas(offset: float) -> None:
    random = np.random.default_rng(0)
    true = random.normal(size=80) + offset
    told = 0.6 * true + 0.3 * random.normal(size=80) - 0.2
    weight = np.stack([np.ones(80), random.integers(0, 4, 80)]).astype(float)
    for row, one in enumerate(weight):
        x, y = np.repeat(true, one.astype(int)), np.repeat(told, one.astype(int))
        ccc = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        wanted = {
            "ccc": ccc,
            "pcc": stats.pearsonr(x, y).statistic,
            "rmse": sk.root_mean_squared_error(x, y),
            "mae": sk.mean_absolute_error(x, y),
            "mse": sk.mean_squared_error(x, y),
            "icc": anova_icc(x, y),
            "sagr": (np.sign(x) == np.sign(y)).mean(),
        }
        assert set(wanted) == set(metrics.RATINGS)
        for name, value in wanted.items():
            assert metrics.rating(name, true, told, weight)[row] == pytest.approx(value), name


def test_a_constant_correlates_with_nothing() -> None:
    true, told, weight = np.array([1.0, 2, 3]), np.full(3, 2.0), np.ones((1, 3))
    assert [float(metrics.rating(name, true, told, weight)[0]) for name in ("ccc", "pcc", "icc")] == [0, 0, 0]


def test_the_eer_is_where_the_roc_of_scikit_learn_crosses() -> None:
    random = np.random.default_rng(0)
    for digits in (0, 1, 6):  # with many ties, some, and none
        for size in (2, 5, 40, 300):
            real = random.random(size) < 0.4
            real[:2] = True, False
            scores = np.round(random.normal(size=size) + 0.8 * real, digits).astype(np.float64)
            weight_RN = np.stack([np.ones(size), random.integers(0, 4, size)])
            weight_RN[:, :2] = 1
            for weight_N, found in zip(weight_RN, metrics.eer(real, scores, weight_RN), strict=True):
                false, true, _ = sk.roc_curve(real, scores, sample_weight=weight_N, drop_intermediate=False)
                over = int(np.argmax(false >= 1 - true))
                (a, b), (c, d) = false[over - 1 : over + 1], 1 - true[over - 1 : over + 1]
                share = (c - a) / ((c - a) + (b - d))  # where the two lines cross
                assert found == pytest.approx(a + share * (b - a))
                assert found == pytest.approx(c + share * (d - c))


@pytest.mark.parametrize(
    ("real", "scores", "told"),
    [
        ([1, 1, 0, 0], [4, 3, 2, 1], 0.0),
        ([1, 1, 0, 0], [1, 2, 3, 4], 1.0),
        ([1, 0, 1, 0], [4, 3, 2, 1], 0.5),
        ([1, 1, 0, 0], [1, 1, 1, 1], 0.5),
        ([1, 1, 1, 0], [4, 3, 1, 2], 1 / 3),
        ([1, 1], [1, 2], float("nan")),
        ([0, 0], [1, 2], float("nan")),
        ([], [], float("nan")),
    ],
)
def test_golden_eers(real: list[int], scores: list[float], told: float) -> None:
    ones = np.ones((1, len(real)))
    assert metrics.eer(np.array(real, dtype=bool), np.array(scores, dtype=float), ones)[0] == pytest.approx(
        told, nan_ok=True
    )


@pytest.mark.parametrize("curve", [metrics.eer, metrics.average_precision])
def test_scores_that_are_no_numbers_leave_a_curve_undefined(curve: Callable[..., Numbers]) -> None:
    real, some = np.array([True, True, False, False]), np.array([2.0, np.nan, 0.0, 1.0])
    every, without = np.ones((1, 4)), np.array([[1.0, 0, 1, 1]])
    assert np.isnan(curve(real, np.full(4, np.nan), every)).all()
    assert np.isnan(curve(real, some, every)).all()
    # What does not count may have none.
    known = np.array([0, 2, 3])
    assert curve(real, some, without) == pytest.approx(curve(real[known], some[known], np.ones((1, 3))))


def test_infinite_scores_are_ordered_and_tied_as_others() -> None:
    real, ones = np.array([True, True, False, False]), np.ones((1, 4))
    assert metrics.eer(real, np.array([np.inf, 1.0, 0.0, -np.inf]), ones) == pytest.approx([0.0])
    assert metrics.eer(real, np.array([np.inf, 0.0, np.inf, -np.inf]), ones) == pytest.approx(
        metrics.eer(real, np.array([2.0, 0.0, 2.0, -2.0]), ones)
    )


def test_a_class_that_is_never_true_has_no_weight() -> None:
    table = np.array([[3, 1], [0, 0]])
    wanted = sk.f1_score(["a"] * 4, ["a", "a", "a", "b"], average="weighted")
    assert metrics.weighted_f1(table) == pytest.approx(wanted)
    assert np.isnan(metrics.weighted_f1(np.zeros((2, 2))))


def test_the_mean_over_some_of_the_examples() -> None:
    values, among = np.array([1.0, 0.5, 0.0, np.nan]), np.array([True, True, True, False])
    weight_RN = np.array([[1.0, 1, 1, 1], [2, 0, 1, 5], [0, 0, 0, 1]])
    assert metrics.mean_among(values, among, weight_RN) == pytest.approx([0.5, 2 / 3, float("nan")], nan_ok=True)
