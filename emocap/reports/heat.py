"""Similarities of annotators as a heat map, in SVG."""

# Tested in tests/reports/sections/test_annotators.py.

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from emocap.reports.numbers import fraction


@dataclass(frozen=True)
class Drawing:
    """SVG and the width at which its letters have their size, in pixels."""

    svg: str
    width: int


Values = Sequence[Sequence[float | None]]

ZOOM = 1.25
"""Pixels per unit of a picture that the page has room for."""
_CELL = 30
_NUMBERED = 16
"""Up to this number of annotators, numbers fit into the cells."""
_LETTER = 6.4
"""About the width of a letter, at the size of names."""
_LONGEST = 16
_PALE, _DEEP = (244, 240, 232), (47, 111, 143)


def heat_map(
    names: Sequence[str],
    value: Values,
    title: str,
    ends: tuple[float, float],
    tip: Callable[[int, int], str],
    text_of: Callable[[float], str] | None = None,
) -> Drawing:
    """A symmetric matrix without its diagonal: pale at the first of ``ends``, deep blue at the second.

    tip: what the pointer shows on a cell of two annotators; text_of: a number as it stands in a cell, with two
    decimals if None. A value of None is unknown.
    """
    size = len(names)
    text_of = text_of or short
    shown = [shortened(name) for name in names]
    margin = 10 + _LETTER * max(len(name) for name in shown)
    flat = max(len(name) for name in shown) <= 3
    top = 20.0 if flat else margin
    parts = []
    for i in range(size):
        x, y = margin + _CELL * (i + 0.5), top + _CELL * (i + 0.5)
        full = f"<title>{escape(names[i])}</title>"
        parts.append(f'<text x="{margin - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{full}{escape(shown[i])}</text>')
        turned = f'text-anchor="middle" y="{top - 7:.0f}" x="{x:.0f}"'
        if not flat:
            turned = f'transform="translate({x + 4:.0f} {top - 6:.0f}) rotate(-90)"'
        parts.append(f"<text {turned}>{full}{escape(shown[i])}</text>")
        parts += [_cell(margin, top, i, j, value[i][j], ends, tip, text_of, size) for j in range(size)]
    wide, high = margin + _CELL * size + 4, top + _CELL * size + 4
    box = f'viewBox="0 0 {wide:.0f} {high:.0f}" role="img" aria-label="{escape(title)}"'
    return Drawing(f'<svg {box} font-size="11">{"".join(parts)}</svg>', round(ZOOM * wide))


def _cell(
    left: float,
    top: float,
    i: int,
    j: int,
    value: float | None,
    ends: tuple[float, float],
    tip: Callable[[int, int], str],
    text_of: Callable[[float], str],
    size: int,
) -> str:
    x, y = left + _CELL * j, top + _CELL * i
    box = f'<rect x="{x:.0f}" y="{y:.0f}" width="{_CELL - 1}" height="{_CELL - 1}" rx="2"'
    if i == j:
        return f'{box} fill="#e5e1da"></rect>'
    known = f"<title>{escape(tip(i, j))}</title>"
    if value is None:
        return f'<g>{known}{box} fill="none" stroke="#cbc4b9" stroke-dasharray="3 3"></rect></g>'
    part = min(1.0, max(0.0, (value - ends[0]) / ((ends[1] - ends[0]) or 1.0)))
    colour = ",".join(f"{pale + part * (deep - pale):.0f}" for pale, deep in zip(_PALE, _DEEP, strict=True))
    number = ""
    if size <= _NUMBERED:
        ink = "#fff" if part > 0.55 else "#2b2622"
        middle = f'x="{x + _CELL / 2 - 0.5:.1f}" y="{y + _CELL / 2 + 3.5:.1f}"'
        number = f'<text {middle} text-anchor="middle" font-size="10" fill="{ink}">{text_of(value)}</text>'
    return f'<g>{known}{box} fill="rgb({colour})"></rect>{number}</g>'


def span(*values: Values) -> tuple[float, float]:
    """The least and the greatest similarity of any two annotators."""
    known = [
        value
        for matrix in values
        for i, row in enumerate(matrix)
        for j, value in enumerate(row)
        if i != j and value is not None
    ]
    return (min(known), max(known)) if known else (0.0, 1.0)


def short(value: float) -> str:
    """Two decimals without the 0 in front, as it fits a cell."""
    text = fraction(value, 2)
    return text.replace("0.", ".", 1) if text.lstrip("−").startswith("0.") else text


def shortened(name: str) -> str:
    """A name as it fits beside a picture."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
