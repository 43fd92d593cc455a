from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as sk

from emocap.evaluate import metrics


@pytest.mark.parametrize("seed", range(5))
def test_the_rates_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    true, told = random.integers(0, 5, 300), random.integers(0, 5, 300)
    counts = metrics.confusion(true, told, 5)
    assert (counts == sk.confusion_matrix(true, told)).all()
    assert metrics.uar(counts) == pytest.approx(sk.balanced_accuracy_score(true, told))
    assert metrics.war(counts) == pytest.approx(sk.accuracy_score(true, told))
    assert metrics.macro_f1(counts) == pytest.approx(sk.f1_score(true, told, average="macro"))
    assert metrics.f1(true % 2, told % 2) == pytest.approx(sk.f1_score(true % 2, told % 2))


def test_a_class_that_does_not_occur_does_not_count() -> None:
    counts = metrics.confusion(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 4)
    assert metrics.uar(counts) == 0.75
    assert metrics.macro_f1(counts) == pytest.approx((0.8 + 2 / 3) / 2)
    assert metrics.f1(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)) == 0.0


def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        drawn = random.random(150) < 0.7
        low, high = metrics.bootstrap(partial(share, drawn), 150, rounds=200, seed=seed)
        held += low <= 0.7 <= high
    assert 178 <= held <= 199


def share(drawn: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]) -> float:
    return float(drawn[rows].mean())


def test_an_interval_repeats() -> None:
    values = np.random.default_rng(1).random(50)
    first = metrics.bootstrap(lambda rows: float(values[rows].mean()), 50)
    assert first == metrics.bootstrap(lambda rows: float(values[rows].mean()), 50)
    assert first[0] < values.mean() < first[1]
