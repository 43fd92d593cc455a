"""What is behind the head."""

# Tested in tests/synthetic/test_portrait.py.

import cv2
import numpy as np
from numpy.typing import NDArray

from emocap.synthetic.canvas import Image, mix, rgb
from emocap.synthetic.scene import Scene

_SIDE = 64
"""Backgrounds are out of focus: they are painted this small and enlarged."""


def paint_backdrop(scene: Scene, side: int) -> Image:
    """(3, side, side) float32, 0 to 255."""
    random = np.random.default_rng([scene.grain, 1])
    first, second = rgb(scene.background_colour), rgb(scene.second_colour)
    small = np.empty((_SIDE, _SIDE, 3), np.float32)
    small[:] = first
    if scene.background != "plain":
        slope = np.linspace(0, 1, _SIDE, dtype=np.float32)[:, None, None]
        small = first + slope * (mix(first, second, 0.8) - first) * np.ones((1, _SIDE, 1), np.float32)
    blur = {"bokeh": 2.2, "room": 1.4, "outdoors": 2.4, "stripes": 1.0}.get(scene.background, 0.0)
    if scene.background == "bokeh":
        _dots(small, random, (first, second))
    elif scene.background == "room":
        _room(small, random, first, second)
    elif scene.background == "outdoors":
        _outdoors(small, random)
    elif scene.background == "stripes":
        width = int(random.integers(4, 11))
        for x in range(int(random.integers(0, width)), _SIDE, 2 * width):
            small[:, x : x + width] = mix(first, second, 0.35)
    if blur:
        small = cv2.GaussianBlur(small, (0, 0), blur)
    # Light falls off to the corners.
    out = np.linspace(-1, 1, _SIDE, dtype=np.float32) ** 2
    small *= (1.04 - 0.08 * (out[None] + out[:, None]))[..., None]
    return np.stack([cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR) for plane in cv2.split(small)])


def _dots(small: Image, random: np.random.Generator, colours: tuple[Image, ...]) -> None:
    for _ in range(int(random.integers(9, 20))):
        glow = mix(colours[int(random.integers(len(colours)))], rgb("#fff3dc"), float(random.uniform(0, 0.6)))
        centre = (int(random.integers(0, _SIDE)), int(random.integers(0, _SIDE)))
        _disc(small, centre, int(random.integers(2, 9)), glow)


def _disc(small: Image, centre: tuple[int, int], radius: int, colour: NDArray[np.float32]) -> None:
    cv2.circle(small, centre, radius, tuple(float(c) for c in colour), -1)


def _box(small: Image, x0: int, y0: int, x1: int, y1: int, colour: NDArray[np.float32]) -> None:
    small[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = colour


def _room(small: Image, random: np.random.Generator, wall: Image, trim: Image) -> None:
    x = int(random.integers(-12, 50))
    if random.random() < 0.5:
        _box(small, x - 1, 3, x + 22, 34, mix(trim, rgb("#ffffff"), 0.5))
        _box(small, x + 1, 5, x + 20, 32, rgb("#dfeaf2"))
        _box(small, x + 10, 5, x + 11, 32, mix(trim, rgb("#ffffff"), 0.5))
    else:
        for y in (8, 24, 40):
            _box(small, x, y + 11, x + 30, y + 13, mix(wall, rgb("#3a2a20"), 0.6))
            at = x
            while at < x + 28:
                width = int(random.integers(2, 5))
                book = mix(rgb("#5a4636"), np.asarray(random.uniform(40, 200, 3), np.float32), 0.6)
                _box(small, at, y + 11 - int(random.integers(5, 10)), at + width, y + 11, book)
                at += width
    _box(small, 0, 54, _SIDE, _SIDE, mix(wall, rgb("#4a3a2e"), 0.45))


def _outdoors(small: Image, random: np.random.Generator) -> None:
    horizon = int(random.integers(22, 46))
    small[:horizon] = mix(rgb("#a9c8e6"), rgb("#eef3f5"), 0.5)
    small[:horizon] += np.linspace(-20, 8, horizon, dtype=np.float32)[:, None, None]
    small[horizon:] = rgb(("#7f9a5c", "#a39a78", "#6d8b66")[int(random.integers(3))])
    for _ in range(int(random.integers(6, 16))):
        green = mix(rgb("#4c6b41"), rgb("#8faa63"), float(random.random()))
        centre = (int(random.integers(0, _SIDE)), horizon + int(random.integers(-9, 4)))
        _disc(small, centre, int(random.integers(4, 11)), green)
