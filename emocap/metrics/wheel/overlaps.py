"""How far predicted words are the true ones, on each wheel and over a corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.intervals import Statistic, Weighted
from emocap.metrics.wheel.groups import Groups, Words


@dataclass(frozen=True)
class Overlap:
    """|G|, |P| and |G ∩ P| of N samples on W wheels, G the groups of the true words and P of the predicted ones."""

    true_NW: Labels
    predicted_NW: Labels
    hits_NW: Labels

    @property
    def counts_NW(self) -> Numbers:
        """1 where a sample counts on a wheel, 0 where none of its true words is on it, so that it is skipped."""
        return (self.true_NW > 0).astype(float)

    @property
    def precision_NW(self) -> Numbers:
        """|G ∩ P| / |P|, 0 where P is empty."""
        return _share(self.hits_NW, self.predicted_NW)

    @property
    def recall_NW(self) -> Numbers:
        """|G ∩ P| / |G|, 0 where G is empty."""
        return _share(self.hits_NW, self.true_NW)

    @property
    def f1_NW(self) -> Numbers:
        """Of each sample by itself; the metric of a corpus is another, see :func:`f_wheels`."""
        return _share(2 * self.hits_NW, self.true_NW + self.predicted_NW)


def overlap(groups: Groups, true: Sequence[Words], predicted: Sequence[Words]) -> Overlap:
    """Of N samples, each with its true and its predicted words."""
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} samples with true words and {len(predicted)} with predicted ones")
    true_NC, predicted_NC = groups.sets(true), groups.sets(predicted)
    return Overlap(groups.count(true_NC), groups.count(predicted_NC), groups.count(true_NC & predicted_NC))


def precision_wheels(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R×W: the mean precision of the samples that are not skipped, which count weight_RN times."""
    return _mean(overlap_N, overlap_N.precision_NW, weight_RN)


def recall_wheels(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R×W: the mean recall, likewise."""
    return _mean(overlap_N, overlap_N.recall_NW, weight_RN)


def f_wheels(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R×W: F_w = 2 p r / (p + r) of the *mean* precision p and recall r, 0 where both are 0.

    AffectGPT (``wheel_metric_calculation``, where MER2026 added the last case).
    """
    precision_RW, recall_RW = precision_wheels(overlap_N, weight_RN), recall_wheels(overlap_N, weight_RN)
    return _share(2 * precision_RW * recall_RW, precision_RW + recall_RW)


def f_score(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R: F_s, the mean of F_w over the wheels."""
    return np.asarray(f_wheels(overlap_N, weight_RN).mean(1))


def precision(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R: the mean of :func:`precision_wheels`."""
    return np.asarray(precision_wheels(overlap_N, weight_RN).mean(1))


def recall(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R: the mean of :func:`recall_wheels`."""
    return np.asarray(recall_wheels(overlap_N, weight_RN).mean(1))


def hit_rate_wheels(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R×W: the mean |G ∩ P| of the samples that are not skipped (MER-UniBench).

    With one true label each, it is how often that is among the predicted ones, however many these are; with several it
    is no rate, and may be above 1.
    """
    return _mean(overlap_N, overlap_N.hits_NW.astype(float), weight_RN)


def hit_rate(overlap_N: Overlap, weight_RN: Numbers) -> Numbers:
    """R: the mean of :func:`hit_rate_wheels`."""
    return np.asarray(hit_rate_wheels(overlap_N, weight_RN).mean(1))


def statistics(level1: Overlap, level2: Overlap) -> Mapping[str, Statistic]:
    """The numbers of a corpus by name, as functions of how often each sample counts."""
    return {
        "ew": Weighted(partial(f_score, level1)),
        "ew_level2": Weighted(partial(f_score, level2)),
        "ew_precision": Weighted(partial(precision, level1)),
        "ew_recall": Weighted(partial(recall, level1)),
        "hit_rate": Weighted(partial(hit_rate, level1)),
    }


def _mean(overlap_N: Overlap, value_NW: Numbers, weight_RN: Numbers) -> Numbers:
    """Over the samples that count; 0 where none does."""
    counts_NW = overlap_N.counts_NW
    return _share(weight_RN @ (value_NW * counts_NW), weight_RN @ counts_NW)


def _share(part: Labels | Numbers, whole: Labels | Numbers) -> Numbers:
    """The quotient, 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
