"""The lines that muscles and age fold into the skin; which unit folds what follows the FACS manual (2002)."""

# Tested in tests/synthetic/test_portrait.py.

import numpy as np

from emocap.synthetic.canvas import Colour, Shape, mix, rgb, stain
from emocap.synthetic.features import mouth_v, nose_v
from emocap.synthetic.geometry import Points, curve, ellipse, moved, ribbon, taper
from emocap.synthetic.motion import SIDES
from emocap.synthetic.render_context import Sitting

_SAMPLES = 17
"""Points of a fold."""


class Folds:
    """Lines in the skin, collected and then drawn together: each is dark in its depth and lit along one edge."""

    def __init__(self, s: Sitting) -> None:
        self._s = s
        self._lines: list[Points] = []
        self._widths: list[Points] = []
        self._depths: list[float] = []
        self._lit: list[tuple[float, float]] = []
        self._sharp: list[float] = []
        self._hollows: list[tuple[Points, float]] = []
        self._swells: list[tuple[Points, float]] = []

    def line(
        self,
        points: Points,
        half_width: Points | float,
        depth: float,
        lit: tuple[float, float] = (0, -1),
        sharp: float = 1.0,
    ) -> None:
        """A fold. points: face coordinates; half_width: face units, one or one per point; depth: 0 to 1; lit: where
        its raised edge lies; sharp: 1 a crease, 0 a valley.
        """
        if depth < 0.03:
            return
        if isinstance(half_width, float):
            self._widths.append(half_width * taper(_SAMPLES))
        else:
            self._widths.append(curve(half_width[:, None], _SAMPLES)[:, 0])
        self._lines.append(curve(points, _SAMPLES))
        self._depths.append(depth)
        self._lit.append(lit)
        self._sharp.append(sharp)

    def hollow(self, centre: tuple[float, float], radius_u: float, radius_v: float, depth: float) -> None:
        """A soft shadow."""
        if depth >= 0.03:
            self._hollows.append((ellipse(centre, radius_u, radius_v, 12), depth))

    def swell(self, centre: tuple[float, float], radius_u: float, radius_v: float, height: float) -> None:
        """A soft light: skin that bulges."""
        if height >= 0.03:
            self._swells.append((ellipse(centre, radius_u, radius_v, 12), height))

    def draw(self) -> None:
        """Put all of them on the face."""
        s, canvas, mask = self._s, self._s.canvas, self._s.mask
        # Dark skin needs deeper lines and brighter edges to show the same fold.
        deep = mix(stain("#9a5f52"), stain("#4a2a2a"), s.who.tone)
        lit: Colour = mix(s.skin, rgb("#ffffff"), 0.3) * np.float32(0.15 + 0.2 * s.who.tone)
        seen, widths = s.view(np.stack(self._lines)), s.px(1) * np.stack(self._widths)
        edges = seen + s.px(0.026) * np.array(self._lit)[:, None]
        depths = np.array(self._depths)

        def stroke(lines: Points, half_widths: Points, strength: Points) -> list[Shape]:
            return list(zip(ribbon(lines, half_widths), np.clip(strength, 0, 1).tolist(), strict=True))

        hollows: list[Shape] = [(s.view(outline), depth) for outline, depth in self._hollows]
        canvas.shade(hollows + stroke(seen, 2.4 * widths, 0.62 * depths), deep, 0.62, s.px(0.028), mask)
        canvas.light([(s.view(outline), height) for outline, height in self._swells], lit, s.px(0.045), mask)
        canvas.light(stroke(edges, 1.3 * widths, 0.8 * depths), lit, s.px(0.013), mask)
        canvas.shade(stroke(seen, 0.85 * widths, depths * np.array(self._sharp)), deep, 0.8, s.px(0.008), mask)


def paint_folds(s: Sitting) -> None:
    """All lines of the face, at rest and in motion."""
    folds = Folds(s)
    _forehead(s, folds)
    _frown(s, folds)
    _nose_wrinkles(s, folds)
    for side in SIDES:
        _around_eye(s, folds, side)
        _nasolabial(s, folds, side)
        _mouth_corner(s, folds, side)
    _around_lips(s, folds)
    _chin(s, folds)
    folds.draw()


def _forehead(s: Sitting, folds: Folds) -> None:
    # 1 wrinkles the middle of the forehead, 2 its sides; together the lines run across.
    share = np.linspace(0, 0.66, 23)
    middle, aside = np.exp(-((share / 0.22) ** 2)), np.exp(-(((share - 0.46) / 0.17) ** 2))
    between = np.exp(-(((share - 0.24) / 0.13) ** 2))
    rest = max(0.0, s.who.age - 0.35) * 0.4 * np.exp(-((share / 0.42) ** 2))
    for side in SIDES:
        one = s.motion(1, side) + (s.motion(1) - s.motion(1, side)) * np.exp(-((share / 0.06) ** 2))
        two = s.motion(2, side)
        act = np.maximum(np.maximum(one * middle, two * aside) + 0.4 * np.minimum(one, two) * between, rest)
        deep = np.flatnonzero(act > max(0.06, 0.22 * act.max()))
        if len(deep) < 3:
            continue
        part = slice(deep[0], deep[-1] + 1, max(1, len(deep) // 7))
        for row, fade in enumerate((1.0, 0.9, 0.65)):
            v = -0.475 - 0.105 * row - 0.05 * act - 0.03 * np.cos(5 * share)
            line = np.stack([side * share, v], 1)[part]
            folds.line(line, 0.0135 * fade * act[part] / max(act.max(), 0.3), float(1.2 * act.max()), sharp=0.7)


def _frown(s: Sitting, folds: Folds) -> None:
    # 4 draws the brows together: upright lines between them.
    for side in SIDES:
        four = s.motion(4, side)
        inner = s.features.brows[side].line[0]
        foot = np.array([inner[0] - side * 0.035, inner[1] + 0.09])
        line = foot + np.array([(side * 0.012, 0), (-side * 0.012, -0.1), (side * 0.005, -0.2 - 0.06 * four)])
        folds.line(line, 0.014 * (0.5 + 0.5 * four), 1.1 * four, (-side, 0), 0.75)
        folds.hollow((float(foot[0]) + side * 0.06, float(foot[1])), 0.07, 0.05, 0.6 * four)
    folds.swell((0, -0.27 + 0.08 * s.motion(4)), 0.045, 0.07, 0.8 * s.motion(4))


def _nose_wrinkles(s: Sitting, folds: Folds) -> None:
    base = nose_v(s.who)
    nine = s.motion(9)
    folds.line(np.array([(-0.065, 0), (0, -0.018), (0.065, 0)]), 0.013, 0.9 * nine, sharp=0.6)
    for side in SIDES:
        nine = s.motion(9, side)
        for v, reach in ((0.115, 0.17), (0.21, 0.19)):
            line = np.array([(reach, v - 0.075), (0.11, v - 0.015), (0.05, v + 0.015)]) * (side, base / 0.58)
            folds.line(line, 0.014, 1.05 * nine, (0.4 * side, 0.9), 0.8)
        folds.swell((side * 0.11, 0.2), 0.035, 0.05, 0.5 * nine)


def _around_eye(s: Sitting, folds: Folds, side: int) -> None:
    eye = s.features.eyes[side]
    six, seven, nine = s.motion(6, side), s.motion(7, side), s.motion(9, side)
    old = max(0.0, s.who.age - 0.4)
    outer, inner = eye.upper[-1], eye.upper[0]
    # Crow's feet.
    for angle, share in ((-0.55, 0.8), (-0.02, 1.0), (0.5, 0.9)):
        ray, reach = np.array([side * np.cos(angle), np.sin(angle)]), 0.1 + 0.09 * six
        foot = (
            outer + np.array([0.055, 0.055 + reach / 2, 0.055 + reach])[:, None] * ray + [(0, 0), (0, -0.012), (0, 0)]
        )
        folds.line(foot, 0.0125 * (0.6 + 0.4 * six), share * (six + 0.25 * seven) + 0.5 * old)
    centre = (inner + outer) / 2
    low = float(eye.lower[2, 1])
    # The furrow below the eye: a bag at rest in old faces, deep when 6 lifts the cheek.
    furrow = np.array([
        moved(inner, 0, 0.07), (centre[0] - side * 0.06, low + 0.095), (centre[0] + side * 0.12, low + 0.085),
        moved(outer, side * 0.03, 0.05 - 0.03 * six),
    ])  # fmt: skip
    folds.line(furrow, 0.0145 * (0.6 + 0.4 * six), 0.95 * six + 0.35 * nine + 0.16 + 0.6 * old)
    folds.swell((float(centre[0]), low + 0.04), 0.15, 0.022, 0.75 * seven + 0.55 * six)
    if seven > 0:
        ends = moved(inner, side * 0.03, 0.045), moved(outer, -side * 0.03, 0.04)
        under = np.array([ends[0], (centre[0], low + 0.05), ends[1]])
        folds.line(under, 0.0105, 0.9 * seven)
    folds.swell((side * 0.56, 0.36 - 0.06 * six), 0.13, 0.07, 0.8 * six + 0.45 * s.motion(12, side))


def _nasolabial(s: Sitting, folds: Folds, side: int) -> None:
    # 9 and 10 deepen its upper part, 11 its middle, 12 all of it, and carry it outwards.
    smile, ten, nine, eleven = (s.motion(n, side) for n in (12, 10, 9, 11))
    wing, corner = s.features.nose.wings[side], s.features.mouth.lower[-1 if side > 0 else 0]
    top = wing[1] + (side * 0.035, -0.03)
    out = abs(float(corner[0])) + 0.085 - 0.045 * smile
    bottom = float(corner[1])
    bow = 0.02 * smile + 0.03 * ten + 0.02 * nine
    line = np.array([
        top, (side * (0.55 * abs(top[0]) + 0.45 * out + bow), 0.55 * top[1] + 0.45 * bottom - 0.04 - 0.03 * ten),
        (side * (out + 0.005), bottom - 0.05), (side * (out - 0.02 * smile), bottom + 0.1 + 0.02 * smile),
    ])  # fmt: skip
    rest = 0.13 + 0.4 * s.who.age
    upper = max(0.9 * smile, 1.0 * ten, 1.0 * nine, 0.8 * eleven) + 0.5 * rest
    middle = max(1.0 * smile, 0.6 * ten, 0.5 * nine, 1.4 * eleven) + 0.5 * rest
    low = max(0.7 * smile, 0.35 * s.motion(15, side), 0.4 * s.motion(20, side))
    deep = [0.7 * max(upper, rest), max(upper, rest), max(middle, rest), 0.25 * max(low, 0.7 * rest)]
    folds.line(line, 0.018 * np.array(deep), min(1.0, max(upper, middle, low, rest)), (0.7 * side, -0.7), 0.5)
    folds.swell((side * 0.33, 0.44 - 0.05 * ten), 0.06, 0.07, 0.6 * ten + 0.4 * nine)
    folds.hollow((float(line[2, 0]) - side * 0.03, float(line[2, 1]) - 0.04), 0.03, 0.07, 0.9 * eleven)
    folds.swell((float(line[1, 0]) + side * 0.09, float(line[1, 1]) + 0.02), 0.06, 0.07, 1.2 * eleven)


def _mouth_corner(s: Sitting, folds: Folds, side: int) -> None:
    corner = s.features.mouth.lower[-1 if side > 0 else 0]
    smile, dimple, down, stretch = (s.motion(n, side) for n in (12, 14, 15, 20))

    def beside(*offsets: tuple[float, float]) -> Points:
        near: Points = corner + np.array(offsets) * (side, 1)
        return near

    def at(out: float, below: float) -> tuple[float, float]:
        return float(corner[0]) + side * out, float(corner[1]) + below

    folds.line(beside((0.012, -0.045), (0.03, 0), (0.012, 0.04)), 0.01, 0.7 * smile, (side, 0))
    folds.line(beside((0.03, -0.085), (0.065, -0.01), (0.035, 0.075)), 0.02, 1.3 * dimple, (side, 0), 0.8)
    folds.hollow(at(0.035, 0), 0.04, 0.045, 1.3 * dimple)
    folds.swell(at(0.13, -0.01), 0.04, 0.08, 0.9 * dimple)
    folds.line(beside((0.03, -0.03), (0.06, 0.05), (0.05, 0.16)), 0.014, 0.95 * down, (side, 0), 0.7)
    folds.hollow(at(-0.05, 0.075), 0.07, 0.045, 0.75 * down)
    folds.swell(at(0.11, 0.05), 0.05, 0.07, 0.5 * down)
    for out in (0.06, 0.125):
        folds.line(beside((out, -0.09), (out + 0.03, 0), (out, 0.1)), 0.0125, 0.85 * stretch, (side, 0), 0.6)


def _around_lips(s: Sitting, folds: Folds) -> None:
    mouth = s.features.mouth
    half = float(mouth.lower[-1, 0] - mouth.lower[0, 0]) / 2
    above, below = float(mouth.upper[3, 1]), float(mouth.lower[3, 1])
    pucker, tight, press, suck = (s.motion(n) for n in (18, 23, 24, 28))
    for share in (-0.75, -0.4, 0.4, 0.75):
        fan = np.array([1.0, 1.15, 1.3]) * share * half
        over, under = above - np.array([0.015, 0.052, 0.09]), below + np.array([0.02, 0.06, 0.1])
        folds.line(np.stack([fan, over], 1), 0.0105, 0.95 * pucker + 0.4 * suck, (1, 0), 0.6)
        folds.line(np.stack([fan, under], 1), 0.0105, 0.85 * pucker + 0.6 * tight + 0.4 * suck, (1, 0), 0.6)
    # Pressing pushes flesh out above and below the red of the lips.
    folds.swell((0, above - 0.05), 0.75 * half, 0.032, 1.3 * press + 0.5 * tight + 0.7 * suck)
    folds.swell((0, below + 0.045), 0.65 * half, 0.032, 1.3 * press + 0.4 * tight + 0.8 * suck)
    rim = np.array([(-0.6 * half, below + 0.075), (0, below + 0.095), (0.6 * half, below + 0.075)])
    folds.line(rim, 0.016, 1.0 * press + 0.5 * suck, (0, 1))
    for side in SIDES:
        folds.hollow((side * (half + 0.035), float(mouth.lower[0, 1])), 0.045, 0.05, 1.0 * press + 0.5 * tight)
        folds.hollow((side * 0.5 * half, below + 0.045), 0.1, 0.03, 0.75 * s.motion(16, side))
    # Fold between the lower lip and the chin, and the groove under the nose.
    folds.hollow((0, below + 0.05), 0.6 * half, 0.022, 0.5)
    folds.hollow((0, (nose_v(s.who) + above) / 2 + 0.02), 0.022, 0.05, 0.32)


def _chin(s: Sitting, folds: Folds) -> None:
    # 17 bunches the chin: an arch over it, and dimples like the peel of an orange.
    raised = s.motion(17)
    top = mouth_v(s.who) + 0.2 + s.motion.jaw - 0.05 * raised
    arch = np.array([(-0.23, 0.13), (-0.15, 0.03), (0, 0), (0.15, 0.03), (0.23, 0.13)])
    folds.line(moved(arch, 0, top), 0.017 * (0.5 + 0.5 * raised), 1.05 * raised, (0, 1))
    spread = np.array([(u, top + v) for v in (0.09, 0.135, 0.18) for u in (-0.12, -0.06, 0.0, 0.06, 0.12)])
    dimple = np.array([(-0.018, -0.004), (0, 0.006), (0.018, -0.004)])
    for place in spread + s.random("chin").uniform(-0.018, 0.018, spread.shape):
        folds.line(place + dimple, 0.013, 0.8 * raised, sharp=0.5)
    folds.swell((0, top + 0.1), 0.13, 0.06, 0.6 * raised)
    folds.swell((0, top + 0.12), 0.14, 0.05, 0.5 * s.motion(28))
