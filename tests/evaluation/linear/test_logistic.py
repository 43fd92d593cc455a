from typing import Any

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.linear_model import LogisticRegression

from emocap.core.errors import UserError
from emocap.evaluation.linear import logistic
from emocap.evaluation.linear.logistic import GRID, sigmoid, softmax

CS = GRID[::11]


def drawn(rows: int, width: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features, classes of which the first is the most frequent, and noise in between."""
    random = np.random.default_rng(seed)
    labels = np.minimum(random.geometric(0.4, rows) - 1, classes - 1)
    scale = np.arange(1, width + 1) ** -0.7
    hidden = (random.normal(size=(classes, width))[labels] + random.normal(size=(rows, width))) * scale
    mixed = hidden @ random.normal(size=(width, width)) + random.normal(size=width)
    return mixed.astype(np.float32), labels


def cross_entropy(features: np.ndarray, labels: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    chosen = log_softmax(features.astype(float) @ weights + bias, axis=1)[np.arange(len(labels)), labels]
    return np.asarray(-chosen)


@pytest.mark.parametrize(("rows", "width"), [(300, 8), (40, 60)])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_optimum_is_scikit_learns(
    rows: int, width: int, single: bool, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the classes can be separated, as of fewer rows than features, and C is large."""
    monkeypatch.setattr(logistic, "_SINGLE_FROM", 0 if single else 10**12)
    features, labels = drawn(rows, width, 4)
    weight = np.random.default_rng(1).uniform(0.2, 3, rows) if weighted else np.ones(rows)
    fits = softmax(features, labels, 4, CS, weight if weighted else None)
    for place, c in enumerate(CS):
        theirs = LogisticRegression(C=c, tol=1e-8, max_iter=10_000, solver="newton-cholesky")
        theirs.fit(features.astype(float), labels, sample_weight=weight)

        def objective(weights: np.ndarray, bias: np.ndarray, c: float = c) -> float:
            losses = cross_entropy(features, labels, weights, bias)
            return float(c * (weight * losses).sum() + (weights**2).sum() / 2)

        ours = objective(fits.weight_GDK[place].numpy(), fits.intercept_GK[place].numpy())
        reached = objective(theirs.coef_.T, theirs.intercept_)
        assert ours <= reached * (1 + 1e-5)
        assert ours == pytest.approx(reached, rel=1e-4)
        assert fits.objective_G[place] == pytest.approx(ours, rel=1e-5)
        told = fits.logits(features, place).argmax(1)
        assert (told == theirs.predict(features.astype(float))).mean() >= 1 - 1 / rows


def test_things_that_are_there_or_not_are_fitted_apart() -> None:
    features, labels = drawn(300, 8, 4)
    present = np.stack([labels == 0, labels >= 2, labels == 3], axis=1).astype(np.int64)
    weight = np.random.default_rng(1).uniform(0.2, 3, present.shape)
    weight[np.random.default_rng(2).random(present.shape) < 0.3] = 0
    fits = sigmoid(features, present, CS, weight)
    for place, c in enumerate(CS):
        total = 0.0
        for one in range(3):
            known = weight[:, one] > 0
            theirs = LogisticRegression(C=c, tol=1e-8, max_iter=10_000, solver="newton-cholesky")
            theirs.fit(features[known].astype(float), present[known, one], sample_weight=weight[known, one])
            assert fits.weight_GDK[place, :, one].numpy() == pytest.approx(theirs.coef_[0], abs=1e-2, rel=1e-2)
            signed = (2 * present[:, one] - 1) * (features.astype(float) @ theirs.coef_[0] + theirs.intercept_)
            total += c * float(-(weight[:, one] * np.log(expit(signed))).sum()) + float((theirs.coef_**2).sum()) / 2
        assert fits.objective_G[place] == pytest.approx(total, rel=1e-5)


def test_a_grid_in_pieces_is_the_same_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = drawn(200, 6, 3)
    whole = softmax(features, labels, 3)
    monkeypatch.setattr(logistic, "_CELLS", 200 * 3 * 2)
    pieces = softmax(features, labels, 3)
    assert pieces.objective_G == pytest.approx(whole.objective_G, rel=1e-6)
    assert len(whole.objective_G) == len(GRID) == 45


def test_a_class_without_examples_is_never_predicted() -> None:
    features, labels = drawn(100, 5, 3)
    labels = np.where(labels >= 1, labels + 1, 0)
    fits = softmax(features, labels, 5, (1.0,))
    assert set(np.unique(fits.logits(features * 100, 0).argmax(1))) <= set(labels)
    three = softmax(features, np.unique(labels, return_inverse=True)[1], 3, (1.0,))
    assert fits.objective_G == pytest.approx(three.objective_G)


def test_a_feature_that_never_varies_changes_nothing() -> None:
    features, labels = drawn(100, 5, 3)
    constant = np.concatenate([features, np.full((100, 1), 7, dtype=np.float32)], axis=1)
    one, other = softmax(features, labels, 3, CS), softmax(constant, labels, 3, CS)
    assert other.objective_G == pytest.approx(one.objective_G, rel=1e-6)
    assert other.weight_GDK[:, -1].abs().max() < 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_told(bad: Any) -> None:
    features, labels = drawn(20, 3, 2)
    features[3, 1] = bad
    with pytest.raises(UserError, match="features that are no numbers"):
        softmax(features, labels, 2)
