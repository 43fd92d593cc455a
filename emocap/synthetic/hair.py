"""Hair: sheets of strands between guide lines that run from root to tip."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Sequence

import numpy as np

from emocap.synthetic.canvas import Colour, Image, Shape, mix, rgb, stain
from emocap.synthetic.geometry import Points, curve, ellipse, mirrored, moved, ribbon, taper
from emocap.synthetic.motion import SIDES
from emocap.synthetic.people import Identity
from emocap.synthetic.render_context import Sitting

FALLING = {"bob": 1.12, "bangs": 1.2, "long": 1.95, "wavy": 1.8}
"""Loose hair → v of its tips."""
_UNDER_HAT = {"afro": "short", "curls": "wavy", "quiff": "short", "bun": "short", "ponytail": "short", "bangs": "long"}
_GLOSS = rgb("#fff4e4")
_SHADOW = stain("#a8786c")
_ALONG = 25
"""Points of a strand."""


def style(who: Identity) -> str:
    """The hair as it lies under what is worn on the head."""
    if who.headwear == "headscarf":
        return "bald"
    return _UNDER_HAT.get(who.hair, who.hair) if who.headwear == "beanie" else who.hair


def hair_colour(s: Sitting) -> Colour:
    """The colour of the hair in this light."""
    return rgb(s.who.hair_colour) * s.tint * np.float32(0.9 + 0.12 * float(s.toward_light[2]))


def _resample(line: Points, count: int) -> Points:
    run = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, run[-1], count)
    return np.stack([np.interp(at, run, line[:, 0]), np.interp(at, run, line[:, 1])], 1)


def hairline(who: Identity, side: int, start: float = 0.0) -> Points:
    """Where hair begins, from u = start over one temple to the sideburn; 9 points."""
    top = -0.93 * who.forehead
    half = np.array([(0, 0), (0.3, 0.01), (0.54, 0.1), (0.71, 0.3)])
    if who.hair == "receding":
        half = np.array([(0, 0.02), (0.2, 0.0), (0.46, -0.16), (0.68, 0.1)])
    half = np.concatenate([moved(half, 0, top), [(0.8, -0.36), (0.865, -0.14), (0.9, 0.1)]])
    whole = np.concatenate([half[:0:-1] * (-1, 1), half]) * (side * who.face_width, 1)
    dense = curve(whole)
    return _resample(dense[dense[:, 0] * side >= start * side], 9)


def crown(
    who: Identity, side: int, expand: float, start: float = 0.0, down: float = 0.12, foot: float = 0.97
) -> Points:
    """The outer edge of hair that stands off by `expand`, from u = start over one side to (foot, down); 9 points."""
    wide, high = 0.965 * who.face_width + expand, 0.99 + expand
    angle = np.linspace(np.arcsin(np.clip(start * side / wide, -0.9, 0.9)), np.pi / 2, 24)
    arc = np.stack([side * wide * np.sin(angle), -0.3 - high * np.cos(angle)], 1)
    return _resample(np.concatenate([arc, [(side * foot * who.face_width, down)]]), 9)


def _strands(
    s: Sitting,
    lines: Points,
    clip: Image | None,
    random: np.random.Generator,
    width: float = 0.012,
    contrast: float = 1.0,
) -> None:
    # (M, N, 2) pixels: every strand is a little darker or lighter than the hair around it.
    count, length = lines.shape[:2]
    widths = s.px(width) * random.uniform(0.5, 1.4, (count, 1)) * taper(length, 0.5, 0.15)
    drawn: list[Shape] = [(hair, random.uniform(0.3, 0.95)) for hair in ribbon(lines, widths)]
    s.canvas.shade(drawn[::2], stain("#7d736e"), 0.75 * contrast, s.px(0.006), clip)
    lit = (mix(hair_colour(s), rgb("#ffe9cc"), 0.35) * np.float32(0.2) + 5) * np.float32(contrast)
    s.canvas.light(drawn[1::2], lit, s.px(0.006), clip)


def _sheet(
    s: Sitting,
    guides: Sequence[Points],
    name: str,
    strands: int = 22,
    lift: float = 0.04,
    depth: float | None = None,
    wave: float = 0.0,
    shine: float = 0.3,
    ragged: float = 0.0,
) -> None:
    """Hair between guides of equal length: its colour, a band of shine across it, and strands along it.

    ragged: how far single strands reach beyond the tips, face units.
    """
    random, colour = s.random(name), hair_colour(s)
    lines = curve(np.stack(guides), _ALONG)
    if wave:
        swing = wave * np.sin(np.linspace(0, 11, _ALONG) + random.uniform(0, 6)) * np.linspace(0, 1, _ALONG) ** 0.5
        lines = lines + np.stack([swing, np.zeros(_ALONG)], 1)
    roots, tips = curve(lines[:, 0]), curve(lines[:, -1])
    shape = s.view(np.concatenate([lines[0], tips, lines[-1][::-1], roots[::-1]]), depth, lift)
    s.canvas.fill([shape], colour, 1.0, s.px(0.008))
    clip = s.canvas.mask([shape])
    if shine:
        band = curve(s.view(lines[:, int(shine * (_ALONG - 1))], depth, lift), 13)
        strength = 0.6 - 0.5 * s.away * s.slant * float(np.sign(lines[:, :, 0].mean()))
        gloss = mix(colour, _GLOSS, 0.5) * np.float32(0.24 + 0.12 * s.scene.light_strength)
        s.canvas.light([(ribbon(band, s.px(0.085) * taper(13, 0.7, 0.7)), strength)], gloss, s.px(0.055), clip)
    place = np.sort(random.uniform(0, len(lines) - 1.001, strands))
    k = place.astype(int)
    between = lines[k] + (place - k)[:, None, None] * (lines[k + 1] - lines[k])
    if ragged:
        tip, before = between[:, -1], between[:, -5]
        along = (tip - before) / (np.hypot(*(tip - before).T)[:, None] + 1e-9)
        reach = along * random.uniform(0.2, 1, (strands, 1)) * ragged
        wisps = curve(np.stack([before, tip, tip + reach], 1), 7)
        s.canvas.fill(
            list(ribbon(s.view(wisps, depth, lift), s.px(0.03) * np.linspace(1, 0, 7) ** 0.7)),
            colour,
            1.0,
            s.px(0.006),
        )
    _strands(s, s.view(between, depth, lift), clip, random)
    edge = s.view(lines[0], depth, lift)
    s.canvas.shade([ribbon(edge, s.px(0.028))], stain("#8a7c76"), 0.6, s.px(0.018), clip)


def _fluffy(outline: Points, random: np.random.Generator, size: float) -> Points:
    # Curly hair ends in bumps.
    dense = _resample(np.concatenate([outline, outline[:1]]), 91)[:-1]
    out = dense - dense.mean(0)
    out /= np.hypot(out[:, 0], out[:, 1])[:, None]
    bumps = np.abs(np.sin(np.arange(90) * np.pi / 5 + random.uniform(0, 3))) + 0.35 * random.standard_normal(90)
    bumpy: Points = dense + out * (size * bumps)[:, None]
    return bumpy


def _curly(s: Sitting, inner: Points, outer: Points, name: str, depth: float | None, shadow: float = 1.0) -> None:
    # Coils between two lines of equal length.
    random, colour = s.random(name), hair_colour(s)
    outline = np.concatenate([inner, outer[::-1]])
    shape = s.view(curve(_fluffy(outline, random, 0.035), 180, closed=True), depth, 0.05)
    s.canvas.fill([shape], colour * np.float32(shadow), 1.0, s.px(0.01))
    clip = s.canvas.mask([shape])
    at = 0.3 if depth is None else depth
    top = ellipse((-0.35 * s.away * s.slant, float(outer[:, 1].min()) + 0.32), 0.55, 0.24)
    s.canvas.light([s.view(top, at)], mix(colour, _GLOSS, 0.35) * np.float32(0.3), s.px(0.13), clip)
    # Locks that wind along the hair.
    count, length = 110, 14
    near, far = _resample(inner, 70), _resample(outer, 70)
    steps = random.integers(0, 70 - length, (count, 1)) + np.arange(length)
    out = far[steps] - near[steps]
    reach = np.hypot(out[..., 0], out[..., 1])[..., None] + 1e-9
    wind = 0.03 * np.sin(1.25 * np.arange(length) + random.uniform(0, 6, (count, 1)))[..., None]
    locks = near[steps] + out * (random.uniform(0.03, 0.97, (count, 1, 1)) + wind / reach)
    _strands(s, s.view(locks, at), clip, random, 0.026)


def _ring(
    s: Sitting, centre: tuple[float, float], radius_u: float, radius_v: float, name: str, depth: float, shadow: float
) -> None:
    outer = ellipse(centre, radius_u, radius_v, 40)
    # The seam of the ring lies below, behind the neck.
    outer = np.roll(outer, -10, 0)
    _curly(s, outer * 0.6, outer, name, depth, shadow)


def paint_back_hair(s: Sitting) -> None:
    """Hair behind head and neck."""
    who, kind = s.who, style(s.who)
    volume = 0.16 * who.hair_volume
    deep = hair_colour(s) * np.float32(0.54)
    if kind in FALLING:
        tips, wide = FALLING[kind], who.face_width + volume
        outer = [crown(who, side, volume, 0, 0.2, 1 + volume)[::side] for side in SIDES]
        ends = np.array(
            [(wide, 0.7), (wide * 0.96, tips - 0.15), (0, tips), (-wide * 0.96, tips - 0.15), (-wide, 0.7)]
        )
        s.canvas.fill([s.view(np.concatenate([*outer, ends]), depth=0.05)], deep, 1.0, s.px(0.02))
    elif kind == "afro":
        _ring(s, (0, -0.42), 1.2 + volume, 1.1 + volume, "afro", -0.15, 0.8)
    elif kind == "curls":
        _ring(s, (0, 0), 1.1 + volume, 1.42 + 0.5 * volume, "curls", -0.1, 0.72)
    elif kind == "bun":
        knot = ellipse((0.0, -1.47), 0.35, 0.33, 24)
        left, right = np.roll(knot, -6, 0)[:13], np.roll(knot, 6, 0)[:13][::-1]
        _sheet(s, [left, (left + right) / 2, right], "bun", 16, depth=-0.3)
    elif kind == "ponytail":
        side = 1 if who.part > 0 else -1
        tail = np.array([(0.72, -0.5), (1.1, 0.1), (1.22, 0.8), (1.06, 1.45), (0.9, 1.85)]) * (side, 1)
        _sheet(s, [tail * (0.72, 0.95), tail * (0.88, 1.02), tail], "tail", 14, depth=-0.4, shine=0)
    if kind != "bald":
        if kind in ("buzz", "receding"):
            deep = _cropped_colour(s) * np.float32(0.75)
        half = np.concatenate([crown(who, 1, 0.0), np.array([(0.88, 0.38), (0.66, 0.64), (0.3, 0.8)])])
        skull = mirrored(half)
        s.canvas.fill([s.view(skull, depth=z) for z in (-0.35, -0.2, -0.05)], deep, 1.0, s.px(0.015))


def paint_front_hair(s: Sitting) -> None:
    """Hair over forehead, temples and cheeks, and its shadow on the skin."""
    kind = style(s.who)
    if kind == "bald":
        return
    if kind in ("buzz", "receding"):
        _cropped(s, 0.025 if kind == "buzz" else 0.05)
        return
    edge = np.concatenate([hairline(s.who, -1)[:0:-1], hairline(s.who, 1)])
    shade = s.view(curve(moved(edge, 0.02 * s.away * s.slant, 0.02)))
    s.canvas.shade([ribbon(shade, s.px(0.045))], _SHADOW, 0.7, s.px(0.03), s.mask)
    if kind in ("afro", "curls"):
        _front_curls(s, kind == "afro")
    elif kind in ("bun", "ponytail"):
        _pulled_back(s)
    elif kind == "quiff":
        _quiff(s)
    elif kind == "short":
        _short(s)
    elif kind == "bangs":
        _curtains(s, 0.0, FALLING[kind], inner=0.93)
        _fringe(s)
    elif kind in FALLING:
        _curtains(s, 0.32 * s.who.part, FALLING[kind], inner=0.87, wave=0.035 if kind == "wavy" else 0.0)
    else:
        _swept(s)


def _cropped_colour(s: Sitting) -> Colour:
    # Skin shows through.
    return mix(hair_colour(s), s.skin * s.tint * np.float32(0.7), 0.25)


def _cropped(s: Sitting, expand: float) -> None:
    who, random = s.who, s.random("crop")
    sides = [np.concatenate([hairline(who, side), crown(who, side, expand)[::-1]]) for side in SIDES]
    shapes: list[Shape] = [s.view(edge, lift=0.02) for edge in sides]
    s.canvas.fill(shapes, _cropped_colour(s), 0.9, s.px(0.022))
    clip = s.canvas.mask(shapes, s.px(0.02))
    across, which = random.uniform(0, 1, (260, 1)), random.integers(0, 9, 260)
    edges = np.stack(sides)[random.integers(0, 2, 260)]
    each = np.arange(260)
    root = edges[each, which] * (1 - across) + edges[each, 17 - which] * across + random.normal(0, 0.04, (260, 2))
    hairs = root[:, None] + np.linspace(0, 1, 3)[:, None] * (root * (0.03, 0) + (0, -0.05))[:, None]
    _strands(s, s.view(hairs, lift=0.02), clip, random, 0.005, 0.6)


def _short(s: Sitting) -> None:
    # Cropped sides, and a top that falls from the crown to the forehead.
    who = s.who
    for side in SIDES:
        _sheet(s, [hairline(who, side), crown(who, side, 0.04 * who.hair_volume)], f"side{side}", 16, shine=0)
    high, lean = 0.1 * who.hair_volume, 0.12 * who.part
    guides = []
    for k, u in enumerate((-0.8, -0.48, -0.16, 0.16, 0.48, 0.8)):
        turn, stand = 1.5 * u, 0.035 + high * (1 - (u / 0.8) ** 2)
        root = np.array([(0.965 + stand) * np.sin(turn), -0.3 - (0.99 + stand) * np.cos(turn)])
        tip = np.array([u + lean * (1 - u**2), -0.9 * who.forehead + 0.44 * u**2 + (0.03 if k % 2 else -0.02)])
        bulge = (-0.4 * lean, -0.03 * who.hair_volume)
        line = [root, 0.65 * root + 0.35 * tip + bulge, 0.3 * root + 0.7 * tip + bulge, tip]
        guides.append(np.stack(line) * (who.face_width, 1))
    _sheet(s, guides, "top", 44, lift=0.06, shine=0.3, ragged=0.07)


def _swept(s: Sitting) -> None:
    # Short hair combed to both sides of a part.
    who = s.who
    expand = 0.14 * who.hair_volume
    start = 0.5 * who.part
    for side in (1, -1) if who.part < 0 else (-1, 1):
        inner, outer = hairline(who, side, start), crown(who, side, expand, start * 0.8)
        if side * who.part < 0:
            bulge = np.sin(np.linspace(0, np.pi, 9))[:, None]
            inner = inner + bulge**1.3 * (0, 0.12)
            outer = outer + bulge * np.array((side * 0.02, -0.05)) * who.hair_volume
        _sheet(s, [inner, (inner + outer) / 2 + (0, -0.02), outer], f"swept{side}", 30)


def _curtains(s: Sitting, start: float, tips: float, inner: float, wave: float = 0.0) -> None:
    who, volume = s.who, 0.16 * s.who.hair_volume
    for side in (1, -1) if start < 0 else (-1, 1):
        line = hairline(who, side, start)[:6]
        run = np.linspace(0, 1, 5)
        near = np.stack([inner + 0.07 * np.sin(3 * run) - 0.06 * run**3, 0.05 + (tips - 0.08) * run], 1)
        far = np.stack([1.03 + volume + 0.05 * np.sin(3 * run) - 0.1 * run**3, 0.05 + (tips - 0.16) * run], 1)
        edge = _resample(crown(who, side, volume, start * 0.8, -0.25, 1 + volume), 6)
        ends = (side * who.face_width, 1)
        near_line, far_line = np.concatenate([line, near * ends]), np.concatenate([edge, far * ends])
        middle = (near_line + far_line) / 2 + np.linspace(0, 1, 11)[:, None] ** 4 * (0, 0.13)
        _sheet(s, [near_line, middle, far_line], f"curtain{side}", 30, wave=wave, shine=0.22, ragged=0.06)


def _fringe(s: Sitting) -> None:
    guides = []
    for u in (-0.84, -0.45, 0.0, 0.45, 0.84):
        tip = -0.47 + 0.2 * u**2 + 0.04 * s.who.part * u
        guides.append(
            np.array([(0.55 * u, -1.25), (0.8 * u, -1.05), (0.97 * u, -0.78), (u, tip)]) * (s.who.face_width, 1)
        )
    shade = s.view(curve(moved(np.array([guide[-1] for guide in guides]), 0, 0.025), 17))
    s.canvas.shade([ribbon(shade, s.px(0.045))], _SHADOW, 0.7, s.px(0.03), s.mask)
    _sheet(s, guides, "fringe", 44, lift=0.06, shine=0.42, ragged=0.05)


def _pulled_back(s: Sitting) -> None:
    who, expand = s.who, 0.05 * s.who.hair_volume
    front = np.concatenate([hairline(who, -1)[:0:-1], hairline(who, 1)])
    back = np.concatenate([crown(who, -1, expand)[:0:-1], crown(who, 1, expand)])
    guides = [np.stack([front[k], (front[k] + back[k]) / 2 + (0, -0.04), back[k]]) for k in range(0, 17, 2)]
    _sheet(s, guides, "back", 44, shine=0.5)


def _quiff(s: Sitting) -> None:
    who = s.who
    for side in SIDES:
        _sheet(s, [hairline(who, side), crown(who, side, 0.04)], f"side{side}", 14, shine=0)
    rise, lean = 0.17 * who.hair_volume, 0.12 * (1 if who.part > 0 else -1)
    guides = []
    for u in (-0.72, -0.4, 0.0, 0.4, 0.72):
        root = -0.91 * who.forehead + 0.3 * u**2
        back = np.array(
            [(0.98 * u + lean, -1.24 + 0.55 * u**2 - rise), (0.8 * u + 1.3 * lean, -1.3 + 0.6 * u**2 - rise)]
        )
        front = np.array([(u, root), (1.04 * u + 0.3 * lean, root - 0.2)])
        guides.append(np.concatenate([front, back]) * (who.face_width, 1))
    _sheet(s, guides, "quiff", 40, lift=0.08, shine=0.5)


def _front_curls(s: Sitting, afro: bool) -> None:
    who, volume = s.who, 0.14 * s.who.hair_volume
    front = np.concatenate([hairline(who, -1)[:0:-1], hairline(who, 1)])
    if afro:
        angle = np.linspace(-1.25 * np.pi / 2, 1.25 * np.pi / 2, len(front))
        back = np.stack([(1.2 + volume) * np.sin(angle), -0.42 - (1.1 + volume) * np.cos(angle)], 1)
    else:
        back = np.concatenate([crown(who, -1, 0.13 + volume)[:0:-1], crown(who, 1, 0.13 + volume)])
        tips = np.array([(0.9, 0.2), (0.95, 0.65), (0.9, 1.05)]) * (who.face_width, 1)
        outer = np.array([(1.14, 1.15), (1.23, 0.8), (1.27, 0.35)]) * (who.face_width, 1)
        front = np.concatenate([tips[::-1] * (-1, 1), front[1:-1], tips])
        back = np.concatenate([outer * (-1, 1), back[1:-1], outer[::-1]])
    _curly(s, front, back, "front", None)
