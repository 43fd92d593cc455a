"""A float canvas on which soft-edged shapes are filled, shaded (multiplied) and lit (added)."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from emocap.synthetic.geometry import Points

Colour = NDArray[np.float32]
"""Red, green, blue, 0 to 255."""
Image = NDArray[np.float32]
Shape = Points | tuple[Points, float]
"""A closed outline in pixels, alone or with its own opacity."""


@lru_cache(maxsize=1024)
def rgb(text: str) -> Colour:
    """``"#8a5a3c"`` → red, green, blue; read-only."""
    colour: Colour = np.array([int(text[k : k + 2], 16) for k in (1, 3, 5)], np.float32)
    colour.flags.writeable = False
    return colour


@lru_cache(maxsize=1024)
def stain(text: str) -> Colour:
    """``"#8a5a3c"`` → factors 0 to 1 that white light is multiplied by; read-only."""
    factor: Colour = rgb(text) / np.float32(255)
    factor.flags.writeable = False
    return factor


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` of the way from the first to the second."""
    return first + np.float32(share) * (second - first)


class Layer(NamedTuple):
    """The part of the canvas that some shapes touch, with their opacity 0..1 in it."""

    rows: slice
    columns: slice
    alpha: Image


class Canvas:
    """side × side pixels; `pixels` is float32 (3, side, side), red, green and blue, 0 to 255."""

    def __init__(self, pixels: Image) -> None:
        self.pixels, self.side = pixels, pixels.shape[1]

    def layer(self, shapes: Iterable[Shape], blur: float = 0.0, clip: Image | None = None) -> Layer | None:
        """Rasterise outlines, each over the ones before it. blur: sigma in pixels; clip: (side, side) opacity.

        None if nothing of them is on the canvas.
        """
        parts = [shape if isinstance(shape, tuple) else (shape, 1.0) for shape in shapes]
        parts = [(outline, strength) for outline, strength in parts if strength > 0.004]
        if not parts:
            return None
        # Very soft shapes are drawn small and enlarged: the same picture for a fraction of the work.
        shrink = 1
        while blur / shrink > 3:
            shrink *= 2
        corners = np.concatenate([outline for outline, _ in parts])
        left, top, wide, high = cv2.boundingRect(corners.astype(np.float32))
        margin = int(3 * blur) + 3
        x0, y0 = max(0, left - margin), max(0, top - margin)
        x1, y1 = min(self.side, left + wide + margin), min(self.side, top + high + margin)
        if x0 >= x1 or y0 >= y1:
            return None
        mask = np.zeros((-((y0 - y1) // shrink), -((x0 - x1) // shrink)), np.uint8)
        # Pixel centres lie at whole numbers in OpenCV.
        fixed = np.round((corners - (x0, y0)) * (64 / shrink) - 32).astype(np.int32)
        start = 0
        for outline, strength in parts:
            stop = start + len(outline)
            cv2.fillPoly(mask, [fixed[start:stop]], round(255 * min(strength, 1.0)), cv2.LINE_AA, 6)
            start = stop
        if blur > 0.3:
            mask = cv2.GaussianBlur(mask, (0, 0), blur / shrink)
        if shrink > 1:
            mask = cv2.resize(mask, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_LINEAR)[: y1 - y0, : x1 - x0]
        alpha = mask * np.float32(1 / 255)
        if clip is not None:
            alpha *= clip[y0:y1, x0:x1]
        return Layer(slice(y0, y1), slice(x0, x1), alpha)

    def mask(self, shapes: Iterable[Shape], blur: float = 0.0, clip: Image | None = None) -> Image:
        """The same shapes as an opacity of the whole canvas, for use as a clip."""
        whole: Image = np.zeros((self.side, self.side), np.float32)
        layer = self.layer(shapes, blur, clip)
        if layer is not None:
            whole[layer.rows, layer.columns] = layer.alpha
        return whole

    def fill(
        self,
        shapes: Iterable[Shape],
        colour: Colour,
        opacity: float = 1.0,
        blur: float = 0.0,
        clip: Image | None = None,
    ) -> None:
        """Cover with a colour."""
        layer = self.layer(shapes, blur, clip)
        if layer is not None:
            part = self.pixels[:, layer.rows, layer.columns]
            part += (layer.alpha * np.float32(opacity)) * (_planes(colour) - part)

    def shade(
        self,
        shapes: Iterable[Shape],
        factor: Colour,
        opacity: float = 1.0,
        blur: float = 0.0,
        clip: Image | None = None,
    ) -> None:
        """Multiply by a factor per channel: a shadow, or a stain."""
        layer = self.layer(shapes, blur, clip)
        if layer is not None:
            part = self.pixels[:, layer.rows, layer.columns]
            part *= 1 + layer.alpha * _planes((factor - 1) * np.float32(opacity))

    def light(self, shapes: Iterable[Shape], colour: Colour, blur: float = 0.0, clip: Image | None = None) -> None:
        """Add a colour: a highlight."""
        layer = self.layer(shapes, blur, clip)
        if layer is not None:
            self.pixels[:, layer.rows, layer.columns] += layer.alpha * _planes(colour)


def _planes(colour: Colour) -> Image:
    return colour.astype(np.float32)[:, None, None]
