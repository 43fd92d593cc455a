import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from emocap.evaluate.probe import GRID, fit_predict


def accuracy(true: np.ndarray, told: np.ndarray) -> float:
    return float((true == told).mean())


def blobs(classes: int, each: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, 6)) * 3
    labels = np.repeat(np.arange(classes), each)
    return (centres[labels] + spread * random.normal(size=(len(labels), 6))).astype(np.float32), labels


def test_what_can_be_separated_is() -> None:
    train, labels = blobs(4, 30, 0.5, 0)
    test, wanted = blobs(4, 20, 0.5, 1)
    told, c = fit_predict(train, labels, np.arange(120).astype(str), test, accuracy)
    assert (told == wanted).all()
    assert c in GRID


def test_the_answer_is_that_of_scikit_learn_at_the_chosen_c() -> None:
    train, labels = blobs(3, 40, 4.0, 0)
    test, _ = blobs(3, 40, 4.0, 1)
    told, c = fit_predict(train, labels, np.arange(120).astype(str), test, accuracy)
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(C=c, max_iter=2000).fit(scaler.transform(train), labels)
    assert (told == model.predict(scaler.transform(test))).all()


def test_the_strength_of_regularisation_follows_the_score() -> None:
    train, labels = blobs(2, 30, 3.0, 0)
    groups = np.arange(60).astype(str)
    calls: list[int] = []

    def prefer(place: int) -> float:
        """The chosen C where the candidate at ``place`` of the grid scores best on all three folds."""
        calls.clear()

        def score(true: np.ndarray, told: np.ndarray) -> float:
            calls.append(1)
            return float((len(calls) - 1) % len(GRID) == place)

        return fit_predict(train, labels, groups, train, score)[1]

    assert [prefer(place) for place in range(len(GRID))] == list(GRID)


def test_folds_keep_people_together() -> None:
    """Features that give away the person and nothing else must not look useful.

    With people split over the folds they would reach 1.0 in cross-validation.
    """
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(12), 10)
    identity = random.normal(size=(12, 20))[people]
    labels = np.repeat(random.permutation([0, 1] * 6), 10)
    seen: list[float] = []

    def score(true: np.ndarray, told: np.ndarray) -> float:
        seen.append(accuracy(true, told))
        return seen[-1]

    fit_predict(identity.astype(np.float32), labels, people.astype(str), identity[:5].astype(np.float32), score)
    assert np.mean(seen) < 0.8


def test_one_class_and_one_group_are_no_crash() -> None:
    rows = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    told, _ = fit_predict(rows, np.ones(10, dtype=np.int64), np.array(["a"] * 10), rows, accuracy)
    assert (told == 1).all()


def test_balancing_helps_the_rare_class() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 4)).astype(np.float32)
    labels = (rows[:, 0] + random.normal(size=400) > 2.2).astype(np.int64)
    groups = np.arange(400).astype(str)
    plain, _ = fit_predict(rows, labels, groups, rows, accuracy)
    balanced, _ = fit_predict(rows, labels, groups, rows, accuracy, balanced=True)
    assert balanced[labels == 1].mean() > plain[labels == 1].mean()


@pytest.mark.parametrize("groups", [2, 3])
def test_fewer_groups_than_folds(groups: int) -> None:
    train, labels = blobs(2, 12, 0.5, 0)
    told, _ = fit_predict(train, labels, (np.arange(24) % groups).astype(str), train, accuracy)
    assert (told == labels).all()
