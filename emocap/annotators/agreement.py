"""Agreement of annotators: Cohen's κ of every pair, and Krippendorff's α of all."""

import numpy as np

from emocap.annotators.scale import Level, Scale
from emocap.metrics.arrays import Labels, Numbers


class PairTables:
    """What each pair of annotators says of the items that both have labelled, counted in a resample of the items."""

    def __init__(self, label_NA: Labels, classes: int) -> None:
        first_P, second_P = np.triu_indices(label_NA.shape[1], 1)
        both = [
            np.flatnonzero((label_NA[:, i] >= 0) & (label_NA[:, j] >= 0))
            for i, j in zip(first_P, second_P, strict=True)
        ]
        self._shape = (len(both), classes, classes)
        self._item = np.concatenate(both)
        pair = np.repeat(np.arange(len(both)), [len(items) for items in both])
        own, other = label_NA[self._item, first_P[pair]], label_NA[self._item, second_P[pair]]
        self._cell = (pair * classes + own) * classes + other

    def at(self, weight_N: Numbers) -> Numbers:
        """P × C × C: how often the first of a pair says the one and the second the other. weight_N: how often each
        item counts.
        """
        size = int(np.prod(self._shape))
        counts = np.bincount(self._cell, weights=weight_N[self._item], minlength=size)
        return np.asarray(counts, dtype=float).reshape(self._shape)

    def shared(self) -> Labels:
        """P: how many items both of a pair have labelled."""
        pairs, classes, _ = self._shape
        return np.bincount(self._cell // classes**2, minlength=pairs)


def kappa(count_PCC: Numbers, scale: Scale) -> Numbers:
    """Cohen's κ (1960, with costs 1968) from tables of counts, ... × C × C: 1 − observed / expected disagreement.

    NaN where there is nothing to compare. By marginals also where one of the two says the same of every item: κ is
    then 0 or 0/0 whatever the other says, and tells nothing.
    """
    total_P = count_PCC.sum((-2, -1))
    observed_P = (count_PCC * scale.cost_CC).sum((-2, -1))
    row_PC, column_PC = count_PCC.sum(-1), count_PCC.sum(-2)
    if scale.chance == "uniform":
        expected_P = total_P * scale.cost_CC.mean()
        known_P = total_P > 0
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            expected_P = np.einsum("...i,ij,...j->...", row_PC, scale.cost_CC, column_PC) / total_P
        known_P = ((row_PC > 0).sum(-1) > 1) & ((column_PC > 0).sum(-1) > 1)
    ratio_P = np.divide(observed_P, expected_P, out=np.full(np.shape(total_P), np.nan), where=known_P)
    return np.asarray(1 - ratio_P)


class Alpha:
    """Krippendorff's α (2011, "Computing Krippendorff's alpha-reliability"), in a resample of the items.

    Items with fewer than two labels cannot be paired and do not count.
    """

    def __init__(self, label_NA: Labels, scale: Scale) -> None:
        classes = len(scale.value_C)
        count_NC = np.stack([(label_NA == label).sum(1) for label in range(classes)], axis=1)
        # Items on which equally many say the same are one: there are far fewer of these than items.
        count_UC, self._which = np.unique(count_NC, axis=0, return_inverse=True)
        size_U = count_UC.sum(1)
        paired_UCC = count_UC[:, :, None] * count_UC[:, None, :] - count_UC[:, :, None] * np.eye(classes)
        self._paired_UCC = np.divide(
            paired_UCC, size_U[:, None, None] - 1, out=np.zeros_like(paired_UCC), where=size_U[:, None, None] > 1
        )
        self._scale = scale

    def at(self, weight_N: Numbers) -> float:
        """It. NaN where nothing can be paired, or all labels are the same. weight_N: how often each item counts."""
        weight_U = np.bincount(self._which, weights=weight_N, minlength=len(self._paired_UCC))
        coincident_CC = np.tensordot(weight_U, self._paired_UCC, axes=1)
        count_C = coincident_CC.sum(1)
        total = count_C.sum()
        distance_CC = squared_distance(self._scale.level, self._scale.value_C, count_C)
        expected = count_C @ distance_CC @ count_C
        if expected <= 0:
            return float("nan")
        return float(1 - (total - 1) * (coincident_CC * distance_CC).sum() / expected)


def squared_distance(level: Level, value_C: Numbers, count_C: Numbers) -> Numbers:
    """δ² of α, C × C. Of ordinal labels it is by how many of the ``count_C`` labels lie between two."""
    if level == "nominal":
        return np.asarray(1.0 - np.eye(len(value_C)))
    if level == "interval":
        return np.asarray((value_C[:, None] - value_C) ** 2)
    middle_C = np.cumsum(count_C) - count_C / 2
    return np.asarray((middle_C[:, None] - middle_C) ** 2)
