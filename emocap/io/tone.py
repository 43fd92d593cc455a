"""From more than eight bits, or other colours, to the RGB of a screen (sRGB): pictures keep their tone."""

import functools
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_FULL = (255, 1023, 4095, 16383, 65535)
"""What white is in 8, 10, 12, 14 and 16 bits; cameras and scanners keep the former in files of 16."""


def eight_bits(wide: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Grey values or RGB of any range, in eight bits. Values that are no numbers become black.

    Whole numbers are taken for the least of 8, 10, 12, 14 and 16 bits that holds them all; fractions up to 1 for
    shares of white; what is neither, such as very dark or negative values, is stretched over its range. Raises
    ValueError where no value is a number.
    """
    wide = wide.astype(np.float64)
    finite = np.isfinite(wide)
    if not finite.any():
        raise ValueError("no pixel is a finite number")
    low, high = float(wide[finite].min()), float(wide[finite].max())
    full = next((full for full in _FULL if high <= full), None)
    if low >= 0 and 0.25 < high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and full and high > 64:
        low, high = 0.0, full
    scaled = (np.nan_to_num(wide, nan=low, posinf=high, neginf=low) - low) * (255.0 / max(high - low, 1e-9))
    return np.asarray(scaled.round().clip(0, 255), dtype=np.uint8)


def is_deep(image: Image.Image) -> bool:
    """Whether a picture that is open and not yet loaded has more than eight bits in each of several colours.

    Pillow keeps the upper eight of them, which is next to nothing where twelve of sixteen are used.
    """
    return len(image.getbands()) > 1 and any("16" in str(tile[3]) for tile in getattr(image, "tile", []))


def deep_rgb(data: bytes) -> npt.NDArray[np.uint8] | None:
    """The RGB of a file of deep colours, not turned; None where OpenCV does not read it either."""
    import cv2

    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        wide = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    return None if wide is None else eight_bits(wide[..., ::-1])


def to_srgb(image: Image.Image) -> Image.Image:
    """A picture in the colours of a screen, where a profile says that its own are others, as phones' (P3) and print's
    (CMYK). A profile that cannot be used is passed over.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        if (transform := _transform(profile, image.mode)) is None:
            return image
        return ImageCms.applyTransform(image, transform) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where it is that."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if "srgb" in ImageCms.getProfileDescription(source).lower():
        return None
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
