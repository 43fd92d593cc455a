"""Explanation vectors of a model, such as its attention for each annotator, and how alike they are."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emocap.annotators.annotations import Note
from emocap.core.errors import UserError
from emocap.metrics.arrays import Labels, Numbers

_ARRAYS = ("items", "annotators", "vectors")


@dataclass(frozen=True)
class Explanations:
    """Vectors in the order of a table's items and annotators."""

    vector_NAD: npt.NDArray[np.floating]
    """NaN where there is none."""
    notes: list[Note]


def read_explanations(path: Path, items: Sequence[str], annotators: Sequence[str]) -> Explanations:
    """The explanations of some items and annotators, from a .npz with the arrays ``items`` (names), ``annotators``
    (names) and ``vectors`` (items × annotators × any further dimensions, which become one).

    A vector of zeros or with NaN or infinity in it has no direction and counts as missing. Raises UserError where the
    file is not such a one, and where it knows none of the items or fewer than two of the annotators.
    """
    names, whose, vectors = _arrays(path)
    row = {name: place for place, name in enumerate(names)}
    column = {name: place for place, name in enumerate(whose)}
    known_items = [item for item in items if item in row]
    known_annotators = [who for who in annotators if who in column]
    if not known_items or len(known_annotators) < 2:
        raise UserError(
            f"{path} knows {len(known_items):,} of the {len(items):,} items and {len(known_annotators)} of the "
            f"{len(annotators)} annotators of the table: write their names alike"
        )
    vector_NAD = np.full((len(items), len(annotators), int(np.prod(vectors.shape[2:]))), np.nan, vectors.dtype)
    here_N, here_A = (
        np.array([name in place for name in some]) for some, place in ((items, row), (annotators, column))
    )
    found = vectors[np.ix_([row[item] for item in known_items], [column[who] for who in known_annotators])]
    vector_NAD[np.ix_(here_N, here_A)] = found.reshape(*found.shape[:2], -1)
    without_NA = ~np.isfinite(vector_NAD).all(2) | ~vector_NAD.any(2)
    vector_NAD[without_NA] = np.nan
    without = [f"{items[n]}, {annotators[a]}" for n, a in np.argwhere(without_NA & here_N[:, None] & here_A)]
    odd = {
        "explanations without a direction (zeros or not finite), taken as missing": without,
        "items without explanations, left out of BAE": [item for item in items if item not in row],
        "annotators without explanations, left out of BAE": [who for who in annotators if who not in column],
        "explained items that the table lacks": [name for name in names if name not in set(items)],
        "explained annotators that the table lacks": [who for who in whose if who not in set(annotators)],
    }
    return Explanations(vector_NAD, [Note(len(some), text, some[:3]) for text, some in odd.items() if some])


def _arrays(path: Path) -> tuple[list[str], list[str], npt.NDArray[np.floating]]:
    try:
        if not zipfile.is_zipfile(path):
            path.open("rb").close()  # says why, where it is absent
            raise UserError(f"{path} is not a .npz; numpy.savez writes one")
        with np.load(path, allow_pickle=False) as file:
            if absent := [name for name in _ARRAYS if name not in file]:
                raise UserError(f"{path} has no array {', '.join(absent)}; it should have {', '.join(_ARRAYS)}")
            items, annotators, vectors = (file[name] for name in _ARRAYS)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read without executing what is in it: {error}") from None
    names, whose = ([str(name).strip() for name in array.ravel()] for array in (items, annotators))
    fits = vectors.ndim > 2 and vectors.shape[:2] == (len(names), len(whose)) and 0 not in vectors.shape[2:]
    if not fits or vectors.dtype.kind not in "fiu":
        raise UserError(
            f"{path}: vectors are {vectors.dtype} of {' × '.join(map(str, vectors.shape))}, and should be numbers of "
            f"{len(names)} items × {len(whose)} annotators × their length"
        )
    for kind, some in (("items", names), ("annotators", whose)):
        if len(set(some)) < len(some):
            raise UserError(f"{path}: {kind} has a name twice")
    return names, whose, vectors if vectors.dtype.kind == "f" else vectors.astype(np.float64)


class Cosines:
    """Mean cosine of the explanations of each pair of annotators, in a resample of the items."""

    def __init__(self, vector_NAD: npt.NDArray[np.floating]) -> None:
        first_P, second_P = np.triu_indices(vector_NAD.shape[1], 1)
        # Item by item: all pairs of vectors at once would be many times what the vectors are.
        cosine_NP = np.stack([_cosines(vector_AD)[first_P, second_P] for vector_AD in vector_NAD])
        self._known_NP = ~np.isnan(cosine_NP)
        self._cosine_NP = np.where(self._known_NP, cosine_NP, 0.0)

    def at(self, weight_N: Numbers) -> Numbers:
        """P: over the items on which both have a vector; NaN where there is none. weight_N: how often each counts."""
        total_P, count_P = weight_N @ self._cosine_NP, weight_N @ self._known_NP
        return np.asarray(np.divide(total_P, count_P, out=np.full(len(count_P), np.nan), where=count_P > 0))

    def shared(self) -> Labels:
        """P: on how many items both of a pair have a vector."""
        return np.asarray(self._known_NP.sum(0))


def _cosines(vector_AD: npt.NDArray[np.floating]) -> Numbers:
    """A × A, of vectors of one item."""
    vector_AD = vector_AD.astype(np.float64)
    # Neither may the square of a huge number overflow, nor that of a tiny one vanish.
    vector_AD = vector_AD / np.abs(vector_AD).max(axis=1, keepdims=True)
    unit_AD = vector_AD / np.linalg.norm(vector_AD, axis=1, keepdims=True)
    return np.asarray(unit_AD @ unit_AD.T)
