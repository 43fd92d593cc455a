"""A reward for each reply, as reinforcement learning asks for it."""

# Tested in tests/preference/test_wheel_judge.py.

from collections.abc import Sequence

import numpy as np

from emocap.metrics.arrays import Numbers
from emocap.metrics.wheel.groups import Groups, Words
from emocap.metrics.wheel.overlaps import Overlap, overlap


def rewards(groups: Groups, true: Sequence[Words], predicted: Sequence[Words]) -> Numbers:
    """N: the mean over the wheels of a sample's own F1, from 0 to 1.

    AffectGPT-R1 (2508.01318) rewards with the emotion-wheel score; that it is this mean is our reading. Wheels that
    have none of the true words are left out of it, as the metric skips the sample there; where none has, it is 0.
    """
    return np.asarray(np.nan_to_num(of_overlap(overlap(groups, true, predicted))))


def of_overlap(overlaps: Overlap) -> Numbers:
    """The same where the overlap is known already, but nan for samples that every wheel skips."""
    counts_NW = overlaps.counts_NW
    wheels_N = counts_NW.sum(1)
    total_N = (overlaps.f1_NW * counts_NW).sum(1)
    return np.asarray(np.divide(total_N, wheels_N, out=np.full_like(total_N, np.nan), where=wheels_N > 0))
