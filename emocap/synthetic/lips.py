"""The mouth: lips, teeth, tongue."""

# Tested in tests/synthetic/test_portrait.py.

import numpy as np

from emocap.synthetic.canvas import Colour, Image, Shape, mix, rgb, stain
from emocap.synthetic.geometry import Points, curve, ellipse, ribbon, taper
from emocap.synthetic.render_context import Sitting

_TEETH = rgb("#efe9df")


def paint_lips(s: Sitting) -> None:
    """The red of the lips; comes before the light on the skin, which shapes them."""
    mouth = s.features.mouth
    colour = mix(s.skin, rgb(s.who.lip_colour), s.who.lip_strength)
    upper = np.concatenate([curve(mouth.upper), curve(mouth.upper_inner)[::-1]])
    lower = np.concatenate([curve(mouth.lower_inner), curve(mouth.lower)[::-1]])
    s.canvas.fill([s.view(upper)], colour * np.float32(0.88), 1.0, s.px(0.008))
    s.canvas.fill([s.view(lower)], colour, 1.0, s.px(0.008))


def paint_mouth(s: Sitting) -> None:
    """What lies between the lips, and the shadows and highlights on them."""
    mouth = s.features.mouth
    upper_edge, lower_edge = s.view(curve(mouth.upper_inner)), s.view(curve(mouth.lower_inner))
    lips = s.canvas.mask([
        np.concatenate([s.view(curve(mouth.upper)), upper_edge[::-1]]),
        np.concatenate([lower_edge, s.view(curve(mouth.lower))[::-1]]),
    ])  # fmt: skip
    _shade_lips(s, lips)
    if mouth.opening > 0.008:
        _paint_inside(s, np.concatenate([upper_edge, lower_edge[::-1]]))
    _draw_line(s, upper_edge, lower_edge)


def _shade_lips(s: Sitting, lips: Image) -> None:
    mouth = s.features.mouth
    full = float(mouth.lower[3, 1] - mouth.lower_inner[3, 1])
    middle = float(mouth.lower[3, 1] + mouth.lower_inner[3, 1]) / 2
    half = float(mouth.lower[-1, 0] - mouth.lower[0, 0]) / 2
    shine: list[Shape] = [
        (s.view(ellipse((u, middle - 0.1 * full), 0.2 * half, 0.2 * full, 12)), strength)
        for u, strength in ((-s.away * 0.22 * half, 0.9), (s.away * 0.22 * half, 0.5))
    ]
    s.canvas.light(shine, rgb("#453c3a") * s.tint, s.px(0.018), lips)
    line = s.view(curve(mouth.lower))
    s.canvas.shade([ribbon(line, s.px(0.016))], stain("#a5706a"), 0.55, s.px(0.014), lips)
    press = max(s.motion.peak(24), s.motion.peak(28), 0.7 * s.motion.peak(23))
    if press:
        seam = s.view(curve(mouth.lower_inner))
        crease = ribbon(seam, s.px(0.035) * taper(len(seam)))
        s.canvas.shade([crease], stain("#7a4540"), 0.75 * press, s.px(0.02), s.mask)
    upper = s.view(curve(mouth.upper_inner))
    s.canvas.shade([ribbon(upper, s.px(0.02))], stain("#9a625e"), 0.5, s.px(0.016), lips)


def _paint_inside(s: Sitting, opening: Points) -> None:
    mouth, canvas = s.features.mouth, s.canvas
    light = mix(np.ones(3, np.float32), s.light_at((0, float(mouth.upper[3, 1]))), 0.6)
    clip = canvas.mask([opening], s.px(0.004))
    canvas.fill([opening], rgb("#3c1215") * light, 1.0, s.px(0.004))
    half = float(mouth.lower[-1, 0] - mouth.lower[0, 0]) / 2
    floor = float(mouth.lower_inner[3, 1])
    if mouth.opening > 0.12:
        tongue = s.view(ellipse((0, floor + 0.015), 0.62 * half, 0.105 + 0.12 * mouth.opening), lift=-0.08)
        canvas.fill([tongue], rgb("#a24b4d") * light, 0.95, s.px(0.025), clip)
        shine = s.view(ellipse((0, floor - 0.03), 0.25 * half, 0.03), lift=-0.08)
        canvas.light([shine], rgb("#2c1a1a"), s.px(0.03), clip)
    _paint_row(s, clip, -1, light)
    _paint_row(s, clip, 1, light)
    rim = s.view(curve(mouth.upper_inner))
    canvas.shade([ribbon(rim, s.px(0.02))], stain("#5a3a38"), 0.6, s.px(0.014), clip)
    corners = [s.spot(float(u), float(v), 0.09, 0.08) for u, v in mouth.upper_inner[[0, -1]]]
    canvas.shade(corners, stain("#4a2222"), 0.85, s.px(0.035), clip)


def _paint_row(s: Sitting, clip: Image, row: int, light: Colour) -> None:
    # row −1: the upper teeth, fixed to the skull; 1: the lower, which hang with the jaw.
    edge = s.features.mouth.teeth[0 if row < 0 else 1]
    u = np.linspace(-0.44, 0.44, 13)
    # Teeth stand on an arch: seen from the front its ends bend towards the gums.
    ends = edge + row * 0.045 * (u / 0.3) ** 2
    bite = s.view(np.stack([u, ends], 1), lift=-0.06)
    gums = s.view(np.stack([u, np.full(len(u), edge + row * 0.3)], 1), lift=-0.06)
    colour = _TEETH * light * np.float32(1.0 if row < 0 else 0.86)
    s.canvas.fill([np.concatenate([bite, gums[::-1]])], colour, 0.97, s.px(0.006), clip)
    gaps: list[Shape] = []
    for k, at in enumerate((-0.25, -0.165, -0.085, 0.0, 0.085, 0.165, 0.25)):
        foot = edge + row * 0.045 * (at / 0.3) ** 2
        line = s.view(np.array([(at, foot), (at, foot + row * 0.08), (at, foot + row * 0.16)]), lift=-0.06)
        gaps.append((ribbon(line, s.px(0.005)), 0.5 if k == 3 else 0.4))
    s.canvas.shade(gaps, stain("#a89488"), 0.6, s.px(0.005), clip)


def _draw_line(s: Sitting, upper: Points, lower: Points) -> None:
    # The seam of closed lips; in an open mouth only its corners.
    dark = mix(rgb("#4a1a1c"), s.skin * np.float32(0.22), 0.35)
    gap = np.clip((lower - upper)[:, 1] / s.px(0.05), 0, 1)
    tight = 1 + 0.9 * s.motion.peak(24) + 0.5 * s.motion.peak(28)
    width = s.px(0.0115) * tight * taper(len(upper), 0.45, 0.45) * (1 - 0.75 * gap)
    s.canvas.fill([ribbon((upper + lower) / 2, width)], dark, 0.85, s.px(0.005))
    corners = [s.spot(float(u), float(v), 0.026, 0.02) for u, v in s.features.mouth.lower[[0, -1]]]
    s.canvas.shade(corners, stain("#7a4a42"), 0.7, s.px(0.014), s.mask)
