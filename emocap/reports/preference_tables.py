"""Tables of a ranking of captioners: strengths on one axis, wins, and agreement with people."""

# Tested in tests/reports/test_section.py.

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emocap.reports.numbers import decimal, fraction, percent, signed

_WIDTH, _EDGE = 240, 6
"""Of the chart of a strength, and what is left free on either side, in its own units."""


@dataclass(frozen=True)
class Place:
    """A captioner's line of the table. Texts are as they stand on the page."""

    name: str
    rank: str
    span: str
    """95% interval of the rank; empty where it is not known."""
    chart: str
    """SVG: strength and interval on an axis that all lines share."""
    strength: str
    interval: str
    first: str
    compared: str


@dataclass(frozen=True)
class WinCell:
    """How often one captioner was preferred to another."""

    text: str
    title: str
    colour: str
    """CSS background; empty for those that were not compared."""
    dark: bool


@dataclass(frozen=True)
class WinMatrix:
    """How often each captioner was preferred to each other one, the strongest first."""

    names: list[str]
    rows: list[list[WinCell]]


@dataclass(frozen=True)
class Rate:
    """A rate, and what it means."""

    name: str
    value: str
    interval: str
    meaning: str


def axis_ends(ranked: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The ends of the axis of strengths."""
    ends = [one[key] for one in ranked for key in ("strength", "low", "high") if one[key] is not None]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    return (low, high) if high - low > 1e-6 else (low - 1, high + 1)


def place(one: dict[str, Any], low: float, high: float) -> Place:
    """The line of one captioner; low and high: the ends of the axis."""
    known = one["low"] is not None
    return Place(
        name=one["name"],
        rank=str(one["rank"]),
        span="" if not known else _span(one["rank_low"], one["rank_high"]),
        chart=_chart(one, low, high),
        strength=signed(one["strength"]),
        interval=f"{signed(one['low'])} to {signed(one['high'])}" if known else "",
        first="" if one["first"] is None else percent(one["first"]),
        compared=f"{one['won']:,.6g} of {one['compared']:,.6g}",
    )


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _chart(one: dict[str, Any], low: float, high: float) -> str:
    def across(value: float) -> float:
        return _EDGE + (_WIDTH - 2 * _EDGE) * (value - low) / (high - low)

    middle = across(one["strength"])
    parts = [f'<path d="M{_EDGE} 10H{_WIDTH - _EDGE}" stroke="#e5e1da"></path>']
    if low <= 0 <= high:
        parts.append(f'<path d="M{across(0):.1f} 2V18" stroke="#cbc4b9" stroke-dasharray="2 2"></path>')
    if one["low"] is not None:
        ends = f"M{across(one['low']):.1f} 10H{across(one['high']):.1f}"
        parts.append(
            f'<path d="{ends}" stroke="#2f6f8f" stroke-width="5" stroke-linecap="round" opacity=".45"></path>'
        )
    parts.append(f'<circle cx="{middle:.1f}" cy="10" r="4.5" fill="#2f6f8f"></circle>')
    label = f"strength {decimal(one['strength'], 2)}"
    return f'<svg viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def win_matrix(names: list[str], wins: list[list[float]]) -> WinMatrix:
    """wins: of each captioner against each other one, a tie as half a win."""
    size = range(len(names))
    return WinMatrix(names, [[_win_cell(names, wins, row, column) for column in size] for row in size])


def _win_cell(names: list[str], wins: list[list[float]], row: int, column: int) -> WinCell:
    won, lost = wins[row][column], wins[column][row]
    if row == column or won + lost == 0:
        return WinCell("", "" if row == column else f"{names[row]} and {names[column]} were not compared", "", False)
    share = won / (won + lost)
    strength = abs(2 * share - 1)
    red, green, blue = (47, 111, 143) if share >= 0.5 else (184, 67, 47)
    title = f"{names[row]} was preferred to {names[column]} {won:g} times of {won + lost:g}"
    return WinCell(percent(share), title, f"rgba({red},{green},{blue},{strength:.2f})", strength > 0.55)


def agreement(agrees: dict[str, Any] | None, steady: dict[str, Any] | None) -> list[Rate]:
    """Rates of agreement with people, and of agreement with itself when the two change places."""
    rows = []
    if agrees:
        two, three = agrees["two_class"], agrees["three_class"]
        if two:
            rows += [
                _measured("WAF, two-class", two["waf"], "official: the judge's “same” counts as a1"),
                _measured("ACC, two-class", two["acc"], "official: the judge's “same” counts as a1"),
                _measured("WAF, two-class, halves", two["waf_half"], "the judge's “same” counts half as each"),
                _measured("ACC, two-class, halves", two["acc_half"], "the judge's “same” counts half as each"),
                Rate("called the same", fraction(agrees["same_rate"]), "", "of the pairs that people did decide"),
            ]
        rows += [
            _measured("WAF, three-class", three["waf"], "“same” is a class of its own"),
            _measured("ACC, three-class", three["acc"], "“same” is a class of its own"),
        ]
    if steady:
        rows.append(_measured("swap consistency", steady["consistency"], "the same answer when the two change places"))
        if steady["first"]:
            rows.append(_measured("a1 among the decided", steady["first"], "0.5 where the order does not matter"))
    return rows


def _measured(name: str, rate: dict[str, float], meaning: str) -> Rate:
    return Rate(name, fraction(rate["value"]), f"{fraction(rate['low'])} to {fraction(rate['high'])}", meaning)
