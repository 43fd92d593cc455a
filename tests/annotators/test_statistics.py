import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from emocap.annotators.bootstrap import Certainty, bootstrap_of, percentiles
from emocap.annotators.measures import measures, strength
from emocap.annotators.scale import Scale, make_scale
from emocap.annotators.simulated import Simulated, simulate
from emocap.annotators.statistics import AgreementStatistics, Comparing
from emocap.annotators.structure import dic, square


def nominal(classes: int) -> Scale:
    return make_scale([str(label) for label in range(classes)], "nominal", None, "marginals", named=False)


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulate(items=150, annotators=5, ordered=False, classes=4, missing=0.2, seed=3)


@pytest.fixture(scope="module")
def panel(made: Simulated) -> AgreementStatistics:
    return AgreementStatistics(made.given_NA, nominal(4), made.predicted_NA, made.vector_NAD)


@pytest.fixture(scope="module")
def certainty(panel: AgreementStatistics) -> Certainty:
    return bootstrap_of(panel, rounds=120, map_rounds=20)


def test_a_number_is_what_its_resample_of_every_item_once_gives(panel: AgreementStatistics) -> None:
    again = panel.at(np.ones(150))
    assert set(again) == set(panel.point) - {"bae"}
    for name, value in again.items():
        assert np.array_equal(value, panel.point[name], equal_nan=True)


def test_a_resample_is_a_panel_of_its_items(made: Simulated, panel: AgreementStatistics) -> None:
    weight_N = np.random.default_rng(0).multinomial(150, np.full(150, 1 / 150)).astype(float)
    rows = np.arange(150).repeat(weight_N.astype(int))
    other = AgreementStatistics(made.given_NA[rows], nominal(4), made.predicted_NA[rows], made.vector_NAD[rows])
    for name, value in panel.at(weight_N).items():
        assert value == pytest.approx(other.point[name], nan_ok=True)


def test_predictions_are_compared_where_there_are_labels(made: Simulated) -> None:
    predicted_NA = np.where(np.arange(150)[:, None] < 100, made.predicted_NA, -1)
    panel = AgreementStatistics(made.given_NA, nominal(4), predicted_NA)
    first = AgreementStatistics(made.given_NA[:100], nominal(4), made.predicted_NA[:100])
    masked = AgreementStatistics(
        made.given_NA[:100], nominal(4), np.where(made.given_NA[:100] >= 0, made.predicted_NA[:100], -1)
    )
    assert panel.point["dic"] == pytest.approx(first.point["dic"])
    assert panel.point["dic"] == pytest.approx(masked.point["dic"])
    assert panel.point["truth_predicted"] == pytest.approx(first.point["kappa"])
    assert panel.point["predicted"] == pytest.approx(masked.point["predicted"])
    assert panel.shared("kappa").sum() > panel.shared("predicted").sum() == panel.shared("truth_predicted").sum()


def test_perfect_predictions_have_no_dic(made: Simulated) -> None:
    panel = AgreementStatistics(made.given_NA, nominal(4), made.given_NA)
    assert panel.point["dic"] == 0.0
    assert panel.point["accuracy_mean"] == 1.0
    assert panel.point["consensus"] == 1.0


def test_explanations_as_alike_as_the_labels_have_a_bae_of_one(made: Simulated) -> None:
    own = AgreementStatistics(made.given_NA, nominal(4))
    alike_AA = square(own.point["kappa"], 5)
    # Unit vectors whose inner products are κ: the rows of a Cholesky factor.
    vectors = np.broadcast_to(np.linalg.cholesky(alike_AA), (150, 5, 5))
    panel = AgreementStatistics(made.given_NA, nominal(4), vector_NAD=np.array(vectors))
    assert panel.point["explained"] == pytest.approx(own.point["kappa"])
    assert panel.point["bae"] == pytest.approx(1.0, abs=1e-6)
    assert panel.point["bae_pearson"] == pytest.approx(1.0)
    assert panel.shuffled()["bae"] < 0.9


def test_clipping_takes_kappa_below_zero_for_zero() -> None:
    given_NA = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]])
    told_NA = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
    panel = AgreementStatistics(given_NA, nominal(2), told_NA, comparing=Comparing(clip_negative=True))
    assert panel.point["kappa"].min() < 0
    truth_P, told_P = panel.structures(panel.point, "predicted")
    assert truth_P.min() == 0
    assert panel.point["dic"] == pytest.approx(dic(truth_P, told_P, 3, "none", False))


def test_every_number_has_its_interval(panel: AgreementStatistics, certainty: Certainty) -> None:
    assert set(certainty.interval) == {*panel.point, "dic_corrected"}
    for name, value in panel.point.items():
        low, high = certainty.interval[name]
        assert low.shape == value.shape
        assert (low <= high).all()
        if name != "bae":
            assert ((low <= value) & (value <= high)).mean() > 0.8
    again = bootstrap_of(panel, rounds=120, map_rounds=20)
    assert all(np.array_equal(certainty.interval[name], other) for name, other in again.interval.items())


def test_the_noise_of_dic_is_what_two_draws_of_the_same_people_give() -> None:
    random = np.random.default_rng(0)
    noise, found = [], []
    for _ in range(80):
        shown = random.integers(0, 3, 80)[:, None]
        drawn = [np.where(random.random((80, 4)) < 0.6, shown, random.integers(0, 3, (80, 4))) for _ in range(2)]
        panel = AgreementStatistics(drawn[0], nominal(3), drawn[1])
        noise.append(bootstrap_of(panel, rounds=60).dic_noise ** 2)
        found.append(float(panel.point["dic"]) ** 2)
    assert np.mean(noise) == pytest.approx(np.mean(found), rel=0.2)


def test_resamples_that_tell_nothing_are_left_out() -> None:
    drawn = np.array([[0.1, np.nan], [np.nan, np.nan], [0.3, np.nan]])
    assert percentiles(drawn)[:, 0] == pytest.approx([0.105, 0.295])
    assert np.isnan(percentiles(drawn)[:, 1]).all()
    assert percentiles(np.array([1.0, 2.0, 3.0])).shape == (2,)


def test_two_annotators_have_one_kappa_and_no_map() -> None:
    random = np.random.default_rng(0)
    given_NA = random.integers(0, 2, (40, 2))
    panel = AgreementStatistics(given_NA, nominal(2), given_NA[::-1], random.normal(size=(40, 2, 3)))
    told = {one["key"]: one for one in measures(panel, bootstrap_of(panel, rounds=20))}
    assert told["bae"]["value"] is None
    assert "three annotators" in told["bae"]["reading"]
    assert told["bae_spearman"]["value"] is None
    assert told["dic"]["value"] is not None
    assert told["dic"]["shuffled"] is None
    assert panel.own_map is None


def test_people_who_never_share_an_item_have_no_kappa() -> None:
    given_NA = np.array([[0, -1, 0], [1, -1, 0], [-1, 0, 1], [-1, 1, 1], [0, -1, 1]])
    panel = AgreementStatistics(given_NA, nominal(2))
    assert np.isnan(panel.point["kappa"][0])
    told = {one["key"]: one for one in measures(panel, bootstrap_of(panel, rounds=20))}
    assert told["kappa_mean"]["value"] == pytest.approx(np.nanmean(panel.point["kappa"]))
    assert told["alpha"]["value"] is not None


def test_a_model_that_says_the_same_of_everything_has_no_structure(made: Simulated) -> None:
    panel = AgreementStatistics(made.given_NA, nominal(4), np.zeros_like(made.given_NA))
    told = {one["key"]: one for one in measures(panel, bootstrap_of(panel, rounds=10))}
    assert told["dic"]["value"] is None
    assert told["dic_corrected"]["value"] is None
    assert "no pair" in told["dic"]["reading"]
    assert told["accuracy_mean"]["value"] == pytest.approx(np.mean([(g[g >= 0] == 0).mean() for g in made.given_NA.T]))
    half = np.where(np.arange(5) < 2, 0, made.predicted_NA)
    told = {
        one["key"]: one for one in measures(AgreementStatistics(made.given_NA, nominal(4), half), certainty_of_none())
    }
    assert "of 3 of 10 pairs: not to be compared" in told["dic"]["reading"]
    assert (told["dic"]["pairs"], told["dic"]["masked_pairs"]) == (10, 7)
    assert (told["kappa_mean"]["masked_pairs"], told["dic_worst"]["masked_pairs"]) == (0, 0)


def test_dic_at_worst_does_not_fall_where_a_model_collapses(made: Simulated) -> None:
    found = []
    for constant in range(6):
        told_NA = np.where(np.arange(5) < constant, 0, made.predicted_NA)
        panel = AgreementStatistics(made.given_NA, nominal(4), told_NA)
        kappa_AA = np.eye(5)
        for i, j in itertools.combinations(range(5), 2):
            both = (made.given_NA[:, [i, j]] >= 0).all(1)
            if constant <= min(i, j):
                kappa_AA[i, j] = kappa_AA[j, i] = cohen_kappa_score(told_NA[both, i], told_NA[both, j])
        wanted = float(np.linalg.norm(square(panel.point["truth_predicted"], 5) - kappa_AA))
        assert panel.point["dic_worst"] == pytest.approx(wanted)
        found.append((float(panel.point["dic"]), wanted))
    assert found[0][0] == found[0][1]
    assert all(masked < worst for masked, worst in found[1:4])
    assert found[3][0] < found[0][0] < found[3][1]  # DIC falls, and at worst rises
    assert math.isnan(found[4][0])
    assert found[4][1] == found[5][1] > found[3][1]


def test_a_pair_whose_labels_have_no_kappa_is_masked_at_worst_too() -> None:
    # The second shares nothing with the first, and with the third items of which that one says the same.
    given_NA = np.array([[0, -1, 0], [1, -1, 0], [-1, 0, 1], [-1, 1, 1], [0, -1, 1]])
    panel = AgreementStatistics(given_NA, nominal(2), given_NA)
    told = {one["key"]: one for one in measures(panel, certainty_of_none())}
    assert (told["dic_worst"]["value"], told["dic_worst"]["masked_pairs"]) == (0.0, 2)


def certainty_of_none() -> Certainty:
    return Certainty({}, math.nan)


def test_the_words_are_those_of_landis_and_koch() -> None:
    told = [strength(kappa) for kappa in (-0.1, 0.0, 0.01, 0.2, 0.21, 0.41, 0.61, 0.81, 1.0)]
    assert told == ["poor", "poor", "slight", "slight", "fair", "moderate", "substantial", *["almost perfect"] * 2]


def test_one_item_says_nothing_of_how_certain_a_number_is() -> None:
    panel = AgreementStatistics(np.array([[0, 1, 1]]), nominal(2), None, None)
    assert panel.point["alpha"] == pytest.approx(0)
    assert all(np.isnan(value).all() for value in bootstrap_of(panel, rounds=20).interval.values())
