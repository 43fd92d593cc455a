"""Positive or negative: the F1 of signs of MER-UniBench's sentiment datasets."""

# Tested in tests/metrics/wheel/test_overlaps.py.

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.intervals import OfConfusion

SIGNS = {"positive": 1, "negative": -1, "neutral": 0}
"""What a reply may say, and what it counts as."""

_MARKS = " \t\r\n.!*_`'\""
_ZERO = 2
"""The third class of the confusion matrix: samples whose true value is 0. No prediction is of it."""


def sign_of(reply: str) -> int | None:
    """Of a reply that is one of SIGNS but for case and marks around it; None for any other, which counts as 0."""
    return SIGNS.get(reply.strip(_MARKS).lower())


def sign_f1(true_N: Numbers, predicted_N: npt.NDArray[np.float64] | Labels) -> OfConfusion:
    """Weighted F1 of whether a value is above 0, over samples whose true value is not 0.

    As AffectGPT's: a prediction of 0, neutral, counts as not above 0.
    """
    if np.isnan(true_N).any():
        raise ValueError("a true value is no number")
    true = np.where(true_N == 0, _ZERO, (true_N > 0).astype(np.int64))
    return OfConfusion(_weighted_f1, true, (predicted_N > 0).astype(np.int64), _ZERO + 1)


def signs(replies: Sequence[str]) -> Labels:
    """Of each reply 1, −1 or 0; 0 too where it says something else."""
    return np.array([sign_of(reply) or 0 for reply in replies], dtype=np.int64)


def _weighted_f1(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """Σ n_c F1_c / Σ n_c over the first two classes, 0 where there is nothing. counts: ... × 3 × 3."""
    of_sign = counts[..., :_ZERO, :_ZERO].astype(float)
    true, total = of_sign.sum(-1), of_sign.sum(-1) + of_sign.sum(-2)
    f1 = np.divide(2 * np.diagonal(of_sign, axis1=-2, axis2=-1), total, out=np.zeros_like(total), where=total > 0)
    size = true.sum(-1)
    return np.asarray(np.divide((true * f1).sum(-1), size, out=np.zeros_like(size), where=size > 0))
