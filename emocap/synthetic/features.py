"""Where the parts of a face lie, and where action units move them. Face coordinates throughout (see geometry).

What each unit does follows the FACS manual (Ekman, Friesen & Hager, 2002); the distances are our reading.
"""

# Tested in tests/synthetic/test_portrait.py.

from dataclasses import dataclass

import numpy as np

from emocap.synthetic.geometry import Points, Surface
from emocap.synthetic.motion import LEFT, RIGHT, SIDES, Motion
from emocap.synthetic.people import Identity

NOSE_BASE, MOUTH, CHIN = 0.58, 0.855, 1.375
"""v of an average face."""


def mouth_v(identity: Identity) -> float:
    """Height v of the line between the closed lips."""
    return MOUTH * identity.face_length


def nose_v(identity: Identity) -> float:
    """Height v of the base of the nose."""
    return NOSE_BASE * identity.nose_length * (0.5 + 0.5 * identity.face_length)


def eye_centre(identity: Identity, side: int) -> tuple[float, float]:
    """Centre of the eye in which nothing moves."""
    return side * 0.43 * identity.eye_spacing * (0.4 + 0.6 * identity.face_width), 0.0


def outline(identity: Identity, motion: Motion) -> Points:
    """Closed control points of skull and jaw, from the crown down the right of the picture and up the left."""
    half = np.array([
        (0, -1.29), (0.40, -1.21), (0.73, -0.95), (0.915, -0.54), (0.965, -0.08), (0.95, 0.30), (0.875, 0.66),
        (0.74, 0.96), (0.47, 1.22), (0.22, 1.35), (0, CHIN),
    ])  # fmt: skip
    spread = [1, 1, 1, 1, 1, identity.cheeks, (1 + identity.jaw) / 2, identity.jaw, identity.jaw, identity.chin, 1]
    half[:, 0] *= np.array(spread) * identity.face_width
    below = half[:, 1] > 0
    half[below, 1] *= identity.face_length
    hang = np.clip((half[:, 1] - 0.4) / 0.8, 0, 1) ** 1.2
    half[:, 1] += motion.jaw * hang
    half[:, 0] *= 1 - 0.13 * motion.jaw * hang
    half[-3:, 1] -= 0.02 * motion(17)
    return np.concatenate([half, (half * (-1, 1))[-2:0:-1]])


def surface(identity: Identity, motion: Motion) -> Surface:
    """The relief of the face; muscles swell and fold it."""
    i, m = identity, motion
    nose, mouth, drop = nose_v(i), mouth_v(i), m.jaw
    lips = 0.05 * (1 - 0.6 * m(28))
    bumps: list[tuple[float, float, float, float, float]] = [
        (0.06 * i.nose_bridge, 0, -0.02, 0.12, 0.25),
        (0.15, 0, 0.5 * nose, 0.12 * i.nose_width, 0.28),
        (0.17, 0, 0.84 * nose, 0.135 * i.nose_width, 0.15),
        (0.05, 0, 0.9 * nose, 0.24 * i.nose_width, 0.1),
        (0.035, 0, -0.65, 0.6, 0.3),
        (0.05, 0, mouth, 0.42, 0.26),
        (lips + 0.06 * (m(18) + m(22)), 0, mouth - 0.05, 0.24, 0.06),
        (lips + 0.07 * (m(18) + m(22)) + 0.03 * m(17), 0, mouth + 0.08 + drop * 0.9, 0.2, 0.06),
        (-0.045 - 0.03 * m(17), 0, mouth + 0.24 + drop, 0.3, 0.06),
        (0.07 + 0.05 * m(17), 0, CHIN * i.face_length - 0.14 - 0.03 * m(17) + drop, 0.24 * i.chin, 0.13),
        (-0.018, 0, mouth - 0.16, 0.035, 0.08),
        (0.02 * m(4), 0, -0.26, 0.1, 0.08),
    ]
    for side in SIDES:
        eye = eye_centre(i, side)[0]
        six, smile = m(6, side), m(12, side)
        lift = 0.06 * six + 0.05 * smile
        bumps += [
            (-0.11, eye - side * 0.05, -0.03, 0.25, 0.13),
            (0.045 - 0.01 * m(4, side), eye, -0.27 + 0.05 * m(4, side) - 0.05 * m(2, side), 0.32, 0.08),
            (0.05 + 0.05 * six + 0.055 * smile + 0.03 * m(13, side), side * 0.55, 0.42 - lift, 0.22, 0.16),
            (-0.03 * i.age - 0.025 * (smile + six + m(11, side)), side * 0.34, 0.68, 0.06, 0.16),
            (-0.035 - 0.03 * m(27), side * 0.66, 0.78 + 0.3 * drop, 0.16, 0.2),
            (0.03 * m(15, side), side * 0.4, mouth + 0.2, 0.1, 0.1),
            (-0.03, side * 0.86, -0.35, 0.12, 0.25),
        ]
    return Surface(i.face_width, i.face_length, np.array(bumps))


@dataclass(frozen=True)
class Brow:
    """Centre line from the nose outwards, and half the width of the brow along it."""

    line: Points
    half_width: Points


def brow(identity: Identity, motion: Motion, side: int) -> Brow:
    """One brow: 1 lifts its inner part, 2 its outer part, 4 lowers it and draws it to the middle."""
    i = identity
    one, two, four = motion(1, side), motion(2, side), motion(4, side)
    nine = motion(9, side)
    u = np.array([-0.235, -0.1, 0.06, 0.2, 0.315]) + 0.435 * i.eye_spacing
    arch = np.array([0.03, -0.02, -0.055, -0.06, 0.01]) * i.brow_arch
    v = -0.265 - i.brow_height + arch
    v = v - 0.155 * one * np.array([1, 0.68, 0.24, 0.02, 0])
    v -= 0.145 * two * np.array([0.04, 0.36, 0.82, 1, 0.66])
    v += 0.115 * four * (1 - 0.75 * one) * np.array([1, 0.86, 0.6, 0.34, 0.15])
    v += 0.05 * nine * np.array([1, 0.7, 0.3, 0, 0]) + 0.015 * motion(6, side) * np.array([0, 0, 0, 0.6, 1])
    u = u - (0.075 * four + 0.03 * nine) * np.array([1, 0.85, 0.55, 0.25, 0])
    width = np.array([0.036, 0.043, 0.039, 0.026, 0.005]) * i.brow_weight
    return Brow(np.stack([side * u, v], 1), width)


@dataclass(frozen=True)
class Eye:
    """Lids run from the inner to the outer corner."""

    upper: Points
    lower: Points
    iris: tuple[float, float]
    iris_radius: float
    closed: float
    fold: float
    """Height of the fold above the upper lid."""


_UPPER = np.array([0, 0.78, 1.0, 0.78, 0])
_LOWER = np.array([0, 0.55, 0.95, 0.88, 0])


def eye(identity: Identity, motion: Motion, side: int) -> Eye:
    """One eye: 5 lifts the upper lid; 7 narrows and straightens; 6 pushes the lower lid up; 43, 45, 46 close."""
    i, m = identity, motion
    centre, _ = eye_centre(i, side)
    half = 0.242 * i.eye_size
    five, six, seven = m(5, side), m(6, side), m(7, side)
    squeeze = 0.36 * seven + 0.16 * six + 0.12 * m(9, side) + 0.08 * m(4, side)
    open_up = 1 + 0.8 * five + 0.08 * m(1, side) + 0.08 * m(2, side) - squeeze - 0.45 * m(64) + 0.14 * m(63)
    open_down = 1 - 0.62 * seven - 0.34 * six - 0.12 * m(9, side) - 0.1 * m(12, side) + 0.12 * five - 0.1 * m(63)
    closed = min(1.0, max(1.15 * m(43, side), *(min(1.0, 3 * m(n, side), 0.3 + 0.9 * m(n, side)) for n in (45, 46))))
    u = np.array([-1, -0.5, 0.02, 0.55, 1]) * half
    tilt = np.array([0.012, 0, 0, 0, 0]) - i.eye_tilt * np.linspace(-0.3, 1, 5)
    rise = 0.12 * i.eye_size * i.eye_opening * max(0.25, open_up) * _UPPER
    fall = 0.083 * i.eye_size * open_down * _LOWER - 0.03 * six * np.array([0, 0.5, 1, 0.9, 0])
    upper = tilt - (1 - closed) * rise + closed * (0.8 * fall + 0.2 * 0.08 * _LOWER)
    # A wink and a blink also push the lower lid up a little.
    lower = np.maximum(tilt + fall, upper)
    gaze = (0.09 * (m(61) - m(62)), 0.055 * (m(64) - m(63)))
    return Eye(
        upper=np.stack([centre + side * u, upper], 1),
        lower=np.stack([centre + side * u, lower], 1),
        iris=(centre + gaze[0], -0.012 + gaze[1]),
        iris_radius=0.106 * (0.5 + 0.5 * i.eye_size),
        closed=closed,
        fold=0.035 + 0.035 * i.eye_fold + 0.02 * (m(1, side) + m(2, side)) - 0.02 * m(4, side),
    )


@dataclass(frozen=True)
class Mouth:
    """Four curves of seven control points from the left of the picture to its right, sharing their corners."""

    upper: Points
    upper_inner: Points
    lower_inner: Points
    lower: Points
    teeth: tuple[float, float]
    """v of the edges of the upper and of the lower teeth."""

    @property
    def opening(self) -> float:
        """Largest distance between the lips, face units."""
        return float((self.lower_inner - self.upper_inner)[:, 1].max())


_ALONG = np.array([0, 0.27, 0.62, 1])
"""Control points of half a lip: middle, peak, side, corner; as shares of the half width."""
_PART = np.array([1, 0.96, 0.7, 0])
_PRESS = np.array([1, 0.95, 0.62, 0.1])


def mouth(identity: Identity, motion: Motion) -> Mouth:
    """The lips. Corners and halves move by the units of their own side, the jaw and the middle by both."""
    halves = [_half_mouth(identity, motion, side) for side in SIDES]
    right, left = halves[0], halves[1]
    middle = (right[:, :1] + left[:, :1]) / 2
    curves = np.concatenate([right[:, :0:-1], middle, left[:, 1:]], 1)
    # Lips touch; they do not pass through each other.
    meet = np.maximum(curves[2, :, 1], curves[1, :, 1])
    curves[3, :, 1] += 0.8 * (meet - curves[2, :, 1])
    curves[2, :, 1] = meet
    at = mouth_v(identity)
    upper, upper_inner, lower_inner, lower = curves
    return Mouth(upper, upper_inner, lower_inner, lower, (at + 0.06, at + 0.078 + motion.jaw + 0.05 * motion.peak(25)))


def _half_mouth(identity: Identity, motion: Motion, side: int) -> Points:
    # (curve, control point, coordinate); curves: outer upper, inner upper, inner lower, outer lower.
    m = {n: motion(n, side) for n in (9, 10, 12, 13, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28)}
    parted, jaw = m[25] > 0 or m[27] > 0, motion.jaw
    thick = (1 - 0.22 * m[12]) * (1 - 0.3 * m[20]) * (1 - 0.58 * m[23]) * (1 - 0.55 * m[24]) * (1 - 0.9 * m[28])
    thick *= (1 + 0.5 * m[18]) * (1 + 0.5 * m[22]) * (1 - 0.15 * m[27])
    narrow = 1 - 0.42 * m[18] - 0.3 * m[22] - 0.08 * m[23] - 0.11 * m[24] - 0.06 * m[26] - 0.17 * m[27]
    u = 0.365 * identity.mouth_width * narrow * _ALONG
    u = u + (0.15 * m[12] + 0.19 * m[20] + 0.03 * m[15] - 0.045 * m[14] - 0.01 * m[13] + 0.02 * m[28]) * _ALONG
    rest = np.array([0.012, 0.0, 0.006, 0.0])
    upper_lip, lower_lip = 0.088 * identity.upper_lip * thick, 0.115 * identity.lower_lip * thick
    v = np.stack([
        rest - upper_lip * (1 - 0.25 * m[10]) * np.array([0.8, 1, 0.62, 0]), rest, rest,
        rest + lower_lip * (1 + 0.15 * m[17]) * np.array([1, 0.97, 0.62, 0]),
    ])  # fmt: skip
    v += -0.19 * m[12] * _ALONG**1.7 - 0.02 * m[12] * (1 - _ALONG) - 0.18 * m[13] * _ALONG**3.5
    v += 0.16 * m[15] * _ALONG**2.3 + 0.02 * m[20] * _ALONG - 0.025 * m[14] * _ALONG**3
    v[:2] -= (0.03 * m[25] * (1 - 0.5 * m[12]) + 0.055 * m[22]) * _PART
    v[2:] += (0.085 * m[25] + 0.06 * m[22] + 0.02 * m[18]) * _PART
    v[2:] += jaw * (np.array([1, 0.96, 0.72, 0.28]) if parted else np.full(4, 0.45))
    v[:2] += jaw * (np.array([-0.06, -0.05, 0.05, 0.28]) if parted else np.full(4, 0.45))
    # 10 bends the upper lip to an angle, which is why its side rises more than its middle.
    bend = np.array([0.62, 0.95, 1.0, 0.22]) * (0.115 * m[10] + 0.05 * m[9])
    v[0] -= bend
    v[1] -= bend * (0.85 if parted else 0.3)
    v[2:] += 0.1 * m[16] * np.array([[0.75, 0.9, 0.7, 0.1], [0.9, 1, 0.85, 0.1]])
    v[2:] -= 0.06 * m[17] * _PRESS
    v[:2] -= 0.035 * m[17] * _PRESS
    v += 0.035 * m[17] * _ALONG**2
    return np.stack([np.broadcast_to(side * u, v.shape), v + mouth_v(identity)], 2)


@dataclass(frozen=True)
class Nose:
    """Wings are outlines from the crease above the wing, round it, to the base: one per side."""

    tip: tuple[float, float]
    wings: dict[int, Points]
    nostrils: dict[int, Points]


def nose(identity: Identity, motion: Motion) -> Nose:
    """The nose: 9 and 10 lift its wings, 9 most."""
    base, wings, nostrils = nose_v(identity), {}, {}
    for side in SIDES:
        up = 0.065 * motion(9, side) + 0.035 * motion(10, side)
        wide = 0.178 * identity.nose_width + 0.025 * motion(9, side) + 0.015 * motion(12, side)
        u = np.array([0.76, 0.97, 1.0, 0.84, 0.62]) * wide
        v = base + np.array([-0.185, -0.13, -0.06, -0.005, 0.0]) - up * np.array([1, 1, 1, 0.8, 0.4])
        wings[side] = np.stack([side * u, v], 1)
        hole = np.array([(0.25, 0.0), (0.45, -0.035), (0.68, -0.03), (0.72, -0.005), (0.5, 0.005)])
        nostrils[side] = hole * (side * wide, 1) + (0, base - 0.008 - 0.75 * up)
    return Nose((0.0, base - 0.105 - 0.02 * motion(9)), wings, nostrils)


@dataclass(frozen=True)
class Features:
    """Every part of one face that moves."""

    outline: Points
    brows: dict[int, Brow]
    eyes: dict[int, Eye]
    nose: Nose
    mouth: Mouth

    @staticmethod
    def of(identity: Identity, motion: Motion) -> "Features":
        """The parts of this person's face in this motion."""
        return Features(
            outline=outline(identity, motion),
            brows={side: brow(identity, motion, side) for side in (RIGHT, LEFT)},
            eyes={side: eye(identity, motion, side) for side in (RIGHT, LEFT)},
            nose=nose(identity, motion),
            mouth=mouth(identity, motion),
        )
