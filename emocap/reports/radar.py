"""The radar of models over benchmarks (EmoCapCLIP, Fig. 1e), as SVG made here."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from scipy.optimize import isotonic_regression

from emocap.reports.board import Board, Cell, Group, Line
from emocap.reports.measures import called, fraction, is_error

_SYMBOLS = ("circle", "square", "diamond", "triangle")
_RINGS = 5
_LINE = 13
"""Height of a line of text."""


@dataclass(frozen=True)
class Axis:
    """One benchmark: from 0 at the centre to its best value at the rim."""

    group: Group
    best: float
    x: float
    """Where its rim lies on a circle of radius 1."""
    y: float

    @property
    def right(self) -> bool:
        """On which side its label stands; the one at the bottom of an even number stands left."""
        return self.x > 1e-9 or (abs(self.x) <= 1e-9 and self.y < 0)


def radar_groups(board: Board) -> list[Group]:
    """What has an axis: benchmarks measured without any training on them, by a measure of which more is better."""
    views = [view for section in board.sections for view in section.views if view.protocol == "zeroshot"]
    return [group for view in views for group in view.groups if group.entries and not is_error(group.metric)]


def radar(board: Board) -> str:
    """SVG with a polygon per model, ``g`` with ``data-line``; empty where there are fewer than three axes.

    Where a model has no number, its line is broken; below 0 (a CCC may be) it passes through the centre.
    """
    groups = radar_groups(board)
    if len(groups) < 3:
        return ""
    axes = []
    for place, group in enumerate(groups):
        values = [
            cell.measure.value for cells in group.cells.values() for cell in cells if cell.metric == group.metric
        ]
        turn = 2 * math.pi * place / len(groups)
        axes.append(Axis(group, max(values, default=0), math.sin(turn), -math.cos(turn)))
    radius = 150 + 5 * max(0, len(axes) - 10)
    labels, top, bottom = _labels(axes, radius)
    # Published polygons lie below, so that they never cover what was measured.
    polygons = [_polygon(line, axes, radius, len(board.measured)) for line in [*board.published, *board.measured]]
    wide = radius + 195
    parts = [_grid(axes, radius), *polygons, labels]
    return (
        f'<svg viewBox="{-wide} {top:.0f} {2 * wide} {bottom - top:.0f}" role="img" '
        f'aria-label="Radar of {len(axes)} benchmarks">{"".join(parts)}</svg>'
    )


def _grid(axes: Sequence[Axis], radius: float) -> str:
    rings = [
        " ".join(f"{axis.x * radius * ring / _RINGS:.1f},{axis.y * radius * ring / _RINGS:.1f}" for axis in axes)
        for ring in range(1, _RINGS + 1)
    ]
    spokes = "".join(f"M0 0L{axis.x * radius:.1f} {axis.y * radius:.1f}" for axis in axes)
    drawn = "".join(f'<polygon points="{points}"></polygon>' for points in rings)
    return f'<g fill="none" stroke="#ded8ce">{drawn}<path d="{spokes}"></path></g>'


def _cell(group: Group, line: Line) -> Cell | None:
    """The number of a polygon: the first one in the measure of the axis."""
    return next((cell for cell in group.cells.get(line.key, []) if cell.metric == group.metric), None)


def _polygon(line: Line, axes: Sequence[Axis], radius: float, models: int) -> str:
    points: list[tuple[float, float] | None] = []
    marks = []
    for axis in axes:
        cell = _cell(axis.group, line)
        if cell is None:
            points.append(None)
            continue
        part = max(0.0, cell.measure.value) / axis.best if axis.best > 0 else 0.0
        x, y = axis.x * radius * part, axis.y * radius * part
        points.append((x, y))
        told = escape(
            f"{line.name}{', published' * line.published}: {axis.group.title} {fraction(cell.measure.value)}"
        )
        marks.append(f"<g><title>{told}</title>{symbol(line, x, y)}</g>")
    if not marks:
        return ""
    style = (
        f'fill="none" stroke="{line.colour}" stroke-width="1.1" stroke-dasharray="{line.dash}"'
        if line.published
        else f'fill="{line.colour}" fill-opacity="{0.12 / models**2:.3f}" stroke="{line.colour}" stroke-width="2.2"'
    )
    return (
        f'<g data-line="{line.key}" class="{"published" if line.published else "measured"}">'
        f'<path d="{_path(points)}" stroke-linejoin="round" {style}></path>{"".join(marks)}</g>'
    )


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """A closed path where there is every point, else the stretches between the gaps, round the end as well."""
    if all(points):
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in filter(None, points)) + "Z"
    gap = points.index(None)
    told, begun = "", False
    for point in [*points[gap:], *points[:gap]]:
        if point:
            told += f"{'L' if begun else 'M'}{point[0]:.1f} {point[1]:.1f}"
        begun = point is not None
    return told


def symbol(line: Line, x: float, y: float) -> str:
    """The mark of a model's points: colours alone do not tell models apart for everybody."""
    size = 2.2 if line.published else 3.6
    kind = "circle" if line.published else _SYMBOLS[int(line.key[1:]) % len(_SYMBOLS)]
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{line.colour}"></circle>'
    corners = {
        "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
        "triangle": [(0, -1.3), (1.2, 0.9), (-1.2, 0.9)],
    }[kind]
    points = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{line.colour}"></polygon>'


def _labels(axes: Sequence[Axis], radius: float) -> tuple[str, float, float]:
    """SVG of all labels, and the least and greatest y of the picture.

    Labels of a side keep the order of their axes and do not overlap; of all such places they take those with the
    least squared distance to their axes (isotonic regression).
    """
    drawn = []
    edges = [-radius - 10, radius + 10]
    out = radius + 16
    for right in (True, False):
        side = sorted((axis for axis in axes if axis.right == right), key=lambda axis: axis.y)
        if not side:
            continue
        texts = [textwrap.wrap(axis.group.title, 22, max_lines=2, placeholder=" …") or [""] for axis in side]
        heights = np.array([_LINE * len(lines) + 4.0 for lines in texts])
        stacked = np.cumsum(heights) - heights / 2
        wanted = np.array([axis.y * out for axis in side])
        places = isotonic_regression(wanted - stacked).x + stacked
        edges += [places[0] - heights[0], places[-1] + heights[-1]]
        for axis, lines, y in zip(side, texts, places, strict=True):
            x = math.sqrt(max(out**2 - min(abs(y), out) ** 2, 64)) * (1 if right else -1)
            drawn.append(_label(axis, lines, x, float(y), radius, right))
    return "".join(drawn), min(edges), max(edges)


def _label(axis: Axis, lines: Sequence[str], x: float, y: float, radius: float, right: bool) -> str:
    beside = x + (5 if right else -5)
    value = f'<tspan class="value">{fraction(axis.best)}</tspan>'
    told = [escape(line) for line in lines]
    told[0] = f"{value} {told[0]}" if right else f"{told[0]} {value}"
    begin = y - _LINE * (len(lines) - 1) / 2 + 4
    rows = "".join(f'<tspan x="{beside:.1f}" y="{begin + _LINE * i:.1f}">{row}</tspan>' for i, row in enumerate(told))
    metric = escape(f"{axis.group.title}: {called(axis.group.metric)}")
    return (
        f'<path d="M{axis.x * radius:.1f} {axis.y * radius:.1f}L{x:.1f} {y:.1f}" stroke="#cbc4b9"></path>'
        f'<text text-anchor="{"start" if right else "end"}"><title>{metric}</title>{rows}</text>'
    )
