"""Annotators as points of a plane, by multidimensional scaling, and BAE, how well two such maps fit."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import procrustes
from sklearn.manifold import MDS

from emocap.annotators.structure import orders
from emocap.metrics.arrays import Labels, Numbers

_STARTS = 16
_LEAST = 3
"""Two points fit any other two: a map of fewer annotators tells nothing."""


@dataclass(frozen=True)
class Map:
    """A structure in two dimensions."""

    point_K2: Numbers
    stress: float
    """Kruskal's stress-1: 0 where the distances on the map are the dissimilarities; 0.1 is fair, 0.2 poor (Kruskal,
    1964)."""


def complete(*similarity_AA: Numbers) -> Labels:
    """The annotators, K of A, whose similarity to each other is known in every structure.

    Who has most unknown ones is left out first.
    """
    unknown_AA = np.isnan(np.sum(similarity_AA, axis=0))
    kept = np.arange(len(unknown_AA))
    while unknown_AA[np.ix_(kept, kept)].any():
        kept = np.delete(kept, unknown_AA[np.ix_(kept, kept)].sum(1).argmax())
    return kept


def draw_map(similarity_KK: Numbers, start_K2: Numbers | None = None) -> Map | None:
    """Metric MDS (SMACOF, scikit-learn's) of the dissimilarities 1 − similarity.

    start_K2: where it starts; else it starts from _STARTS random places, and the map of least stress counts. None for
    fewer than three annotators, where a similarity is unknown, and where all are the same.
    """
    apart_KK = np.maximum(1 - similarity_KK, 0.0)
    if len(apart_KK) < _LEAST or np.isnan(apart_KK).any() or apart_KK.max() < 1e-9:
        return None
    scaling = MDS(
        2,
        metric="precomputed",
        init="random",
        n_init=_STARTS if start_K2 is None else 1,
        random_state=0,
        normalized_stress=True,
    )
    point_K2 = scaling.fit_transform(apart_KK, init=start_K2)
    return Map(point_K2 - point_K2.mean(0), float(scaling.stress_))


@dataclass(frozen=True)
class Fit:
    """Two maps laid upon each other."""

    truth_K2: Numbers
    model_K2: Numbers
    disparity: float
    """The sum of squared distances that is left, 0 to 1, of maps of size 1 (Gower, 1975)."""
    shuffled: float
    """Its mean over orders of the annotators."""


def fit(truth: Map | None, model: Map | None, shuffle: bool = False) -> Fit | None:
    """Procrustes (scipy's): shifted, turned, mirrored and scaled for the least disparity; None where a map is missing.

    BAE is 1 − disparity, of the map of an explanation's structure: our reading of 2508.10393, whose formula could not
    be read. shuffle: say also what annotators in any other order would give.
    """
    if truth is None or model is None:
        return None
    truth_K2, model_K2, disparity = procrustes(truth.point_K2, model.point_K2)
    others = (
        [procrustes(truth.point_K2, model.point_K2[order])[2] for order in orders(len(truth_K2))] if shuffle else []
    )
    return Fit(truth_K2, model_K2, float(disparity), float(np.mean(others)) if others else float("nan"))
