"""Curves, and the head they lie on: a sheet of face coordinates with depth, turned by the pose and projected.

Face coordinates (u, v): the unit is half the width of an average face; u runs to the right of the *picture* (the
subject's left), v runs down; (0, 0) lies between the eyes. Depth z points to the viewer.
"""

# Tested in tests/synthetic/test_portrait.py.

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(N, 2): face coordinates or pixels, x before y."""

_DISTANCE = 9.0
"""Of the camera, in face units; nearer exaggerates the nose."""
_PIVOT = (0.0, 0.45, -0.1)
"""Where the head turns: the top of the spine."""


@lru_cache(maxsize=256)
def _catmull_rom(count: int, closed: bool, samples: int) -> Points:
    # One row per sample, one column per control point: a curve is then a single matrix product.
    spans = count if closed else count - 1
    at = np.linspace(0, spans, samples, endpoint=not closed)
    span = np.minimum(at.astype(int), spans - 1)
    t = at - span
    weights = 0.5 * np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1)
    basis = np.zeros((samples, count))
    for k in range(4):
        column = (span + k - 1) % count if closed else np.clip(span + k - 1, 0, count - 1)
        np.add.at(basis, (np.arange(samples), column), weights[:, k])
    return basis


def curve(points: Points, samples: int = 0, closed: bool = False) -> Points:
    """(..., N, 2) control points → (..., samples, 2) of a smooth curve through them (Catmull-Rom).

    samples: without it, six from each point to the next.
    """
    points = np.asarray(points, dtype=float)
    count = points.shape[-2]
    smooth: Points = _catmull_rom(count, closed, samples or (6 * count if closed else 6 * count - 5)) @ points
    return smooth


def moved(points: Points, right: float, down: float) -> Points:
    """The same points elsewhere."""
    shifted: Points = points + np.array([right, down])
    return shifted


def mirrored(half: Points) -> Points:
    """The closed outline of which this is the half on one side, from its top to its bottom."""
    return np.concatenate([half, (half * (-1, 1))[::-1]])


def ribbon(line: Points, half_width: Points | float) -> Points:
    """(..., N, 2) lines drawn with a width, which may differ from point to point → (..., 2N, 2) outlines."""
    line = np.asarray(line, dtype=float)
    tangent = np.empty_like(line)
    tangent[..., 1:-1, :] = line[..., 2:, :] - line[..., :-2, :]
    tangent[..., 0, :] = line[..., 1, :] - line[..., 0, :]
    tangent[..., -1, :] = line[..., -1, :] - line[..., -2, :]
    scale = half_width / (np.hypot(tangent[..., 0], tangent[..., 1]) + 1e-9)
    offset = tangent[..., ::-1] * scale[..., None] * (-1, 1)
    return np.concatenate([line + offset, (line - offset)[..., ::-1, :]], -2)


@lru_cache(maxsize=64)
def taper(count: int, start: float = 0.0, end: float = 0.0) -> Points:
    """Half-widths of a stroke that swells to 1 in its middle, from `start` and to `end`."""
    t = np.linspace(0, 1, count)
    swell: Points = np.sin(np.pi * t).clip(0) ** 0.7
    return swell + (1 - swell) * (start * (1 - t) + end * t)


def ellipse(centre: tuple[float, float], radius_u: float, radius_v: float, count: int = 20) -> Points:
    """The outline of an ellipse."""
    outline: Points = _circle(count) * (radius_u, radius_v) + centre
    return outline


@lru_cache(maxsize=16)
def _circle(count: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


class Surface:
    """The relief of a head: a flattened ellipsoid with soft bumps (nose, cheeks, lips ...) and dents (eye sockets).

    bumps: (K, 5) rows of height, centre u, centre v, spread u, spread v, in face units.
    """

    STEP = 0.025
    LEFT, TOP, COLUMNS, ROWS = -1.3, -1.6, 105, 145

    def __init__(self, width: float, length: float, bumps: Points) -> None:
        self._width, self._length, self._bumps = width, length, bumps
        u: Points = self.LEFT + self.STEP * np.arange(self.COLUMNS, dtype=float)
        v: Points = self.TOP + self.STEP * np.arange(self.ROWS, dtype=float)
        height, cu, cv, su, sv = bumps.T[:, :, None]
        across, down = np.exp(-(((u - cu) / su) ** 2)), height * np.exp(-(((v - cv) / sv) ** 2))
        # A sum of separable bumps over a grid is one matrix product.
        self.grid: NDArray[np.float32] = (self._skull(u[None], v[:, None]) + down.T @ across).astype(np.float32)

    def _skull(self, u: Points, v: Points) -> Points:
        side = (np.abs(u) / (1.13 * self._width)) ** 2.3
        rise = (np.abs(v - 0.05) / (1.75 * self._length)) ** 2.6
        depth: Points = np.sqrt(np.clip(1 - side - rise, 0.02, None))
        return depth

    def at(self, points: Points) -> Points:
        """Depth at (..., 2) face coordinates."""
        place = (points.reshape(1, -1, 2) - (self.LEFT, self.TOP)) / self.STEP
        z = cv2.remap(self.grid, place.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        depth: Points = z.reshape(points.shape[:-1]).astype(float)
        return depth


def rotation(yaw: float, pitch: float, roll: float) -> Points:
    """3×3 from degrees: positive yaw turns the nose to the right of the picture (the subject's left, unit 51),
    positive pitch lifts it (53), positive roll tips the crown to the right (55).
    """
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turned: Points = tilt @ nod @ turn
    return turned


class View:
    """Projects face coordinates to pixels of the canvas.

    origin: pixel of face coordinate (0, 0) in an upright head; scale: pixels per face unit.
    """

    def __init__(self, surface: Surface, pose: Points, origin: tuple[float, float], scale: float) -> None:
        self.surface, self.pose, self.origin, self.scale = surface, pose, origin, scale

    def __call__(self, points: Points, depth: Points | float | None = None, lift: float = 0.0) -> Points:
        """(..., 2) face coordinates → pixels. depth: z of what does not lie on the face; lift: z above it."""
        points = np.asarray(points, dtype=float)
        head = np.empty((*points.shape[:-1], 3))
        head[..., :2] = points
        head[..., 2] = self.surface.at(points) if depth is None else depth
        head += (-_PIVOT[0], -_PIVOT[1], lift - _PIVOT[2])
        turned = head @ self.pose.T
        # Measured from the depth of the eyes, so that the middle of the face stays where it is framed.
        zoom = self.scale * _DISTANCE / (_DISTANCE + 0.9 - turned[..., 2:])
        seen: Points = turned[..., :2] * zoom
        seen += (self.origin[0], self.origin[1] + self.scale * _PIVOT[1])
        return seen

    def body(self, points: Points) -> Points:
        """(..., 2) face coordinates of the trunk, which does not turn with the head → pixels."""
        return np.array(self.origin) + self.scale * np.asarray(points, dtype=float)

    def sheet(self, x: Points, y: Points) -> tuple[Points, Points]:
        """Undo the projection: pixels (any shape) → columns and rows of the surface's grid."""
        at_x = (x - self.origin[0]) / self.scale
        at_y = (y - self.origin[1]) / self.scale - _PIVOT[1]
        inverse = np.linalg.inv(self.pose[:2, :2])
        toward = self.pose[:2, 2]
        z = np.full(x.shape, 0.8)
        u = v = np.zeros(x.shape)
        # A fixed point: where on the sheet a pixel lies depends on its depth there. Slopes are gentle, so it settles.
        for _ in range(4):
            near = self.pose[2, 0] * u + self.pose[2, 1] * (v - _PIVOT[1]) + self.pose[2, 2] * (z - _PIVOT[2])
            zoom = _DISTANCE / (_DISTANCE + 0.9 - near)
            rest_x = at_x / zoom - toward[0] * (z - _PIVOT[2])
            rest_y = at_y / zoom - toward[1] * (z - _PIVOT[2])
            u = inverse[0, 0] * rest_x + inverse[0, 1] * rest_y
            v = inverse[1, 0] * rest_x + inverse[1, 1] * rest_y + _PIVOT[1]
            columns, rows = (u - Surface.LEFT) / Surface.STEP, (v - Surface.TOP) / Surface.STEP
            at = (columns.astype(np.float32), rows.astype(np.float32))
            z = cv2.remap(self.surface.grid, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return columns, rows
