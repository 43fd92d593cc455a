"""Skin: neck, head and ears in their own colour, blush and freckles."""

# Tested in tests/synthetic/test_portrait.py.

import numpy as np

from emocap.synthetic.canvas import Shape, mix, stain
from emocap.synthetic.features import eye_centre, nose_v
from emocap.synthetic.geometry import curve, ellipse, mirrored, moved, ribbon, taper
from emocap.synthetic.motion import SIDES
from emocap.synthetic.render_context import Sitting
from emocap.synthetic.wear import paint_earrings


def paint_neck(s: Sitting) -> None:
    """The neck, in the shadow of the chin."""
    half = (0.47 + 0.5 * (s.who.jaw - 0.95)) * s.who.face_width
    upper = s.view(np.array([(-half, 0.7), (half, 0.7)]), depth=0.1)
    edge = curve(np.array([(half, 1.3), (half * 1.04, 1.5), (half * 1.2, 1.64), (0.62, 1.78), (0.62, 2.6)]))
    neck = np.concatenate([upper, s.view.body(mirrored(edge))])
    s.canvas.fill([neck], s.skin * s.tint * np.array([0.8, 0.76, 0.74], np.float32))
    clip = s.canvas.mask([neck])
    flank = np.array([(0.3, 0.9), (1.6, 0.9), (1.6, 2.2), (0.5, 2.2)]) * (s.away * half, 1)
    dark = s.slant * (0.3 + 0.5 * s.scene.light_strength)
    s.canvas.shade([s.view.body(flank)], stain("#b8a8a8"), dark, s.px(0.12), clip)
    chin = curve(s.features.outline, closed=True)
    cast = moved(chin[chin[:, 1] > 0.6] * (0.96, 1), 0.05 * s.away * s.slant, 0.13)
    s.canvas.shade([s.view(cast, depth=0.25)], stain("#9e8a8a"), 0.9, s.px(0.05), clip)
    contact = moved(chin[chin[:, 1] > 0.6] * (0.98, 1), 0, 0.035)
    s.canvas.shade([s.view(contact)], stain("#94787a"), 0.8, s.px(0.03), clip)


def paint_head(s: Sitting) -> None:
    """The side of the head that a turn brings into view, the ears, and the face in its own colour."""
    outline = s.features.outline
    # Above the ears hair or cloth covers the side of the head.
    bare = s.who.hair == "bald" and s.who.headwear in ("none", "headband")
    top = -2.0 if bare else -0.2
    high = outline[(outline[:, 1] < 0.62) & (outline[:, 1] > top)]
    order = np.argsort(np.arctan2(high[:, 0], -high[:, 1]))
    s.canvas.fill([s.view(curve(high[order]) * (0.985, 1), depth=-0.02)], s.skin * s.tint * np.float32(0.82))
    for side in SIDES:
        _paint_ear(s, side)
    paint_earrings(s)
    s.canvas.fill([s.face], s.skin)
    _paint_flush(s)


def _paint_ear(s: Sitting, side: int) -> None:
    edge = 0.955 * s.who.face_width
    size = s.who.ears
    shape = np.array([(-0.06, -0.14), (0.05, -0.2), (0.135, -0.13), (0.13, 0.06), (0.09, 0.2), (0.06, 0.33),
                      (-0.01, 0.37), (-0.06, 0.28)])  # fmt: skip
    place = np.array([side * edge, 0.08])
    light = 1 - 0.18 * s.scene.light_strength * s.slant * side * s.away
    colour = s.skin * s.tint * np.array([0.9, 0.8, 0.79], np.float32) * np.float32(light)
    ear = s.view(curve(shape * (side * size, size), closed=True) + place, depth=0.0)
    s.canvas.fill([ear], colour)
    inner = np.array([(0.02, -0.1), (0.085, -0.08), (0.085, 0.03), (0.045, 0.13), (0.01, 0.2)])
    fold = s.view(curve(inner * (side * size, size)) + place, depth=0.0)
    s.canvas.shade([ribbon(fold, s.px(0.02) * taper(len(fold)))], stain("#8c6a66"), 0.8, s.px(0.012))


def _paint_flush(s: Sitting) -> None:
    # Blood shows in cheeks, nose and chin, less in dark skin.
    rosy = mix(stain("#ffd9d2"), stain("#ffe6e2"), s.who.tone)
    flush: list[Shape] = []
    for side in SIDES:
        lift = 0.07 * s.motion(6, side) + 0.05 * s.motion(12, side)
        flush.append((s.view(ellipse((side * 0.52, 0.4 - lift), 0.24, 0.17)), 0.8))
    flush.append((s.view(ellipse((0, nose_v(s.who) - 0.1), 0.14, 0.12)), 0.75))
    s.canvas.shade(flush, rosy, 1.0, s.px(0.1), s.mask)
    sockets: list[Shape] = []
    for side in SIDES:
        u, v = eye_centre(s.who, side)
        sockets.append((s.view(ellipse((u - side * 0.03, v - 0.02), 0.25, 0.14)), 0.5 + 0.3 * s.who.age))
    s.canvas.shade(sockets, stain("#dcbfbd"), 0.55, s.px(0.05), s.mask)
    if s.who.freckles:
        _paint_freckles(s)


def _paint_freckles(s: Sitting) -> None:
    random = s.random("freckles")
    count = int(40 + 60 * s.who.freckles)
    u = random.normal(0, 0.4, count)
    v = 0.34 + random.normal(0, 0.13, count) - 0.05 * np.cos(3 * u)
    centres = s.view(np.stack([u, v], 1))
    sizes = random.uniform(0.008, 0.017, count)
    spots: list[Shape] = [
        (ellipse((x, y), s.px(size), s.px(size), 8), float(random.uniform(0.25, 0.6)))
        for (x, y), size in zip(centres, sizes, strict=True)
    ]
    s.canvas.shade(spots, stain("#b07a58"), 0.9, s.px(0.004), s.mask)
