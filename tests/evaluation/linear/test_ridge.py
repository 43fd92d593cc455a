import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from emocap.core.errors import UserError
from emocap.evaluation.linear.ridge import GRID, fit_predict


def drawn(rows: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, width)) * np.arange(1, width + 1) + 5
    weights = np.random.default_rng(50).normal(size=width) / np.arange(1, width + 1)
    values = features @ weights + random.normal(size=rows)
    return features.astype(np.float32), values


def names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


@pytest.mark.parametrize(("rows", "width"), [(200, 6), (20, 40)])
def test_the_answer_is_that_of_scikit_learns_ridge(rows: int, width: int) -> None:
    train, values = drawn(rows, width, 0)
    test, _ = drawn(30, width, 1)
    told, alpha = fit_predict(train, values, names(rows), test, (-1e9, 1e9))
    scaler = StandardScaler().fit(train.astype(float))
    model = Ridge(alpha=alpha * rows).fit(scaler.transform(train.astype(float)), values)
    assert told == pytest.approx(model.predict(scaler.transform(test.astype(float))), rel=1e-4, abs=1e-4)
    assert alpha in GRID


def test_the_strength_is_that_of_the_least_error_on_validation() -> None:
    train, values = drawn(40, 30, 0)
    values = values + 8 * np.random.default_rng(3).normal(size=40)
    val = drawn(200, 30, 1)
    _, alpha = fit_predict(train, values, names(40), train, (-1e9, 1e9), val)
    errors = []
    scaler = StandardScaler().fit(train.astype(float))
    for one in GRID:
        model = Ridge(alpha=one * 40).fit(scaler.transform(train.astype(float)), values)
        errors.append(((model.predict(scaler.transform(val[0].astype(float))) - val[1]) ** 2).mean())
    assert alpha == GRID[int(np.argmin(errors))]
    assert GRID[-1] < alpha < GRID[0]


def test_predictions_stay_on_the_scale() -> None:
    train, values = drawn(100, 5, 0)
    told, _ = fit_predict(train, values, names(100), train, (-0.5, 0.5))
    assert told.min() == -0.5
    assert told.max() == 0.5


def test_what_is_no_number_is_told() -> None:
    train, values = drawn(10, 3, 0)
    values[2] = np.nan
    with pytest.raises(UserError, match="no numbers"):
        fit_predict(train, values, names(10), train, (-1, 1))
