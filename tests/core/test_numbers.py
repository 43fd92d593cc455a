"""Printed numbers against fractions, which are exact."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emocap.core.numbers import compact, decimal, finite

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(FINITE, st.integers(0, 8), st.booleans())
def test_printed_is_the_rounded_true_value(value: float, digits: int, hundredfold: bool) -> None:
    exact = Fraction(value) * (100 if hundredfold else 1)
    assert Fraction(decimal(value, digits, hundredfold)) == round(exact, digits)


def test_no_printed_number_is_off_by_one() -> None:
    """Rounding to four digits first, and then to three, is off for about one number in twenty."""
    values = np.random.default_rng(0).random(20_000)
    off = [abs(Fraction(decimal(value, 3)) - Fraction(value)) > Fraction(1, 2000) for value in values]
    twice = [decimal(round(value, 4), 3) != decimal(value, 3) for value in values]
    assert sum(off) == 0
    assert 0.01 < np.mean(twice) < 0.1


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0002, "0.000"), (-0.0, "0.000"), (0.0005, "0.001"), (2.5, "2.500"), (-1.0006, "-1.001")]
)
def test_three_decimals(value: float, text: str) -> None:
    assert decimal(value) == text


def test_percent_is_not_multiplied_in_floating_point() -> None:
    assert 100 * 0.285 != 28.5
    assert (decimal(0.285, 1, hundredfold=True), decimal(0.285, 0, hundredfold=True)) == ("28.5", "28")
    assert (decimal(0.31, 2, sign=True), decimal(-0.31, 2, sign=True), decimal(0.001, 2, sign=True)) == (
        *("+0.31", "-0.31", "0.00"),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (12.0, "12"), (316.22776, "316.2278"), (1e-6, "1e-06"), (0.0, "0")],
)
def test_compact_has_no_zeros_at_the_end(value: float, text: str) -> None:
    assert compact(value) == text


def test_what_is_no_number_is_none() -> None:
    assert finite({"a": [math.nan, 1.0, (math.inf, "x")], "b": -math.inf}) == {
        "a": [None, 1.0, [None, "x"]],
        "b": None,
    }
