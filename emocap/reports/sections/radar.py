"""The radar of models over benchmarks (EmoCapCLIP, Fig. 1e), as SVG made here."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from scipy.optimize import isotonic_regression

from emocap.evaluation.registry import metric_display
from emocap.reports.leaderboard import Cell, Group, Leaderboard, Line
from emocap.reports.marks import symbol
from emocap.reports.numbers import fraction, metric_label
from emocap.reports.section import Page, Part, Section, template

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


def radar_groups(leaderboard: Leaderboard) -> list[Group]:
    """What has an axis: benchmarks measured without any training on them, by a measure of which more is better."""
    views = [view for section in leaderboard.sections for view in section.views if view.protocol == "zeroshot"]
    return [
        group
        for view in views
        for group in view.groups
        if group.entries and not metric_display(group.metric).lower_is_better
    ]


def radar(leaderboard: Leaderboard) -> str:
    """SVG with a polygon per model, ``g`` with ``data-line``; empty where there are fewer than three axes.

    Where a model has no number, its line is broken; below 0 (a CCC may be) it passes through the centre.
    """
    groups = radar_groups(leaderboard)
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
    polygons = [
        _polygon(line, axes, radius, len(leaderboard.measured))
        for line in [*leaderboard.published, *leaderboard.measured]
    ]
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
        title = escape(
            f"{line.name}{', published' * line.published}: {axis.group.title} {fraction(cell.measure.value)}"
        )
        marks.append(f"<g><title>{title}</title>{symbol(line, x, y)}</g>")
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
    path, begun = "", False
    for point in [*points[gap:], *points[:gap]]:
        if point:
            path += f"{'L' if begun else 'M'}{point[0]:.1f} {point[1]:.1f}"
        begun = point is not None
    return path


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
    texts = [escape(line) for line in lines]
    texts[0] = f"{value} {texts[0]}" if right else f"{texts[0]} {value}"
    begin = y - _LINE * (len(lines) - 1) / 2 + 4
    rows = "".join(f'<tspan x="{beside:.1f}" y="{begin + _LINE * i:.1f}">{row}</tspan>' for i, row in enumerate(texts))
    metric = escape(f"{axis.group.title}: {metric_label(axis.group.metric)}")
    return (
        f'<path d="M{axis.x * radius:.1f} {axis.y * radius:.1f}L{x:.1f} {y:.1f}" stroke="#cbc4b9"></path>'
        f'<text text-anchor="{"start" if right else "end"}"><title>{metric}</title>{rows}</text>'
    )


def _show(page: Page, subject: object) -> Part | None:
    leaderboard: Leaderboard = page.content["leaderboard"]
    if not (svg := radar(leaderboard)):
        return None
    return Part(template("radar.html", radar=svg, published=bool(leaderboard.published)))


SECTION = Section("radar", 10, _show, place="above tables")
