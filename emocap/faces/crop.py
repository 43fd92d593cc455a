"""From a picture and a detection to a face record and the JPEG of its crop."""

import io
from typing import Literal

import cv2
import numpy as np
from PIL import Image
from pydantic import Field

from emocap.faces.detectors import Box, Detection
from emocap.faces.images import Pixels
from emocap.recipes import Recipe
from emocap.samples import Face


class FacesRecipe(Recipe):
    """How faces are found, cut out and filtered."""

    detector: Literal["insightface", "cascade", "given"] = "insightface"
    """insightface: SCRFD, with landmarks. cascade: embedded, no weights. given: boxes that come with the source."""
    weights: str = "buffalo_l"
    """InsightFace model pack, fetched at first use (non-commercial licence), or a folder that holds an .onnx file."""
    min_score: float | None = None
    """Least confidence of the detector; its own default where null (insightface 0.5, cascade 3 windows)."""
    min_size: int = Field(48, ge=1)
    """Least side of a face's box in pixels of the source."""
    min_sharpness: float = Field(0.0, ge=0)
    """Least sharpness, the variance of the Laplacian at 128 pixels; 0 keeps all."""
    margin: float = Field(0.3, ge=0, le=2)
    """How much larger than the box's longer side the square crop is."""
    size: int = Field(256, ge=16, le=2048)
    """Side of the stored crop in pixels."""
    jpeg_quality: int = Field(95, ge=1, le=100)
    max_pixels: int = Field(100_000_000, ge=1)
    """Larger pictures are rejected from their header."""
    block: int = Field(64, ge=1)
    """Inputs per file in faces/: the unit of work, and of what is repeated after a crash."""


def square(box: Box, margin: float) -> tuple[int, int, int, int]:
    """The square around a box, ``1 + margin`` times its longer side, in whole pixels; it may leave the picture."""
    side = round(max(box[2] - box[0], box[3] - box[1]) * (1 + margin))
    left = round((box[0] + box[2] - side) / 2)
    top = round((box[1] + box[3] - side) / 2)
    return left, top, left + side, top + side


def cut(image: Pixels, window: tuple[int, int, int, int], size: int) -> Pixels:
    """A window of a picture as size×size pixels; what lies outside repeats the border.

    Raises ValueError for a window that the picture has no part in.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = window
    if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        raise ValueError(f"the window {window} lies beside the picture of {width} x {height}")
    inside = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    borders = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
    whole = cv2.copyMakeBorder(inside, *borders, cv2.BORDER_REPLICATE)
    shrinks = whole.shape[0] > size
    return np.asarray(cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """JPEG bytes without metadata; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def crop_face(image: Pixels, found: Detection, detector: str, recipe: FacesRecipe) -> tuple[Face, Pixels]:
    """The record of a detection and its size×size crop."""
    window = square(found.bbox, recipe.margin)
    crop = cut(image, window, recipe.size)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    # Sharpness depends on scale, so it is always measured at one size, and never above the source's own resolution.
    scaled = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
    face = Face(
        bbox=found.bbox,
        landmarks=list(found.landmarks) if found.landmarks else None,
        score=found.score,
        detector=detector,
        crop=window,
        sharpness=float(cv2.Laplacian(scaled, cv2.CV_64F).var()),
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
    )
    return face, crop


def why_reject(face: Face, recipe: FacesRecipe) -> tuple[str, str] | None:
    """Reason and detail where a face falls to a filter, else None."""
    side = min(face.bbox[2] - face.bbox[0], face.bbox[3] - face.bbox[1])
    if side < recipe.min_size:
        return "too_small", f"{side:.0f} pixels, at least {recipe.min_size} wanted"
    if face.sharpness < recipe.min_sharpness:
        return "blurred", f"sharpness {face.sharpness:.0f}, at least {recipe.min_sharpness:.0f} wanted"
    return None
