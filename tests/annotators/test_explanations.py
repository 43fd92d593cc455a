import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from emocap.annotators.explanations import Cosines, read_explanations
from emocap.core.errors import UserError


def saved(folder: Path, vectors: Any, items: object = ("a", "b"), annotators: object = ("1", "2", "3")) -> Path:
    path = folder / "vectors.npz"
    np.savez(path, items=np.array(items), annotators=np.array(annotators), vectors=vectors)
    return path


def test_vectors_come_in_the_order_of_the_table(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)
    path = saved(tmp_path, vectors, items=[7, 8, 9], annotators=["x", "y"])
    found = read_explanations(path, ["9", "0", "7"], ["y", "z", "x"])
    assert found.vector_NAD.shape == (3, 3, 20)
    assert found.vector_NAD.dtype == np.float32
    assert np.array_equal(found.vector_NAD[0, 0], vectors[2, 1].ravel())
    assert np.array_equal(found.vector_NAD[2, 2], vectors[0, 0].ravel())
    assert np.isnan(found.vector_NAD[1]).all()
    assert np.isnan(found.vector_NAD[:, 1]).all()
    assert {note.text: (note.count, note.examples) for note in found.notes} == {
        "items without explanations, left out of BAE": (1, ["0"]),
        "annotators without explanations, left out of BAE": (1, ["z"]),
        "explained items that the table lacks": (1, ["8"]),
    }


def test_vectors_without_a_direction_are_missing(tmp_path: Path) -> None:
    vectors = np.ones((2, 3, 2))
    vectors[0, 1] = 0
    vectors[1, 0] = np.nan
    vectors[1, 2, 0] = np.inf
    found = read_explanations(saved(tmp_path, vectors), ["a", "b"], ["1", "2", "3"])
    assert np.isnan(found.vector_NAD).all(2).tolist() == [[False, True, False], [True, False, True]]
    (note,) = found.notes
    assert (note.count, note.examples) == (3, ["a, 2", "b, 1", "b, 3"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"vectors": np.ones((2, 3))},
            "vectors are float64 of 2 × 3, and should be numbers of 2 items × 3 annotators",
        ),
        ({"vectors": np.ones((3, 2, 4))}, "and should be numbers of 2 items"),
        ({"vectors": np.ones((2, 3, 0))}, "float64 of 2 × 3 × 0, and should be numbers of 2 items"),
        ({"vectors": np.full((2, 3, 1), "x")}, "and should be numbers"),
        ({"vectors": np.ones((2, 3, 4)), "items": ["a", "a"]}, "items has a name twice"),
        ({"vectors": np.ones((2, 3, 4)), "annotators": ["1", "2", "1"]}, "annotators has a name twice"),
        ({"vectors": np.ones((2, 3, 4)), "items": ["x", "y"]}, "knows 0 of the 2 items and 3 of the 3 annotators"),
        ({"vectors": np.ones((2, 3, 4)), "annotators": ["1", "8", "9"]}, "2 of the 2 items and 1 of the 3 annotators"),
        ({"vectors": np.full((2, 3, 4), None)}, "cannot be read without executing"),
    ],
)
def test_what_does_not_fit_is_told_in_a_line(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    path = saved(tmp_path, **changes)
    with pytest.raises(UserError, match=told):
        read_explanations(path, ["a", "b"], ["1", "2", "3"])


def test_a_file_that_is_no_npz_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.npz: No such file"):
        read_explanations(tmp_path / "nowhere.npz", ["a"], ["1"])
    other = tmp_path / "other.npz"
    np.save(tmp_path / "other.npy", np.ones(3))
    (tmp_path / "other.npy").rename(other)
    with pytest.raises(UserError, match=r"is not a \.npz"):
        read_explanations(other, ["a"], ["1"])
    np.savez(other, items=np.array(["a"]), vectors=np.ones(3))
    with pytest.raises(UserError, match="has no array annotators"):
        read_explanations(other, ["a"], ["1"])
    with zipfile.ZipFile(other, "w") as archive:
        for name in ("items", "annotators", "vectors"):
            archive.writestr(f"{name}.npy", b"\x93NUMPY no more")
    with pytest.raises(UserError, match="cannot be read"):
        read_explanations(other, ["a"], ["1"])


def test_similarity_is_the_mean_cosine_over_the_items_of_both() -> None:
    random = np.random.default_rng(0)
    vector_NAD = random.normal(size=(7, 3, 4))
    vector_NAD[2, 1] = vector_NAD[5, 1] = vector_NAD[:, 2][:6] = np.nan
    weight_N = np.array([1.0, 0, 2, 1, 1, 0, 0])
    cosines = Cosines(vector_NAD)
    alike = [1 - cosine(vector_NAD[n, 0], vector_NAD[n, 1]) for n in (0, 1, 3, 4, 6)]
    assert cosines.at(np.ones(7))[0] == pytest.approx(np.mean(alike))
    assert cosines.at(weight_N)[0] == pytest.approx((alike[0] + alike[2] + alike[3]) / 3)
    assert np.isnan(cosines.at(weight_N)[1])
    assert cosines.shared().tolist() == [5, 1, 1]


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_the_length_of_a_vector_does_not_matter(size: float) -> None:
    vector_NAD = np.random.default_rng(1).normal(size=(4, 3, 5))
    assert Cosines(size * vector_NAD).at(np.ones(4)) == pytest.approx(Cosines(vector_NAD).at(np.ones(4)))
