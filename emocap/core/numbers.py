"""Numbers as they are stored and as they are printed: stored in full, rounded once, where they are printed."""

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

_EXACT = Context(prec=2000, rounding=ROUND_HALF_EVEN)
"""More digits than any double has."""


def finite(value: Any) -> Any:
    """``value`` with None in the place of every NaN and infinity, inside lists and mappings too; tuples as lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    return [finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def decimal(value: float, digits: int = 3, hundredfold: bool = False, sign: bool = False) -> str:
    """A finite number with ``digits`` decimals, rounded once, half to even; never ``-0``.

    hundredfold: a fraction as percent, multiplied exactly. sign: with a plus before what is above 0.
    """
    exact = Decimal(value).scaleb(2, _EXACT) if hundredfold else Decimal(value)
    rounded = exact.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    return f"{abs(rounded):f}" if not rounded else f"{rounded:+f}" if sign else f"{rounded:f}"


def compact(value: float, digits: int = 4) -> str:
    """A finite number with at most ``digits`` decimals and no zeros at the end; one too small for them with as many
    significant digits.
    """
    if value and abs(value) < 10**-digits:
        return f"{value:.{digits}g}"
    text = decimal(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text
