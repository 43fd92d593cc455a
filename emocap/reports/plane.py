"""Annotators as points of a plane, one structure or two laid upon each other, in SVG."""

# Tested in tests/reports/sections/test_annotators.py.

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from emocap.reports.heat import ZOOM, Drawing, shortened

_WIDTH, _HEIGHT, _MARGIN = 360, 300, 30
_COOL, _HOT = "#2f6f8f", "#b8432f"
_LETTER, _LINE = 6.2, 12
"""About the width of a letter, and the height of a line."""
_NAMED = 40
"""Of more annotators, names show under the pointer alone."""

Point = Sequence[float]


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def over(self, other: "_Box") -> float:
        """The area that two have in common."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, across) * max(0.0, down)


_PAGE = _Box(0, 0, _WIDTH, _HEIGHT)


def plane(names: Sequence[str], truth: Sequence[Point], second: Sequence[Point] | None, title: str) -> Drawing:
    """A map: dots of the labels and, joined to them, diamonds of a second structure where there is one."""
    placed = _placed([*truth, *(second or [])])
    dots, diamonds = placed[: len(truth)], placed[len(truth) :]
    lines = [
        f'<path d="M{x:.1f} {y:.1f}L{far_x:.1f} {far_y:.1f}" stroke="#a79e92"></path>'
        for (x, y), (far_x, far_y) in zip(dots, diamonds, strict=False)
    ]
    known = [f"<title>{escape(name)}</title>" for name in names]
    marks = [
        f'<g>{name}<path d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z" fill="#fff" stroke="{_HOT}" '
        f'stroke-width="1.6"></path></g>'
        for (x, y), name in zip(diamonds, known, strict=False)
    ]
    marks += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" fill="{_COOL}">{name}</circle>'
        for (x, y), name in zip(dots, known, strict=True)
    ]
    texts = _names(names, dots, diamonds) if len(names) <= _NAMED else []
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}"'
    return Drawing(f'<svg {box} font-size="11">{"".join((*lines, *marks, *texts))}</svg>', round(ZOOM * _WIDTH))


def _placed(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Where points lie in the picture: as large as it allows, one unit as long across as down."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    unit = min((_WIDTH - 2 * _MARGIN) / max(wide, 1e-9), (_HEIGHT - 2 * _MARGIN) / max(high, 1e-9))
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [
        (_WIDTH / 2 + unit * (x - middle_x), _HEIGHT / 2 - unit * (y - middle_y)) for x, y in zip(xs, ys, strict=True)
    ]


def _names(
    names: Sequence[str], dots: Sequence[tuple[float, float]], diamonds: Sequence[tuple[float, float]]
) -> list[str]:
    """Names beside their dots, each on the side where it covers least of what is there."""
    taken = [_Box(x - 6, y - 6, x + 6, y + 6) for x, y in (*dots, *diamonds)]
    texts = []
    for name, (x, y) in zip(names, dots, strict=True):
        shown = shortened(name)
        box = _free(x, y, _LETTER * len(shown), taken)
        taken.append(box)
        # A rim in the colour of the paper keeps lines out of the letters.
        rim = 'stroke="#faf8f4" stroke-width="3" paint-order="stroke"'
        texts.append(f'<text x="{box.left:.1f}" y="{box.bottom - 2.5:.1f}" {rim}>{escape(shown)}</text>')
    return texts


def _free(x: float, y: float, wide: float, taken: Sequence[_Box]) -> _Box:
    lefts = {"right": x + 7, "middle": x - wide / 2, "left": x - wide - 7}
    tops = {"middle": y - _LINE / 2, "above": y - _LINE - 6, "below": y + 6}
    sides = [("right", "middle"), ("left", "middle"), ("middle", "above"), ("middle", "below")]
    corners = [(across, down) for across in ("right", "left") for down in ("above", "below")]
    boxes = [
        _Box(lefts[across], tops[down], lefts[across] + wide, tops[down] + _LINE)
        for across, down in (*sides, *corners)
    ]
    return min(boxes, key=lambda box: sum(box.over(other) for other in taken) + wide * _LINE - box.over(_PAGE))
