"""Metrics of the field: plain arrays in, numbers out.

Rates are fractions of 1; errors are in units of their scale. What is undefined, such as the recall of a class without
examples, is nan. Raises ValueError for arrays whose lengths differ.

>>> import numpy as np
>>> true, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
>>> counts = emocap.metrics.confusion(true, predicted, 2)
>>> float(emocap.metrics.uar(counts)), float(emocap.metrics.war(counts))
(0.75, 0.75)
"""

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
