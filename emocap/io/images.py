"""Bytes → RGB pixels, for whatever people have on their disks."""

import functools
import importlib.util
import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from emocap.io.tone import deep_rgb, eight_bits, is_deep, to_srgb

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")

Pixels = npt.NDArray[np.uint8]
"""An RGB picture, H×W×3, 0 to 255."""

HEIF_SUFFIXES = (".heic", ".heif", ".hif")
_HEIF = importlib.util.find_spec("pillow_heif") is not None
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".j2k", ".tga"),
    *(HEIF_SUFFIXES if _HEIF else ()),
)

# A picture cut short is reported, not filled up with grey.
ImageFile.LOAD_TRUNCATED_IMAGES = False


class ImageError(Exception):
    """Why bytes did not become pixels: a short ``reason`` for counting and a ``detail`` for reading."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def decode(data: bytes, max_pixels: int, at_least: int | None = None) -> Pixels:
    """The picture as it is meant to be seen: turned as its EXIF says, without transparency, 8 bits per channel.

    Transparent pixels are laid on white; CMYK, palette, grey and 16-bit pictures become RGB; of an animation the first
    frame counts. A picture of more than ``max_pixels`` is refused from its header, before memory is spent on it.
    ``at_least``: a JPEG may come at ½, ¼ or ⅛ of its size, which is cheaper, where its sides stay that long.
    Raises ImageError with reason empty_file, not_an_image, heif, too_many_pixels or broken_image.
    """
    if not data:
        raise ImageError("empty_file", "0 bytes")
    if _HEIF and _is_heif(data):
        _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError("too_many_pixels", f"{width} x {height}, at most {max_pixels} pixels are read")
        if at_least:
            image.draft(None, (at_least, at_least))
        deep, turn = is_deep(image), _turn(image)
        pixels = np.asarray(to_rgb(_upright(image)))
        if deep and pixels.max() < 64 and (wide := deep_rgb(data)) is not None:
            return np.asarray(Image.fromarray(wide).transpose(turn)) if turn is not None else wide
        return pixels
    except Image.DecompressionBombError as error:
        raise ImageError("too_many_pixels", str(error)) from None
    except UnidentifiedImageError:
        if _is_heif(data):
            raise ImageError("heif", "HEIC, which phones make; pip install 'emocap[heif]' reads it") from None
        raise ImageError("not_an_image", f"{len(data)} bytes that begin with {data[:12]!r}") from None
    # Pillow's decoders raise many kinds of errors on damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise ImageError("broken_image", f"{type(error).__name__}: {error}") from None


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says."""
    image.load()
    turn = _turn(image)
    return image.transpose(turn) if turn is not None else image


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How EXIF says that a picture is to be turned. No other tag is looked at: cameras and editors write odd ones."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except OSError:
        raise  # the picture itself is broken
    except Exception:  # what cannot be read says nothing
        return None


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


@functools.cache
def _register_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def to_rgb(image: Image.Image) -> Image.Image:
    """The RGB of a picture of any mode: transparent pixels on white, wide ones scaled to 8 bits."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    image = to_srgb(image)
    return image if image.mode == "RGB" else image.convert("RGB")
