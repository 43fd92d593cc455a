"""What people wear: clothes, glasses, earrings, hats and scarves."""

# Tested in tests/synthetic/test_portrait.py.

import numpy as np

from emocap.synthetic.canvas import Colour, Shape, mix, rgb, stain
from emocap.synthetic.features import eye_centre
from emocap.synthetic.geometry import Points, curve, ellipse, mirrored, moved, ribbon, taper
from emocap.synthetic.hair import FALLING, crown, style
from emocap.synthetic.motion import SIDES
from emocap.synthetic.render_context import Sitting

_SHADE = stain("#6a6266")


def paint_clothes(s: Sitting) -> None:
    """Shoulders and what covers them; the trunk does not turn with the head."""
    who, canvas = s.who, s.canvas
    cloth = rgb(who.cloth_colour) * s.tint * np.float32(0.92)
    half = np.array([(0.5, 1.56), (0.68, 1.7), (1.05, 1.83), (1.45, 2.0), (1.72, 2.4), (1.8, 3.2)])
    body = s.view.body(mirrored(curve(half * (who.shoulders, 1))))
    neckline = _neckline(who.clothes)
    if who.clothes == "hoodie":
        hood = np.array([(0.5, 1.45), (0.85, 1.6), (0.95, 1.85), (0, 2.2), (-0.95, 1.85), (-0.85, 1.6), (-0.5, 1.45)])
        canvas.fill([s.view.body(curve(hood, closed=True))], cloth * np.float32(0.8), 1.0, s.px(0.01))
    opening = s.view.body(neckline)
    trunk = canvas.mask([body])
    if who.clothes != "turtleneck":
        trunk *= 1 - canvas.mask([opening])
    canvas.fill([body], cloth, 1.0, 0.0, trunk)
    dark = s.slant * (0.25 + 0.35 * s.scene.light_strength)
    far = np.array([(0.5, 1.5), (2.4, 1.5), (2.4, 3), (0.9, 3)]) * (s.away, 1)
    canvas.shade([s.view.body(far)], _SHADE, dark, s.px(0.2), trunk)
    canvas.shade([s.view.body(ellipse((s.away * 0.1, 1.75), 0.62, 0.2))], _SHADE, 0.5, s.px(0.09), trunk)
    edge = s.view.body(curve(neckline, closed=True))
    if who.clothes in ("crew", "v-neck", "hoodie"):
        canvas.shade([ribbon(edge, s.px(0.04))], stain("#9a9296"), 0.8, s.px(0.006), trunk)
    if who.clothes == "collar":
        _paint_collar(s, cloth)
    if who.clothes == "turtleneck":
        _paint_turtleneck(s, cloth)


def _neckline(clothes: str) -> Points:
    deep = {"crew": 1.96, "v-neck": 2.35, "collar": 2.12, "turtleneck": 1.7, "hoodie": 2.0}[clothes]
    if clothes in ("v-neck", "collar"):
        return np.array([(-0.56, 1.5), (0.56, 1.5), (0.52, 1.7), (0, deep), (-0.52, 1.7)])
    round_edge = curve(np.array([(0.58, 1.68), (0.36, 1.86), (0, deep), (-0.36, 1.86), (-0.58, 1.68)]))
    return np.concatenate([[(-0.6, 1.5), (0.6, 1.5)], round_edge])


def _paint_collar(s: Sitting, cloth: Colour) -> None:
    for side in SIDES:
        flap = np.array([(0.44, 1.52), (0.58, 1.68), (0.5, 2.02), (0.3, 2.08), (0.02, 1.98), (0.3, 1.8)]) * (side, 1)
        seen = s.view.body(flap)
        s.canvas.shade([moved(seen, 0, s.px(0.03))], _SHADE, 0.6, s.px(0.02))
        s.canvas.fill([seen], mix(cloth, rgb("#ffffff"), 0.16), 1.0, s.px(0.005))


def _paint_turtleneck(s: Sitting, cloth: Colour) -> None:
    roll = np.array([(-0.56, 1.4), (0, 1.53), (0.56, 1.4), (0.66, 1.74), (0, 1.92), (-0.66, 1.74)])
    seen = s.view.body(curve(roll, closed=True))
    s.canvas.fill([seen], cloth, 1.0, s.px(0.008))
    folds: list[Shape] = []
    for u in np.linspace(-0.46, 0.46, 9):
        line = s.view.body(np.array([(u, 1.4), (u * 1.05, 1.6), (u * 1.08, 1.9)]))
        folds.append((ribbon(line, s.px(0.014)), 0.5))
    clip = s.canvas.mask([seen])
    s.canvas.shade(folds, _SHADE, 0.6, s.px(0.012), clip)
    s.canvas.shade([s.view.body(ellipse((0, 1.45), 0.6, 0.1))], _SHADE, 0.6, s.px(0.05), clip)


def paint_glasses(s: Sitting) -> None:
    """Frames with clear lenses, which leave the eyes to be seen."""
    kind = s.who.glasses
    if kind == "none":
        return
    colour = rgb(s.who.frame_colour) * s.tint
    rims: list[Points] = []
    lenses: list[Points] = []
    thick = {"round": 0.016, "square": 0.024, "oval": 0.014, "browline": 0.012}[kind]
    for side in SIDES:
        lens = _lens(s, kind, side)
        seen = s.view(lens, depth=s.view.surface.at(lens * (0.8, 0.5)) * 0.35 + 0.68)
        lenses.append(seen)
        rims.append(ribbon(np.concatenate([seen, seen[:2]]), s.px(thick)))
        if kind == "browline":
            upper = seen[: len(seen) // 2 + 1]
            rims.append(ribbon(upper, s.px(0.035)))
        u = eye_centre(s.who, side)[0]
        temple = side * s.who.face_width
        hinge = np.array([(u + side * 0.29, -0.06), (0.9 * temple, -0.06), (0.985 * temple, -0.05)])
        rims.append(ribbon(s.view(curve(hinge), lift=0.04), s.px(0.9 * thick)))
    inner = abs(eye_centre(s.who, 1)[0]) - 0.25
    bridge = curve(np.array([(-inner, -0.03), (0, -0.07), (inner, -0.03)]))
    rims.append(ribbon(s.view(bridge, lift=0.07), s.px(thick)))
    cast = [moved(rim, s.px(0.015) * s.away, s.px(0.03)) for rim in rims]
    s.canvas.shade(cast, stain("#9a7068"), 0.45, s.px(0.015), s.mask)
    s.canvas.light(lenses, rgb("#0b0d10"))
    s.canvas.fill(rims, colour, 0.96, s.px(0.005))


def _lens(s: Sitting, kind: str, side: int) -> Points:
    u, v = eye_centre(s.who, side)
    u += side * 0.015
    if kind == "round":
        return ellipse((u, v + 0.03), 0.275, 0.255, 32)[::-1]
    if kind == "oval":
        return ellipse((u, v + 0.03), 0.29, 0.195, 32)[::-1]
    corners = np.array([
        (0.29, -0.12), (0.2, -0.165), (-0.2, -0.165), (-0.275, -0.12), (-0.26, 0.1), (-0.17, 0.215), (0.14, 0.22),
        (0.255, 0.12),
    ])  # fmt: skip
    if kind == "browline":
        corners = corners * (1, 1.05)
    return curve(corners * (side, 1) + (u, v + 0.01), 40, closed=True)


def paint_earrings(s: Sitting) -> None:
    """At the lobes; long hair may cover them."""
    kind = s.who.earrings
    if kind == "none":
        return
    gold = rgb("#d9b45a") if s.who.undertone > -0.2 else rgb("#cfd3d8")
    for side in SIDES:
        x, y = s.view(np.array([(side * 0.985 * s.who.face_width, 0.08 + 0.36 * s.who.ears)]), depth=0.0)[0]
        if kind == "hoops":
            ring = ellipse((x, y + s.px(0.12)), s.px(0.07), s.px(0.12), 24)
            s.canvas.fill([ribbon(np.concatenate([ring, ring[:2]]), s.px(0.014))], gold, 1.0, s.px(0.004))
            continue
        drop: list[Shape] = [ellipse((x, y - s.px(0.02)), s.px(0.035), s.px(0.035), 12)]
        if kind == "drops":
            drop.append(ellipse((x, y + s.px(0.11)), s.px(0.035), s.px(0.07), 14))
        s.canvas.fill(drop, gold, 1.0, s.px(0.004))
        spark = ellipse((x - s.px(0.01), y - s.px(0.03)), s.px(0.012), s.px(0.012), 8)
        s.canvas.light([spark], rgb("#707070"), s.px(0.006))


def paint_headwear(s: Sitting) -> None:
    """Beanie, headband or headscarf, over the hair."""
    kind = s.who.headwear
    if kind == "none":
        return
    colour = rgb(s.who.headwear_colour) * s.tint * np.float32(0.95)
    if kind == "headscarf":
        _paint_scarf(s, colour)
        return
    stand = 0.09 + (0.14 * s.who.hair_volume if style(s.who) in FALLING else 0.0)
    edge = np.concatenate([crown(s.who, side, stand, 0, -0.3, 1 + stand)[::side] for side in SIDES])
    low = -0.68 if kind == "beanie" else -0.93
    arch = np.array([(-1.0, 0.34), (-0.73, 0.1), (0, 0), (0.73, 0.1), (1.0, 0.34)]) * (s.who.face_width, 1)
    brim = moved(curve(arch), 0, low)
    s.canvas.shade([ribbon(s.view(moved(brim, 0, 0.03)), s.px(0.05))], stain("#a8786c"), 0.6, s.px(0.03), s.mask)
    if kind == "beanie":
        cap = np.concatenate([s.view(edge[edge[:, 1] < low + 0.36], lift=0.03), s.view(brim, lift=0.06)[::-1]])
        _cloth(s, cap, colour)
    upper = moved(brim, 0, -0.24 if kind == "beanie" else -0.14)
    band = s.view(np.concatenate([brim, upper[::-1]]), lift=0.09)
    _cloth(s, band, colour * np.float32(0.88))


def _cloth(s: Sitting, shape: Points, colour: Colour) -> None:
    s.canvas.fill([shape], colour, 1.0, s.px(0.006))
    clip = s.canvas.mask([shape])
    left, right = float(shape[:, 0].min()), float(shape[:, 0].max())
    top, bottom = float(shape[:, 1].min()), float(shape[:, 1].max())
    ribs: list[Shape] = []
    for x in np.linspace(left, right, 22):
        lean = 0.06 * (x - (left + right) / 2)
        line = np.array([(x - 3 * lean, top), (x - lean, (top + bottom) / 2), (x, bottom)])
        ribs.append((ribbon(line, s.px(0.012)), 0.45))
    s.canvas.shade(ribs, _SHADE, 0.55, s.px(0.012), clip)
    far = ellipse((right if s.away > 0 else left, (top + bottom) / 2), s.px(0.5), s.px(0.9))
    s.canvas.shade([far], _SHADE, 0.6 * s.slant, s.px(0.2), clip)


def _paint_scarf(s: Sitting, colour: Colour) -> None:
    who, drop = s.who, s.motion.jaw
    outer = np.concatenate([crown(who, side, 0.1, 0, 0.5, 1.08)[::side] for side in SIDES])
    cape = s.view.body(np.array([(1.2, 1.75), (1.45, 2.3), (1.5, 3), (-1.5, 3), (-1.45, 2.3), (-1.2, 1.75)]))
    hood = np.concatenate([s.view(outer, depth=0.0), cape])
    low = 1.36 * who.face_length + drop
    half = np.array([
        (0.02, -0.74), (0.42, -0.68), (0.7, -0.42), (0.82, 0), (0.82, 0.5), (0.66, 0.95), (0.36, low - 0.1),
        (0.02, low),
    ])  # fmt: skip
    rim = mirrored(half * (who.face_width, 1))
    opening = s.view(curve(rim, closed=True))
    cover = np.maximum(s.canvas.mask([hood]), s.mask) * (1 - s.canvas.mask([opening], s.px(0.006)))
    edge = ribbon(np.concatenate([opening, opening[:2]]), s.px(0.08))
    s.canvas.shade([edge], stain("#a8786c"), 0.7, s.px(0.035), s.mask)
    s.canvas.fill([hood, s.face], colour, 1.0, 0.0, cover)
    folds: list[Shape] = []
    for k, share in enumerate((0.035, 0.09, 0.16)):
        line = s.view(curve(moved(rim * (1 + share), 0, 0.4 * share), closed=True), lift=-0.2 * share)
        folds.append((ribbon(line, s.px(0.018) * (0.7 + 0.3 * np.sin(np.arange(len(line)) * 0.35 + k))), 0.55))
    for u, v in ((0.75, 0.9), (0.9, 1.05), (1.05, 1.25)):
        line = s.view.body(curve(np.array([(-u, v), (-0.5 * u, v + 0.55), (0.2, v + 0.75), (0.9, v + 0.8)])))
        folds.append((ribbon(line, s.px(0.03) * taper(len(line))), 0.5))
    s.canvas.shade(folds, _SHADE, 0.6, s.px(0.022), cover)
    far = s.view.body(np.array([(0.7, -1.4), (1.8, -1.2), (1.8, 3), (0.6, 3)]) * (s.away, 1))
    s.canvas.shade([far], _SHADE, s.slant * (0.3 + 0.3 * s.scene.light_strength), s.px(0.2), cover)
    s.canvas.shade([s.view.body(ellipse((0, low + 0.1), 0.5, 0.12))], _SHADE, 0.6, s.px(0.07), cover)
