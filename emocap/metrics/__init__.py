"""Metrics of the field: plain arrays in, numbers out."""

from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.classification import (
    answers,
    average_precision,
    confusion,
    eer,
    f1,
    macro_f1,
    mean_among,
    mean_f1,
    uar,
    uf1,
    war,
    weighted_f1,
)
from emocap.metrics.regression import RATINGS, rating

__all__ = [
    "RATINGS",
    "Labels",
    "Numbers",
    "answers",
    "average_precision",
    "confusion",
    "eer",
    "f1",
    "macro_f1",
    "mean_among",
    "mean_f1",
    "rating",
    "uar",
    "uf1",
    "war",
    "weighted_f1",
]
