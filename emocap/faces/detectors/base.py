"""What every face detector is and gives."""

# Tested in tests/faces/test_detection.py.

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""


@dataclass(frozen=True)
class Detection:
    """A face: its box, the detector's confidence, and five landmarks where the detector finds them."""

    bbox: Box
    score: float
    landmarks: tuple[tuple[float, float], ...] | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        return (self.bbox[0] + self.bbox[2]) / 2, (self.bbox[1] + self.bbox[3]) / 2

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return (self.bbox[2] - self.bbox[0]) * (self.bbox[3] - self.bbox[1])

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies in the box."""
        return self.bbox[0] <= x <= self.bbox[2] and self.bbox[1] <= y <= self.bbox[3]


class Detector(Protocol):
    """Finds faces. ``name`` goes into the records, ``licence`` into the manifest."""

    name: str
    licence: str

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        """For each of several RGB pictures of any sizes its faces, from left to right."""
        ...


@dataclass(frozen=True)
class DetectorType:
    """A kind of detector, as the registry holds it; one for each file in ``emocap.faces.detectors``."""

    name: str
    """What a recipe calls it: ``faces.detector: cascade``."""
    make: Callable[[FacesRecipe], Detector] | None
    """Makes one for a recipe; None: there is nothing to detect, for boxes come with the source."""
    licence: str | None = None
    """Of its weights."""
    weights: Callable[[], str] = lambda: "embedded"
    """Where its weights are on this machine, in a few words."""


def is_line(image: Pixels) -> bool:
    """Whether a picture is so narrow that nothing would be left of its width once it is scaled for a detector."""
    return bool(100 * min(image.shape[:2]) < max(image.shape[:2]))


def overlap(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Intersection over union, and over the smaller box, of n and m boxes: two n×m arrays, 0 for empty boxes."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = sides.clip(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1)[:, None], (b[:, 2:] - b[:, :2]).prod(-1)[None]
    whole, smaller = area_a + area_b - shared, np.minimum(area_a, area_b)
    return shared / np.where(whole > 0, whole, 1), shared / np.where(smaller > 0, smaller, 1)
