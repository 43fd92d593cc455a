"""Retrieval between pictures and the texts of their captions: recall at K, in both directions.

Equal texts are one target. A picture finds its caption where that text is among the first K *different* texts, and a
text finds every picture whose caption has it. So nobody is blamed for a sentence that stands in many captions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from emocap.core.errors import UserError
from emocap.evaluation.protocols.base import Protocol
from emocap.schema.captions import Caption

if TYPE_CHECKING:
    from emocap.encoders import Encoder, Matrix

RANKS = (1, 5, 10)
"""K."""
PARTS = ("global", "local", "summary")
_CELLS_AT_ONCE = 16_000_000
_TIED = 1e-6
"""Cosines that differ by less are equal: what is left between them is the rounding of single precision."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recall:
    """One part in one direction."""

    name: str
    """Such as ``global_image_to_text``."""
    hits_NK: Table
    """Expected number of queries of each picture that are answered within the first K of RANKS."""
    queries_N: Table
    """How many queries each picture has: one, or one per local sentence."""
    chance_K: Table
    """Recall of a ranking by lot."""

    def at(self, place: int, rows: npt.NDArray[np.int64]) -> float:
        """Recall at K = RANKS[place] over the queries of the pictures ``rows``."""
        return float(self.hits_NK[rows, place].sum() / self.queries_N[rows].sum())


def measure(encoder: "Encoder", captions: Sequence[Caption], image_ND: "Matrix") -> list[Recall]:
    """Every part in both directions, for N pictures with their captions; features need not be normalised.

    Local, from image to text: any of the picture's own sentences is right. From text to image: every sentence of
    every picture is a query for the plain image embedding.

    Raises UserError for an encoder without a text tower.
    """
    if encoder.texts is None:
        raise UserError(f"{encoder.name} has no text tower: probe can measure it, retrieval cannot")
    image_ND = image_ND / np.linalg.norm(image_ND, axis=1, keepdims=True)
    recalls = []
    for part in PARTS:
        texts, count_NT = _targets([_texts(caption, part) for caption in captions])
        text_TD = encoder.texts(texts).float().numpy()
        one_N = np.ones(len(captions))
        chance_NK = by_lot(count_NT)
        found_NK = hits_at(image_ND, text_TD, count_NT)
        recalls.append(Recall(f"{part}_image_to_text", found_NK, one_N, chance_NK.mean(0)))
        found_TK, chance_TK = hits_at(text_TD, image_ND, count_NT.T.tocsr()), by_lot(count_NT.T.tocsr())
        queries_N = count_NT.sum(1)
        chance_K = (count_NT @ chance_TK).sum(0) / queries_N.sum()
        recalls.append(Recall(f"{part}_text_to_image", count_NT @ found_TK, queries_N, chance_K))
    return recalls


def _texts(caption: Caption, part: str) -> list[str]:
    if part == "local":
        return [entry.text for entry in caption.local]
    return [caption.global_ if part == "global" else caption.summary]


def _targets(texts: Sequence[Sequence[str]]) -> tuple[list[str], csr_array]:
    """The T different texts, and how often each of N pictures has each of them, N×T."""
    number: dict[str, int] = {}
    rows = [row for row, own in enumerate(texts) for _ in own]
    columns = [number.setdefault(text, len(number)) for own in texts for text in own]
    # Equal places are added up.
    count_NT = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(number)))
    return list(number), count_NT


def hits_at(query_QD: "Matrix", target_GD: "Matrix", right_QG: csr_array) -> Table:
    """The chance, Q×K, that a query's first K targets by cosine hold one that is right.

    It is 0 or 1 but where cosines are tied: of tied targets any order is as likely as any other, so that an encoder
    that makes all things equal scores as a ranking by lot does.
    """
    at_once = max(1, _CELLS_AT_ONCE // len(target_GD))
    chunks = []
    for first in range(0, len(query_QD), at_once):
        cosine_QG = query_QD[first : first + at_once] @ target_GD.T
        is_right_QG = right_QG[first : first + at_once].toarray() > 0
        best_Q1 = np.where(is_right_QG, cosine_QG, -np.inf).max(1, keepdims=True)
        tied_QG = np.abs(cosine_QG - best_Q1) <= _TIED
        above_Q = (cosine_QG > best_Q1 + _TIED).sum(1)
        chunks.append(_first(above_Q, (tied_QG & ~is_right_QG).sum(1), (tied_QG & is_right_QG).sum(1)))
    return np.concatenate(chunks)


def by_lot(right_QG: csr_array) -> Table:
    """What :func:`found` gives where all cosines are equal."""
    right_Q = np.diff(right_QG.indptr)
    return _first(np.zeros_like(right_Q), right_QG.shape[1] - right_Q, right_Q)


def _first(above_Q: npt.NDArray[np.int64], wrong_Q: npt.NDArray[np.int64], right_Q: npt.NDArray[np.int64]) -> Table:
    """The chance that the first K hold a right one, where ``above`` wrong ones come before a tie of wrong and right.

    1 − C(wrong, n) / C(wrong + right, n) with the n = K − above places that are left to the tie.
    """
    columns = []
    for k in RANKS:
        missed_Q = np.ones(len(above_Q))
        for drawn in range(k):
            wrong = np.maximum(wrong_Q - drawn, 0) / np.maximum(wrong_Q + right_Q - drawn, 1)
            missed_Q *= np.where(drawn < k - above_Q, wrong, 1.0)
        columns.append(1 - missed_Q)
    return np.stack(columns, axis=1)


PROTOCOL = Protocol("retrieval", "retrieval", 20, reads_texts=True)
