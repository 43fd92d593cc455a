import io
import zlib
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from emocap.io.images import ImageError, Pixels, decode
from emocap.io.tone import eight_bits

RAMP = np.linspace(0, 1, 60)[None] * np.ones((40, 1))


def picture(array: npt.NDArray[Any], kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def seen(data: bytes) -> Pixels:
    return decode(data, 10**6)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_any_depth_in_a_file_of_sixteen_bits(bits: int) -> None:
    ramp = (RAMP * (2**bits - 1)).round().astype(np.uint16)
    assert np.abs(seen(picture(ramp, "PNG"))[..., 0] - RAMP * 255).max() <= 1


@pytest.mark.parametrize("kind", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_colours_of_any_depth_in_a_file_of_sixteen_bits(bits: int, kind: str) -> None:
    red, green, blue = RAMP, RAMP[:, ::-1], RAMP * 0.25
    wide = (np.stack([blue, green, red], -1) * (2**bits - 1)).round().astype(np.uint16)
    data = cv2.imencode(kind, wide)[1].tobytes()
    assert np.abs(seen(data) - np.stack([red, green, blue], -1) * 255).max() <= 1.01


def test_deep_colours_are_turned_too() -> None:
    wide = np.zeros((40, 60, 3), np.uint16)
    wide[:20, :30] = 4095  # the upper left is white
    data = cv2.imencode(".png", wide)[1].tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    turned = data[:33] + (len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4) + data[33:]
    pixels = seen(turned)
    assert pixels.shape == (60, 40, 3)
    assert pixels[:30, 20:].min() == 255
    assert pixels[30:].max() == pixels[:30, :20].max() == 0


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_floats_with_a_value_that_is_no_number(odd: float) -> None:
    ramp = RAMP.astype(np.float32)
    ramp[3, 30] = odd
    pixels = seen(picture(ramp, "TIFF"))[..., 0].copy()
    assert pixels[3, 30] == (255 if odd == np.inf else 0)
    pixels[3, 30] = round(RAMP[3, 30] * 255)
    assert np.abs(pixels - RAMP * 255).max() <= 1


def test_floats_without_any_number_are_broken() -> None:
    with pytest.raises(ImageError, match="no pixel is a finite number") as error:
        seen(picture(np.full((4, 4), np.nan, np.float32), "TIFF"))
    assert error.value.reason == "broken_image"


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 5e6), (0, 0.01)])
def test_other_ranges_are_stretched(low: float, high: float) -> None:
    assert np.abs(eight_bits(RAMP * (high - low) + low) - RAMP * 255).max() <= 1


def test_a_dim_picture_stays_dim() -> None:
    assert eight_bits(RAMP * 0.5).max() == 128
    assert eight_bits((RAMP * 100).astype(np.uint16)).max() == 100


def test_a_profile_of_other_colours_is_followed() -> None:
    """The profile swaps red and green, so that following it shows."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"tmpZ").replace(b"gXYZ", b"rXYZ").replace(b"tmpZ", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB", b"swap")
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    assert np.abs(seen(picture(red, "PNG", icc_profile=swapped))[0, 0].astype(int) - (0, 255, 0)).max() <= 2
    assert seen(picture(red, "PNG", icc_profile=profile))[0, 0].tolist() == [255, 0, 0]
    assert seen(picture(red, "PNG", icc_profile=b"nonsense"))[0, 0].tolist() == [255, 0, 0]
