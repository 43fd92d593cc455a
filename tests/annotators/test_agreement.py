import itertools
from typing import get_args

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from emocap.annotators.agreement import Alpha, PairTables, kappa
from emocap.annotators.scale import Chance, Level, Scale, Weights, make_scale
from emocap.core.errors import UserError
from emocap.metrics.arrays import Labels, Numbers


def votes(seed: int, items: int = 60, annotators: int = 4, classes: int = 5, missing: float = 0.3) -> Labels:
    """Annotators who often agree, with gaps; −1: none."""
    random = np.random.default_rng(seed)
    shown = random.integers(0, classes, items)[:, None]
    agrees = random.random((items, annotators)) < 0.6
    label_NA = np.where(agrees, shown, random.integers(0, classes, (items, annotators)))
    return np.where(random.random((items, annotators)) < missing, -1, label_NA)


def scale(
    classes: int, level: Level = "nominal", weights: Weights | None = None, chance: Chance = "marginals"
) -> Scale:
    return make_scale([str(label) for label in range(classes)], level, weights, chance, named=False)


def kappas(label_NA: Labels, some: Scale, weight_N: Numbers | None = None) -> Numbers:
    weight_N = np.ones(len(label_NA)) if weight_N is None else weight_N
    return kappa(PairTables(label_NA, len(some.value_C)).at(weight_N), some)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("level", "weights"), [("nominal", None), ("ordinal", "linear"), ("interval", "quadratic"), ("ordinal", "none")]
)
def test_kappa_is_scikit_learns_on_what_both_have_labelled(seed: int, level: Level, weights: Weights | None) -> None:
    label_NA = votes(seed)
    told = kappas(label_NA, scale(5, level, weights))
    for value, (i, j) in zip(told, itertools.combinations(range(4), 2), strict=True):
        both = (label_NA[:, [i, j]] >= 0).all(1)
        named = weights if weights in ("linear", "quadratic") else None
        wanted = cohen_kappa_score(label_NA[both, i], label_NA[both, j], labels=range(5), weights=named)
        assert value == pytest.approx(wanted)


def test_the_pairs_of_items_that_count_more_than_once_are_counted_so() -> None:
    label_NA = votes(0)
    weight_N = np.random.default_rng(1).integers(0, 4, len(label_NA)).astype(float)
    repeated = label_NA.repeat(weight_N.astype(int), axis=0)
    assert kappas(label_NA, scale(5), weight_N) == pytest.approx(kappas(repeated, scale(5)))
    ordinal = scale(5, "ordinal")
    assert Alpha(label_NA, ordinal).at(weight_N) == pytest.approx(Alpha(repeated, ordinal).at(np.ones(len(repeated))))


def test_uniform_chance_is_one_in_as_many_labels() -> None:
    label_NA = votes(2, annotators=2, missing=0.0)
    agreed = (label_NA[:, 0] == label_NA[:, 1]).mean()
    assert kappas(label_NA, scale(5, chance="uniform"))[0] == pytest.approx((agreed - 1 / 5) / (1 - 1 / 5))
    # More labels than occur: AMER's eight, say.
    assert kappas(label_NA, scale(8, chance="uniform"))[0] == pytest.approx((agreed - 1 / 8) / (1 - 1 / 8))


def test_kappa_is_unknown_without_overlap_and_of_constant_raters() -> None:
    label_NA = np.array([[0, 0, -1, 1], [1, 0, -1, 1], [0, 0, -1, 0], [1, 0, 1, -1], [-1, -1, 0, -1]])
    some = scale(2)
    told = dict(zip(itertools.combinations(range(4), 2), kappas(label_NA, some), strict=True))
    assert np.isnan(told[0, 1])  # 1 says 0 of everything
    assert np.isnan(told[1, 3])
    assert np.isnan(told[2, 3])  # no item in common
    assert np.isnan(told[0, 2])  # one item
    assert told[0, 3] == pytest.approx(cohen_kappa_score([0, 1, 0], [1, 1, 0]))
    assert PairTables(label_NA, 2).shared().tolist() == [4, 1, 3, 1, 3, 0]
    # By uniform chance a constant rater is no riddle: half of the four items agree, as half do by chance.
    assert kappas(label_NA, scale(2, chance="uniform"))[0] == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", get_args(Level))
def test_alpha_is_that_of_the_package(seed: int, level: Level) -> None:
    label_NA = votes(seed, missing=0.5)
    value_C = np.array([-3.0, -1, 0, 2, 7])
    some = make_scale([str(value) for value in value_C], level, None, "marginals", named=False)
    values = np.where(label_NA >= 0, value_C[label_NA], np.nan)
    wanted = krippendorff.alpha(values.T, level_of_measurement=level, value_domain=value_C.tolist())
    assert Alpha(label_NA, some).at(np.ones(len(label_NA))) == pytest.approx(wanted)


def test_alpha_is_that_of_krippendorffs_example() -> None:
    # Krippendorff (2011), section C: four observers, twelve units; nominal 0.743, ordinal 0.815, interval 0.849.
    data = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
            [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
        ]
    )
    label_NA = data.T - 1
    told = {level: Alpha(label_NA, scale(5, level)).at(np.ones(12)) for level in get_args(Level)}
    assert told == {
        "nominal": pytest.approx(0.743, abs=5e-4),
        "ordinal": pytest.approx(0.815, abs=5e-4),
        "interval": pytest.approx(0.849, abs=5e-4),
    }


def test_alpha_of_nothing_to_pair_is_unknown() -> None:
    assert np.isnan(Alpha(np.array([[0, -1], [-1, 1]]), scale(2)).at(np.ones(2)))
    assert np.isnan(Alpha(np.zeros((4, 3), dtype=np.int64), scale(2)).at(np.ones(4)))


@pytest.mark.parametrize(
    ("labels", "level", "weights", "named", "told"),
    [
        (["1", "x"], "interval", None, True, "level interval: x is not a number"),
        (["low", "high"], "ordinal", None, False, "give the labels in their order"),
        (["1", "2"], "nominal", "linear", False, "weights linear: nominal labels are equally far"),
    ],
)
def test_labels_that_do_not_fit_their_level_are_told(
    labels: list[str], level: Level, weights: Weights | None, named: bool, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        make_scale(labels, level, weights, "marginals", named)


def test_labels_in_order_are_far_apart_by_their_places_and_numbers_by_their_values() -> None:
    ordinal = make_scale(["low", "middle", "high"], "ordinal", None, "marginals", named=True)
    assert ordinal.cost_CC[0].tolist() == [0, 1, 4]
    interval = make_scale(["0", "1", "5"], "interval", "linear", "marginals", named=False)
    assert interval.cost_CC[0].tolist() == [0, 1, 5]
