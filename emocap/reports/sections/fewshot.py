"""Small charts of few-shot benchmarks: a line per model over the shots."""

# Tested in tests/reports/sections/test_radar.py.

from html import escape

from emocap.reports.leaderboard import Group, View
from emocap.reports.marks import symbol
from emocap.reports.numbers import fraction
from emocap.reports.section import Page, Part, Section, template

_WIDTH, _HEIGHT = 260, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 250, 10, 122


def shots_chart(group: Group) -> str:
    """SVG of a few-shot benchmark: a line per model over the shots, with a band of one standard deviation."""
    curves = [
        (entry.line, [(one.row.shots or 0, measure) for one in entry.shots if (measure := one.measure(group.metric))])
        for entry in group.entries
    ]
    every = [(shots, measure) for _, points in curves for shots, measure in points]
    if not every:
        return ""
    shots = sorted({k for k, _ in every})
    low = min(measure.value - (measure.sd or 0) for _, measure in every)
    high = max(measure.value + (measure.sd or 0) for _, measure in every)
    span = (high - low) or 1.0

    def across(k: int) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (shots.index(k) + 0.5) / len(shots)

    def up(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - low) / span

    ticks = [low, (low + high) / 2, high] if high > low else [low]
    parts = [
        f'<path d="M{_LEFT} {up(tick):.1f}H{_RIGHT}" stroke="#e5e1da"></path>'
        f'<text x="{_LEFT - 5}" y="{up(tick) + 4:.1f}" text-anchor="end">{fraction(tick)}</text>'
        for tick in ticks
    ]
    parts += [f'<text x="{across(k):.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{k}</text>' for k in shots]
    for line, points in curves:
        upper = [(across(k), up(m.value + (m.sd or 0))) for k, m in points]
        lower = [(across(k), up(m.value - (m.sd or 0))) for k, m in reversed(points)]
        band = " ".join(f"{x:.1f},{y:.1f}" for x, y in upper + lower)
        course = " ".join(f"{across(k):.1f},{up(m.value):.1f}" for k, m in points)
        marks = "".join(symbol(line, across(k), up(m.value)) for k, m in points)
        parts.append(
            f'<g data-line="{line.key}"><title>{escape(line.name)}</title>'
            f'<polygon points="{band}" fill="{line.colour}" opacity="0.13"></polygon>'
            f'<polyline points="{course}" fill="none" stroke="{line.colour}" stroke-width="1.8"></polyline>{marks}</g>'
        )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="over shots">{"".join(parts)}</svg>'


def _show(page: Page, view: View) -> Part | None:
    charts = [(group, shots_chart(group)) for group in view.groups if group.entries and view.protocol == "fewshot"]
    return Part(template("fewshot.html", charts=charts)) if charts else None


SECTION = Section("fewshot", 20, _show, place="below table")
