import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import MDS

from emocap.annotators.mds import Map, complete, draw_map, fit
from emocap.metrics.arrays import Numbers


def similarity(seed: int, size: int = 6) -> Numbers:
    """1 less distances in five dimensions: a plane does not show all of it."""
    points = np.random.default_rng(seed).normal(size=(size, 5)) / 4
    return np.asarray(1 - squareform(pdist(points)))


def drawn(similarity_KK: Numbers, start: Numbers | None = None) -> Map:
    made = draw_map(similarity_KK, start)
    assert made
    return made


def test_a_map_has_the_stress_that_scikit_learns_has() -> None:
    s = similarity(0)
    scaling = MDS(2, metric="precomputed", init="random", n_init=16, random_state=0, normalized_stress=True).fit(1 - s)
    made = drawn(s)
    assert made.stress == pytest.approx(scaling.stress_)
    apart, wanted = pdist(made.point_K2), 1 - s[np.triu_indices(6, 1)]
    assert made.stress == pytest.approx(np.sqrt(((apart - wanted) ** 2).sum() / (apart**2).sum()))
    assert made.point_K2.mean(0) == pytest.approx([0, 0], abs=1e-12)


def test_what_lies_in_a_plane_is_shown_as_it_is() -> None:
    points = np.array([[0.0, 0], [0.6, 0], [0.6, 0.3], [0, 0.3], [0.3, 0.5]])
    made = drawn(1 - squareform(pdist(points)))
    assert made.stress < 0.02
    assert procrustes(points, made.point_K2)[2] < 1e-3


def test_a_map_may_start_from_another() -> None:
    s = similarity(1)
    first = drawn(s)
    assert drawn(s, first.point_K2).stress <= first.stress + 1e-6
    assert procrustes(first.point_K2, drawn(s, first.point_K2).point_K2)[2] < 1e-3


@pytest.mark.parametrize("none", [similarity(0, 2), np.ones((4, 4)), np.full((4, 4), np.nan)])
def test_some_structures_have_no_map(none: Numbers) -> None:
    assert draw_map(none) is None
    assert fit(None, drawn(similarity(0))) is None


def test_the_fit_is_procrustes() -> None:
    first, second = drawn(similarity(0)), drawn(similarity(1))
    fitted = fit(first, second, shuffle=True)
    assert fitted
    truth, told, disparity = procrustes(first.point_K2, second.point_K2)
    assert fitted.disparity == pytest.approx(disparity)
    assert np.allclose(fitted.truth_K2, truth)
    assert np.allclose(fitted.model_K2, told)
    assert 0 < fitted.shuffled < 1
    assert fitted.disparity == pytest.approx(((truth - told) ** 2).sum())


def test_a_turned_mirrored_and_scaled_map_fits() -> None:
    made = drawn(similarity(0))
    turn = np.array([[0.6, 0.8], [0.8, -0.6]])
    fitted = fit(made, Map(3 * made.point_K2 @ turn + 7, 0.0), shuffle=True)
    assert fitted
    assert fitted.disparity == pytest.approx(0, abs=1e-12)
    assert fitted.shuffled > 0.3


def test_who_has_most_unknown_similarities_is_left_out_first() -> None:
    s = np.ones((5, 5))
    s[1, 3] = s[3, 1] = s[1, 4] = s[4, 1] = np.nan
    assert complete(s).tolist() == [0, 2, 3, 4]
    t = np.ones((5, 5))
    t[0, 2] = t[2, 0] = np.nan
    assert len(complete(s, t)) == 3
    assert complete(np.full((3, 3), np.nan)).tolist() == []
