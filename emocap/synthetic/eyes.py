"""Eyes and brows, and the drawn lines of the nose."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Sequence

import numpy as np

from emocap.synthetic.canvas import Image, Shape, mix, rgb, stain
from emocap.synthetic.features import Eye
from emocap.synthetic.geometry import Points, curve, ellipse, moved, ribbon, taper
from emocap.synthetic.motion import SIDES
from emocap.synthetic.render_context import DARK, Sitting

_WHITE = rgb("#f1ece6")


def paint_eyes(s: Sitting) -> None:
    """Both eyes with lids, lashes and gaze."""
    _paint_lids(s)
    _paint_balls(s)
    _paint_lashes(s)


def _paint_lids(s: Sitting) -> None:
    # The fold above the lid; it flattens as the lid comes down.
    lids: list[Shape] = []
    folds: list[Shape] = []
    for eye in s.features.eyes.values():
        upper = curve(eye.upper)
        height = eye.fold * (1 - 0.35 * eye.closed) * np.sin(np.linspace(0.25, np.pi - 0.12, len(upper))) ** 0.8
        crease = s.view(upper - np.stack([np.zeros(len(upper)), height + 0.02 * eye.closed], 1))
        lids.append(np.concatenate([s.view(upper), crease[::-1]]))
        folds.append((ribbon(crease, s.px(0.011) * taper(len(crease))), 0.25 + 0.6 * s.who.eye_fold))
    s.canvas.shade(lids, stain("#cfa59c"), 0.35 + 0.25 * s.who.lashes, s.px(0.012), s.mask)
    s.canvas.shade(folds, stain("#6d4239"), 0.9, s.px(0.008), s.mask)


def _paint_balls(s: Sitting) -> None:
    eyes = [eye for eye in s.features.eyes.values() if eye.closed < 0.97]
    if not eyes:
        return
    uppers, lowers = [s.view(curve(eye.upper)) for eye in eyes], [s.view(curve(eye.lower)) for eye in eyes]
    openings = [np.concatenate([upper, lower[::-1]]) for upper, lower in zip(uppers, lowers, strict=True)]
    clip = s.canvas.mask(openings)
    s.canvas.fill(openings, _WHITE)
    corners = [s.spot(float(eye.upper[0, 0]), float(eye.upper[0, 1]), 0.04, 0.035) for eye in eyes]
    s.canvas.fill(corners, rgb("#c98a80"), 0.8, s.px(0.01), clip)
    s.canvas.shade([ribbon(lower, s.px(0.03)) for lower in lowers], stain("#d8bcb4"), 0.7, s.px(0.012), clip)
    _paint_irises(s, eyes, clip)
    # The upper lid and its lashes throw a shadow on the ball.
    lids = [ribbon(moved(upper, 0, s.px(0.012)), s.px(0.03)) for upper in uppers]
    s.canvas.shade(lids, stain("#6b5a58"), 0.75, s.px(0.016), clip)
    for eye, opening in zip(eyes, openings, strict=True):
        # The ball is wet and turned to the front: it follows the light on the cheek below it, less strongly.
        light = np.minimum(s.light_at((float(eye.upper[2, 0]), 0.16)), 1.08)
        s.canvas.shade([opening], light, 0.75, 0.0, clip)
    glints = [s.spot(eye.iris[0] - 0.035 * s.away, eye.iris[1] - 0.038, 0.022) for eye in eyes]
    s.canvas.fill(glints, rgb("#ffffff") * s.tint, 0.92, s.px(0.005), clip)
    glows = [s.spot(eye.iris[0] + 0.03 * s.away, eye.iris[1] + 0.045, 0.03, 0.018) for eye in eyes]
    s.canvas.light(glows, rgb("#2a2d30"), s.px(0.012), clip)


def _paint_irises(s: Sitting, eyes: Sequence[Eye], clip: Image) -> None:
    iris = rgb(s.who.iris)

    def discs(share: float, down: float = 0.0) -> list[Points]:
        radii = [eye.iris_radius for eye in eyes]
        centres = [(eye.iris[0], eye.iris[1] + down * r) for eye, r in zip(eyes, radii, strict=True)]
        return [s.view(ellipse(centre, share * r, share * r, 24)) for centre, r in zip(centres, radii, strict=True)]

    s.canvas.fill(discs(1.0), mix(iris, DARK, 0.62), 1.0, s.px(0.005), clip)
    s.canvas.fill(discs(0.84), iris, 1.0, s.px(0.012), clip)
    s.canvas.fill(discs(0.5, 0.35), mix(iris, rgb("#f3d9a0"), 0.28), 0.8, s.px(0.022), clip)
    s.canvas.fill(discs(0.43), DARK * np.float32(0.6), 1.0, s.px(0.006), clip)


def _paint_lashes(s: Sitting) -> None:
    lashes = s.who.lashes
    upper_rows: list[Shape] = []
    lower_rows: list[Shape] = []
    for side, eye in s.features.eyes.items():
        upper, lower = curve(eye.upper), s.view(curve(eye.lower))
        rising = np.linspace(0, 1, len(upper))
        width = (0.012 + 0.012 * lashes) * (0.45 + 0.75 * rising) * taper(len(upper), 0.35, 0.55)
        upper_rows.append(ribbon(s.view(upper), s.px(1) * width * (1 + 0.35 * eye.closed)))
        if lashes > 0.5:
            reach, share = 0.05 * (lashes - 0.2), np.array([0.7, 0.8, 0.89, 0.96, 1.0])
            root = upper[np.round(share * (len(upper) - 1)).astype(int)]
            sweep = reach * np.stack([side * (0.3 + share), np.full(5, -0.9 + 1.7 * eye.closed)], 1)
            hairs = curve(np.stack([root, root + 0.55 * sweep + (0, 0.008), root + sweep], 1), 5)
            upper_rows += list(ribbon(s.view(hairs), s.px(0.008) * np.linspace(1, 0.1, 5)))
        if eye.closed < 0.9:
            lower_rows.append(ribbon(lower, s.px(0.008) * taper(len(lower), 0.2, 0.6)))
    s.canvas.fill(upper_rows, mix(DARK, s.skin * np.float32(0.3), 0.35 - 0.3 * lashes), 0.95, s.px(0.004))
    s.canvas.shade(lower_rows, stain("#5c332d"), 0.7, s.px(0.005))


def paint_brows(s: Sitting) -> None:
    """Both brows: a soft body, and hairs across it."""
    colour = rgb(s.who.brow_colour) * mix(np.ones(3, np.float32), s.tint, 0.7)
    colour = mix(colour, s.skin * np.float32(0.6), 0.12)
    bodies: list[Points] = []
    hairs: list[Points] = []
    for brow in s.features.brows.values():
        width = curve(brow.half_width[:, None])[:, 0]
        bodies.append(s.view(ribbon(curve(brow.line), np.maximum(width, 0.004))))
        # Hairs stand up at the nose and lie flat at the temple.
        roots = curve(brow.line, 15)[:-2]
        run = np.linspace(0, 1, 13)[:, None]
        along = np.gradient(roots, axis=0)
        along /= np.hypot(along[:, 0], along[:, 1])[:, None]
        lean = 0.055 * (along * (0.5 + 0.5 * run) + np.array([0.0, -0.75]) * (1 - run))
        half = np.stack([np.zeros(13), np.interp(run[:, 0], np.linspace(0, 1, 5), brow.half_width)], 1)
        feet = np.concatenate([roots + 0.7 * half, roots - 0.1 * half])
        strokes = feet[:, None] + np.linspace(0, 1, 4)[:, None] * np.concatenate([lean, lean])[:, None]
        hairs += list(ribbon(s.view(strokes), s.px(0.0065) * np.array([0.6, 1, 0.8, 0.1])))
    s.canvas.fill(bodies, colour, 0.7, s.px(0.014))
    s.canvas.fill(hairs, mix(colour, DARK, 0.3), 0.5, s.px(0.006))


def paint_nose(s: Sitting) -> None:
    """Shadow beside and below the nose, wings and nostrils."""
    nose = s.features.nose
    away, hard = s.away, s.scene.light_strength * s.slant
    (tip_u, tip_v), wide = nose.tip, abs(float(nose.wings[1][2, 0]))
    base = float(nose.wings[1][-1, 1])
    cast = np.array([
        (-0.8 * wide, base - 0.02), (0.8 * wide, base - 0.02), (0.75 * wide + away * 0.1, base + 0.06 + 0.05 * hard),
        (away * 0.09, base + 0.085 + 0.05 * hard), (-0.75 * wide + away * 0.1, base + 0.05),
    ])  # fmt: skip
    s.canvas.shade([s.view(curve(cast, closed=True))], stain("#8a5a52"), 0.3 + 0.45 * hard, s.px(0.028), s.mask)
    flank = np.array([
        (away * 0.055, -0.02), (away * 0.075, 0.2), (away * 0.105, tip_v), (away * wide, tip_v + 0.02),
        (away * 0.19, 0.25), (away * 0.13, 0.05),
    ])  # fmt: skip
    s.canvas.shade([s.view(curve(flank, closed=True))], stain("#96675c"), 0.15 + 0.45 * hard, s.px(0.03), s.mask)
    lines: list[Shape] = []
    holes: list[Shape] = []
    for side in SIDES:
        wing = s.view(curve(nose.wings[side]))
        lines.append((ribbon(wing, s.px(0.012) * taper(len(wing), 0.1, 0.3)), 0.85))
        holes.append(s.view(curve(nose.nostrils[side], closed=True)))
    s.canvas.shade(lines, stain("#6b3d33"), 0.75, s.px(0.012), s.mask)
    under = np.array([(-0.5, 0.004), (-0.2, 0.016), (0, 0.026), (0.2, 0.016), (0.5, 0.004)]) * (wide, 1)
    line = s.view(curve(moved(under, 0, base)))
    s.canvas.shade([ribbon(line, s.px(0.011) * taper(len(line)))], stain("#7a4a40"), 0.6, s.px(0.01), s.mask)
    s.canvas.shade(holes, stain("#3a1c17"), 0.85, s.px(0.009), s.mask)
    shine = s.spot(tip_u - away * 0.03, tip_v - 0.015, 0.04, 0.035)
    s.canvas.light([shine], rgb("#252220") * s.tint, s.px(0.022))
