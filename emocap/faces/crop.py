"""From a picture and a detection to a face record and the JPEG of its crop."""

import io
import math

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from emocap.faces.detectors.base import Box, Detection
from emocap.faces.hashing import face_hash
from emocap.faces.pose import Landmarks, roll, yaw_and_pitch
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels
from emocap.schema.samples import Face

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 of a square in whole pixels; it may leave the picture."""


def square(box: Box, margin: float) -> Window:
    """The square around a box, ``1 + margin`` times its longer side."""
    side = round(max(box[2] - box[0], box[3] - box[1]) * (1 + margin))
    left = round((box[0] + box[2] - side) / 2)
    top = round((box[1] + box[3] - side) / 2)
    return left, top, left + side, top + side


def cut(image: Pixels, window: Window, size: int, angle: float = 0.0) -> Pixels:
    """A window of a picture as size×size pixels; what lies outside repeats the border.

    angle: degrees, clockwise, by which the window is turned around its centre, so that what is tilted comes out level.
    Raises ValueError for a window that the picture has no part in.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = window
    if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        raise ValueError(f"the window {window} lies beside the picture of {width} x {height}")
    if angle:
        matrix = cv2.getRotationMatrix2D(((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2), angle, 1.0)
        matrix[:, 2] -= x0, y0
        whole = cv2.warpAffine(image, matrix, (x1 - x0, y1 - y0), borderMode=cv2.BORDER_REPLICATE)
    else:
        whole = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        borders = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
        if any(borders):
            whole = cv2.copyMakeBorder(whole, *borders, cv2.BORDER_REPLICATE)
    shrinks = whole.shape[0] > size
    return np.asarray(cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """JPEG bytes without metadata; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def thumbnail(image: Pixels, side: int = 96) -> bytes:
    """A small JPEG of a picture, whose longer side has at most ``side`` pixels."""
    scale = side / max(image.shape[:2])
    if scale < 1:
        height, width = (max(1, round(scale * length)) for length in image.shape[:2])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
    return encode_jpeg(image, 70)


def crop_face(image: Pixels, detection: Detection, detector: str, recipe: FacesRecipe) -> tuple[Face, Pixels]:
    """The record of a detection and its size×size crop."""
    window = square(detection.bbox, recipe.margin)
    tilt = roll(detection.landmarks) if detection.landmarks else None
    angle = tilt if recipe.align and tilt else 0.0
    crop = cut(image, window, recipe.size, angle)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    # Sharpness depends on scale, so it is always measured at one size, and never above the source's own resolution.
    scaled = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
    (mean,), (deviation,) = (values[0] for values in cv2.meanStdDev(grey))
    pose = points = None
    if detection.landmarks:
        # A picture that is one tight face was cut from a larger one: its camera stood further off.
        focal = max(*image.shape[:2], 2 * (window[2] - window[0]) / (1 + recipe.margin))
        pose = yaw_and_pitch(detection.landmarks, focal)
        points = _in_crop(detection.landmarks, window, recipe.size, angle)
    face = Face(
        bbox=detection.bbox,
        landmarks=list(detection.landmarks) if detection.landmarks else None,
        score=detection.score,
        detector=detector,
        crop=window,
        sharpness=float(cv2.Laplacian(scaled, cv2.CV_64F).var()),
        brightness=mean,
        contrast=deviation,
        yaw=pose[0] if pose else None,
        pitch=pose[1] if pose else None,
        roll=tilt,
        angle=angle,
        dark=np.count_nonzero(grey < 5) / grey.size,
        bright=np.count_nonzero(grey > 250) / grey.size,
        phash=face_hash(grey, points, recipe.margin),
    )
    return face, crop


def _in_crop(landmarks: Landmarks, window: Window, size: int, angle: float) -> npt.NDArray[np.complex128]:
    """Where points of the picture lie in the crop: x + iy in its pixels."""
    x0, y0, x1, y1 = window
    from_centre = np.array([complex(*point) for point in landmarks]) - complex(x0 + x1, y0 + y1) / 2
    level = complex(math.cos(math.radians(angle)), -math.sin(math.radians(angle)))
    return from_centre * level * (size / (x1 - x0)) + complex(size, size) / 2


def why_reject(face: Face, recipe: FacesRecipe) -> tuple[str, str] | None:
    """Reason and detail where a face falls to a filter, else None."""
    if recipe.min_size is not None and face.size < recipe.min_size:
        return "too_small", f"{face.size:.4g} pixels, at least {recipe.min_size} wanted"
    if recipe.min_sharpness is not None and face.sharpness < recipe.min_sharpness:
        return "blurred", f"sharpness {face.sharpness:.1f}, at least {recipe.min_sharpness:g} wanted"
    for name, angle, limit in (
        ("yaw", face.yaw, recipe.max_yaw),
        ("pitch", face.pitch, recipe.max_pitch),
        ("roll", face.roll, recipe.max_roll),
    ):
        if angle is not None and limit is not None and abs(angle) > limit:
            return "turned_away", f"{name} of {angle:.1f} degrees, at most {limit:g} wanted"
    for reason, share, limit in (
        ("underexposed", face.dark, recipe.max_dark),
        ("overexposed", face.bright, recipe.max_bright),
    ):
        if limit is not None and share > limit:
            return reason, f"{share:.3f} of the crop, at most {limit:g} wanted"
    return None
