"""What a difference between two labels costs, and what agreement by chance is."""

# Tested in tests/annotators/test_agreement.py.

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emocap.annotators.spelling import number
from emocap.core.errors import UserError
from emocap.metrics.arrays import Numbers

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]
Chance = Literal["marginals", "uniform"]


@dataclass(frozen=True)
class Scale:
    """The labels of a task as a scale of measurement (Stevens, 1946)."""

    level: Level
    """nominal: labels are the same or not; ordinal: they have an order; interval: they are numbers."""
    value_C: Numbers
    """Places in the order, or the numbers of an interval scale."""
    cost_CC: Numbers
    """Disagreement of two labels in κ (Cohen, 1968): 0 on the diagonal."""
    chance: Chance
    """Chance agreement of κ: marginals, as Cohen (1960); uniform: 1/C, as Bennett, Alpert and Goldstein (1954) and
    SimLabel's script for AMER."""


def make_scale(labels: Sequence[str], level: Level, weights: Weights | None, chance: Chance, named: bool) -> Scale:
    """The scale of some labels. weights None: none of nominal labels, quadratic of others. named: the user gave labels
    in their order.

    Raises UserError where labels have no order and need one, or are no numbers and should be.
    """
    numbers = [number(label) for label in labels]
    plain = [label for label, value in zip(labels, numbers, strict=True) if value is None]
    if level == "interval" and plain:
        raise UserError(f"level interval: {', '.join(plain[:3])} is not a number; level ordinal needs none")
    if level == "ordinal" and plain and not named:
        raise UserError(f"level ordinal: {', '.join(plain[:3])} is not a number; give the labels in their order")
    if level == "nominal" and weights in ("linear", "quadratic"):
        raise UserError(f"weights {weights}: nominal labels are equally far from each other; set level")
    place_C = np.arange(len(labels), dtype=float)
    value_C = np.array(numbers, dtype=float) if level == "interval" else place_C
    apart_CC = np.abs(value_C[:, None] - value_C)
    power = {"none": 0, "linear": 1, "quadratic": 2}[weights or ("none" if level == "nominal" else "quadratic")]
    cost_CC = np.where(apart_CC > 0, apart_CC**power, 0.0)
    return Scale(level, value_C, cost_CC, chance)
