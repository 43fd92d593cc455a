"""What every part of a drawing needs: the canvas, the view, who sits, how the face moves, and the light on it."""

# Tested in tests/synthetic/test_portrait.py.

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from emocap.synthetic.canvas import Canvas, Colour, Image, rgb
from emocap.synthetic.features import Features
from emocap.synthetic.geometry import Points, Surface, View, curve, ellipse
from emocap.synthetic.motion import Motion
from emocap.synthetic.people import Identity, skin_colour
from emocap.synthetic.scene import Scene

_DEEPEN = np.array([0.82, 1.08, 1.2], np.float32)
"""Exponents of the light per channel: skin turns redder in shadow, as light passes through it."""


@dataclass(frozen=True)
class Sitting:
    """One drawing in progress."""

    canvas: Canvas
    view: View
    who: Identity
    motion: Motion
    features: Features
    scene: Scene

    def px(self, units: float) -> float:
        """Face units → pixels of the canvas."""
        return units * self.view.scale

    def spot(self, u: float, v: float, radius: float, radius_v: float | None = None) -> Points:
        """Outline in pixels of an upright ellipse around a face coordinate, which no pose foreshortens."""
        x, y = self.view(np.array([(u, v)]))[0]
        return ellipse((float(x), float(y)), self.px(radius), self.px(radius if radius_v is None else radius_v), 12)

    def random(self, part: str) -> np.random.Generator:
        """Numbers for the texture of one part, the same in every picture of the person."""
        return np.random.default_rng([self.who.texture, *part.encode()])

    @cached_property
    def skin(self) -> Colour:
        """The colour of evenly lit skin."""
        return skin_colour(self.who.tone, self.who.undertone)

    @cached_property
    def face(self) -> Points:
        """Outline of skull and jaw in pixels."""
        return self.view(curve(self.features.outline, closed=True))

    @cached_property
    def mask(self) -> Image:
        """Opacity of the face on the canvas."""
        return self.canvas.mask([self.face])

    @cached_property
    def toward_light(self) -> Points:
        """Unit vector: right, down, to the viewer."""
        a, e = np.radians([self.scene.light_azimuth, self.scene.light_elevation])
        return np.array([np.sin(a) * np.cos(e), -np.sin(e), np.cos(a) * np.cos(e)])

    @property
    def away(self) -> int:
        """The side that lies in shadow, as the sign of u."""
        return -1 if self.toward_light[0] > 0 else 1

    @property
    def slant(self) -> float:
        """How much of the light comes from the side: 0 to 1."""
        return min(1.0, 2.5 * abs(float(self.toward_light[0])))

    @cached_property
    def tint(self) -> Colour:
        """Colour of the light, as a factor per channel."""
        return 1 + np.float32(self.scene.warmth) * np.array([0.06, 0.005, -0.1], np.float32)

    @cached_property
    def lit(self) -> NDArray[np.float32]:
        """(rows, columns, 4) over the surface's grid: factor per channel of the light on the skin, and the gloss."""
        down, right = np.gradient(self.view.surface.grid, np.float32(Surface.STEP))
        normal = np.stack([-right, -down, np.ones_like(down)], 2)
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
        toward = (self.view.pose.T @ self.toward_light).astype(np.float32)
        viewer = (self.view.pose.T @ np.array([0, 0, 1.0])).astype(np.float32)
        amount = self._brightness(normal @ toward, normal @ viewer)
        middle = toward + viewer
        gloss = np.clip(normal @ (middle / np.linalg.norm(middle)), 0, 1) ** 22
        factor = amount[..., None] ** _DEEPEN * (1 + (self.tint - 1) * np.minimum(amount, 1.0)[..., None])
        return np.concatenate([factor, gloss[..., None]], 2).astype(np.float32)

    def _brightness(self, toward_light: Image, toward_viewer: Image) -> Image:
        strength = self.scene.light_strength
        soft, hard = 0.5 + 0.5 * toward_light, np.maximum(toward_light, 0)
        facing = float(self.toward_light[2])
        direct = (0.45 * soft + 0.55 * hard) / (0.45 * (0.5 + 0.5 * facing) + 0.55 * max(facing, 0.35))
        ambient = 0.8 + 0.2 * toward_viewer
        share = 0.3 + 0.45 * strength
        brightness: Image = np.clip((1 - share) * ambient + share * direct, 0.2, 1.2).astype(np.float32)
        return brightness

    def light_at(self, point: tuple[float, float]) -> Colour:
        """Light on the skin at a face coordinate, as a factor per channel."""
        column = round((point[0] - Surface.LEFT) / Surface.STEP)
        row = round((point[1] - Surface.TOP) / Surface.STEP)
        factor: Colour = self.lit[row, column, :3]
        return factor

    def light_on_skin(self) -> None:
        """Multiply what lies on the face by the light, and add the gloss."""
        x0, y0 = np.maximum(np.floor(self.face.min(0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(self.face.max(0)).astype(int) + 1, self.canvas.side)
        step = 4
        wide, high = -((x0 - x1) // step) + 1, -((y0 - y1) // step) + 1
        x, y = np.meshgrid(x0 + step * (np.arange(wide) + 0.5), y0 + step * (np.arange(high) + 0.5))
        columns, rows = (
            cv2.resize(k.astype(np.float32), None, fx=step, fy=step)[: y1 - y0, : x1 - x0]
            for k in self.view.sheet(x, y)
        )
        lit = cv2.remap(self.lit, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        red, green, blue, gloss = cv2.split(lit)
        cover = self.mask[y0:y1, x0:x1]
        gloss *= cover * np.float32((12 + 26 * self.scene.light_strength) * (0.6 + 0.7 * self.who.tone))
        for plane, light, tint in zip(self.canvas.pixels, (red, green, blue), self.tint, strict=True):
            part = plane[y0:y1, x0:x1]
            part *= 1 + cover * (light - 1)
            part += tint * gloss


DARK = rgb("#1b0f0d")
