import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from emocap import metrics
from emocap.core.errors import UserError
from emocap.evaluation.linear.logistic import GRID
from emocap.evaluation.linear.probe import classes, units


def accuracy(true: np.ndarray, told: np.ndarray) -> float:
    return float((true == told).mean())


def names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def blobs(classes: int, each: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, 6)) * 3
    labels = np.repeat(np.arange(classes), each)
    return (centres[labels] + spread * random.normal(size=(len(labels), 6))).astype(np.float32), labels


def test_what_can_be_separated_is() -> None:
    train, labels = blobs(4, 30, 0.5, 0)
    test, wanted = blobs(4, 20, 0.5, 1)
    probed = classes(train, labels, names(120), test, accuracy)
    assert (probed.predicted == wanted).all()
    assert probed.c in GRID
    assert ((probed.score > 0.25) & (probed.score <= 1)).all()


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("balanced", [False, True])
def test_the_answer_is_that_of_scikit_learn_at_the_chosen_c(number: int, balanced: bool) -> None:
    train, labels = blobs(number, 40, 4.0, 0)
    train, labels = train[10:], labels[10:]
    test, _ = blobs(number, 40, 4.0, 1)
    probed = classes(train, labels, names(len(train)), test, accuracy, balanced=balanced)
    scaler = StandardScaler().fit(train)
    weight = "balanced" if balanced else None
    model = LogisticRegression(C=probed.c, tol=1e-10, class_weight=weight, solver="newton-cholesky")
    model.fit(scaler.transform(train).astype(float), labels)
    seen = scaler.transform(test).astype(float)
    assert (probed.predicted == model.predict(seen)).all()
    assert probed.score == pytest.approx(model.predict_proba(seen).max(1), abs=2e-3)


def test_the_strength_of_regularisation_follows_the_score() -> None:
    train, labels = blobs(2, 30, 3.0, 0)
    calls: list[int] = []

    def prefer(place: int) -> float:
        """The chosen C where the candidate at ``place`` of the grid scores best on all three folds."""
        calls.clear()

        def score(true: np.ndarray, told: np.ndarray) -> float:
            calls.append(1)
            return float((len(calls) - 1) % len(GRID) == place)

        return classes(train, labels, names(60), train, score).c

    assert [prefer(place) for place in (0, 7, 44)] == [GRID[0], GRID[7], GRID[44]]
    assert list(GRID) == sorted(GRID)
    # What scores alike is decided for the strongest.
    assert classes(train, labels, names(60), train, lambda true, told: 0.5).c == GRID[0]


def test_an_official_validation_split_chooses_and_is_then_learned() -> None:
    train, labels = blobs(3, 20, 0.5, 0)
    val, val_labels = blobs(3, 10, 0.5, 1)
    seen: list[int] = []

    def score(true: np.ndarray, told: np.ndarray) -> float:
        seen.append(len(true))
        return float(len(seen) == 31)

    first = labels < 2  # the third class is in val alone: whoever predicts it has learned from val
    probed = classes(train[first], labels[first], names(40), train, score, (val, val_labels))
    assert seen == [30] * len(GRID)
    assert probed.c == GRID[30]
    assert (probed.predicted[labels == 2] == 2).all()


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

    classes(identity.astype(np.float32), labels, people.astype(str).tolist(), identity[:5].astype(np.float32), score)
    assert np.mean(seen) < 0.8


def test_one_class_and_one_group_are_no_crash() -> None:
    rows = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    probed = classes(rows, np.ones(10, dtype=np.int64), ["a"] * 10, rows, accuracy)
    assert (probed.predicted == 1).all()


@pytest.mark.parametrize("groups", [2, 3])
def test_fewer_groups_than_folds(groups: int) -> None:
    train, labels = blobs(2, 12, 0.5, 0)
    probed = classes(train, labels, (np.arange(24) % groups).astype(str).tolist(), train, accuracy)
    assert (probed.predicted == labels).all()


def test_features_that_are_no_numbers_are_told() -> None:
    train, labels = blobs(2, 12, 0.5, 0)
    bad = train.copy()
    bad[3, 1], bad[3, 2], bad[7, 0] = np.nan, np.inf, np.inf
    for one, other in ((bad, train), (train, bad)):
        with pytest.raises(UserError, match="the features of 2 pictures are no numbers"):
            classes(one, labels, names(24), other, accuracy)


def presence(seed: int, rows: int = 400) -> tuple[np.ndarray, npt.NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 4)).astype(np.float32)
    noisy = features[:, :2] + random.normal(size=(rows, 2))
    return features, (noisy > [0, 2.2]).astype(np.int64)


def mean_f1(true: np.ndarray, told: np.ndarray) -> float:
    return float(np.mean([metrics.f1(true[:, u] == 1, (told[:, u] == 1) & (true[:, u] >= 0)) for u in range(2)]))


def test_units_are_weighed_by_their_rarity_as_scikit_learn_does() -> None:
    features, present = presence(0)
    probed = units(features, present, names(400), features, mean_f1)
    scaler = StandardScaler().fit(features)
    for unit in range(2):
        model = LogisticRegression(C=probed.c, class_weight="balanced", tol=1e-8)
        model.fit(scaler.transform(features).astype(float), present[:, unit])
        logits = model.decision_function(scaler.transform(features).astype(float))
        assert probed.score[:, unit] == pytest.approx(logits, abs=1e-2)
    assert probed.predicted[:, 1].sum() > 2 * present[:, 1].sum()


def test_unknown_units_teach_nothing() -> None:
    features, present = presence(0)
    unknown = np.random.default_rng(5).random(400) < 0.5
    masked = present.copy()
    masked[unknown, 0] = -1
    told = units(features, masked, names(400), features, mean_f1, grid=(1.0,))
    scaler = StandardScaler().fit(features)
    scaled = scaler.transform(features).astype(float)
    model = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-8).fit(scaled[~unknown], present[~unknown, 0])
    assert told.score[:, 0] == pytest.approx(model.decision_function(scaled), abs=1e-2)


def test_a_unit_that_never_changes_in_train_is_predicted_so() -> None:
    features, present = presence(0, 60)
    present[:, 1] = 0
    assert not units(features, present, names(60), features, mean_f1).predicted[:, 1].any()
    present[:, 1] = 1
    assert units(features, present, names(60), features, mean_f1).predicted[:, 1].all()
