"""Stubble, moustaches and beards."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Sequence

import numpy as np

from emocap.synthetic.canvas import Colour, mix, rgb
from emocap.synthetic.features import mouth_v, nose_v
from emocap.synthetic.geometry import Points, curve, mirrored, ribbon
from emocap.synthetic.render_context import DARK, Sitting


def paint_beard(s: Sitting) -> None:
    """Hair on the lower face, which moves with it; comes before the light on the skin, which shapes it."""
    kind = s.who.beard
    if kind == "none":
        return
    colour = rgb(s.who.beard_colour)
    if kind == "stubble":
        shadow = mix(colour, s.skin, 0.45)
        s.canvas.fill([_jaw(s)], shadow, 0.4, s.px(0.07), s.mask)
        s.canvas.fill([_moustache(s)], shadow, 0.4, s.px(0.035), s.mask)
        return
    areas = {"beard": [_jaw(s)], "goatee": [_goatee(s)], "moustache": []}[kind]
    areas.append(_moustache(s))
    s.canvas.fill(areas, colour, 0.88, s.px(0.025), s.mask)
    _hairs(s, areas, colour)


def _jaw(s: Sitting) -> Points:
    chin, mouth = curve(s.features.outline, closed=True), s.features.mouth
    jaw = chin[(chin[:, 1] > 0.12) & (chin[:, 0] > -0.02)]
    corner, low = float(mouth.lower[-1, 0] - mouth.lower[0, 0]) / 2, float(mouth.lower[3, 1])
    inner = np.array([(0.0, low + 0.045), (0.5 * corner, low + 0.04), (corner + 0.07, mouth_v(s.who) + 0.06),
                      (corner + 0.13, mouth_v(s.who) - 0.12), (0.7, 0.5), (0.86, 0.1)])  # fmt: skip
    return s.view(mirrored(np.concatenate([curve(inner), jaw * (1.01, 1.01)])))


def _goatee(s: Sitting) -> Points:
    low, chin = float(s.features.mouth.lower[3, 1]) + 0.06, float(s.features.outline[10, 1]) + 0.02
    edge = [
        (-0.2, low),
        (0, low - 0.02),
        (0.2, low),
        (0.25, low + 0.12),
        (0.18, chin),
        (-0.18, chin),
        (-0.25, low + 0.12),
    ]
    return s.view(curve(np.array(edge), closed=True))


def _moustache(s: Sitting) -> Points:
    # Full to the corners of the mouth, however narrow that is.
    mouth, base = s.features.mouth, nose_v(s.who)
    low = float(mouth.upper[3, 1])
    top = []
    for corner, side in ((mouth.upper[-1], 1), (mouth.upper[0], -1)):
        half = side * max(abs(float(corner[0])), 0.3)
        rise = low - 0.6 * (low - base - 0.06)
        wing = [(half + 0.06 * side, float(corner[1]) + 0.05), (0.85 * half, rise + 0.02), (0.45 * half, rise - 0.035)]
        top += wing if side > 0 else [(0.0, rise - 0.01), *wing[::-1]]
    return s.view(np.concatenate([curve(mouth.upper) * (1.04, 1) - (0, 0.012), curve(np.array(top))]))


def _hairs(s: Sitting, areas: Sequence[Points], colour: Colour) -> None:
    random = s.random("beard")
    clip = s.canvas.mask(areas, s.px(0.02), s.mask)
    for area, count in zip(areas[::-1], (60, 200), strict=False):
        low, high = area.min(0), area.max(0)
        root = random.uniform(low, high, (count, 2))
        lean = random.normal(0, 0.02, count) + 0.02 * np.sign(root[:, 0] - (low[0] + high[0]) / 2)
        step = np.linspace(0, 1, 3)[:, None] * s.px(1) * np.stack([lean, np.full(count, 0.055)], 1)[:, None]
        outlines = ribbon(root[:, None] + step, s.px(0.004))
        strength = random.uniform(0.25, 0.9, count).tolist()
        hairs = list(zip(outlines, strength, strict=True))
        s.canvas.fill(hairs[::2], mix(colour, DARK, 0.5), 0.75, s.px(0.005), clip)
        s.canvas.fill(hairs[1::2], mix(colour, s.skin, 0.35), 0.5, s.px(0.005), clip)
