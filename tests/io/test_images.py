import importlib.util
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from emocap.io.images import ImageError, decode

LIMIT = 100_000_000


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[0:40, 0:60]
    rgb = np.stack([x * 4, y * 6, np.full_like(x, 90)], axis=-1).astype(np.uint8)
    return Image.fromarray(rgb).convert(mode)


def bomb() -> bytes:
    """A PNG whose header promises 40,000 × 40,000 pixels."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"this is a text file", "not_an_image"),
        (encoded(gradient(), "JPEG")[:400], "broken_image"),
        (encoded(gradient(), "PNG")[:-40], "broken_image"),
        (encoded(gradient(), "PNG")[:20], "broken_image"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, "not_an_image"),
        (bomb(), "too_many_pixels"),
    ],
    ids=["empty", "text", "cut jpeg", "cut png", "cut header", "jpeg signature only", "bomb"],
)
def test_bad_files_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as error:
        decode(data, LIMIT)
    assert error.value.reason == reason
    assert error.value.detail


def test_the_limit_is_on_the_header() -> None:
    with pytest.raises(ImageError, match="60 x 40"):
        decode(encoded(gradient(), "PNG"), max_pixels=60 * 40 - 1)
    assert decode(encoded(gradient(), "PNG"), max_pixels=60 * 40).shape == (40, 60, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoded(gradient("CMYK"), "JPEG", quality=100),
        lambda: encoded(gradient().quantize(256), "PNG"),
        lambda: encoded(gradient("RGBA"), "PNG"),
        lambda: encoded(gradient().quantize(256), "GIF"),
        lambda: encoded(gradient(), "WEBP", lossless=True),
        lambda: encoded(gradient(), "TIFF"),
    ],
    ids=["cmyk", "palette", "rgba", "gif", "webp", "tiff"],
)
def test_every_kind_of_colour_becomes_rgb(make: Callable[[], bytes]) -> None:
    pixels = decode(make(), LIMIT)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - np.asarray(gradient())).mean() < 6


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    wide = (np.linspace(0, 65535, 60)[None] * np.ones((40, 1))).astype(np.uint16)
    pixels = decode(encoded(Image.fromarray(wide), "PNG"), LIMIT)
    assert pixels.shape == (40, 60, 3)
    assert np.abs(pixels[0, :, 0] - np.linspace(0, 255, 60)).max() <= 1


def test_transparent_pixels_lie_on_white() -> None:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert (decode(encoded(image, "PNG"), LIMIT) == 255).all()
    palette = Image.new("P", (8, 8), 0)
    palette.info["transparency"] = 0
    assert (decode(encoded(palette, "PNG", transparency=0), LIMIT) == 255).all()


def test_exif_turns_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned to the right
    turned = decode(encoded(gradient().transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif), LIMIT)
    assert turned.shape == (40, 60, 3)
    assert np.abs(turned.astype(int) - np.asarray(gradient())).max() == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "odd",
    [
        struct.pack(">HHI4s", 0x011A, 2, 4, b"72/1"),  # a resolution in words
        struct.pack(">HHII", 0x8769, 4, 1, 0xFFFFFF),  # a directory beyond the end
        struct.pack(">HHII", 0x9003, 99, 1, 7),  # no such type
        struct.pack(">HHII", 0x829A, 5, 1, 0xFFFF),  # a fraction beyond the end
        struct.pack(">HHII", 0x010F, 12, 1, 8),  # a maker who is a number
        struct.pack(">HHIhh", 0x0128, 8, 1, -3, 0),  # a unit below nothing
    ],
)
def test_an_odd_tag_costs_no_picture(odd: bytes, kind: str) -> None:
    turned = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    entries = b"".join(sorted([turned, odd]))
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + entries + b"\0" * 12
    sideways = gradient().transpose(Image.Transpose.ROTATE_90)
    pixels = decode(encoded(sideways, kind, exif=exif, quality=100, lossless=True), LIMIT)
    assert pixels.shape == (40, 60, 3)
    assert np.abs(pixels.astype(int) - np.asarray(gradient())).mean() < 3


def test_heic_is_named_whatever_its_suffix() -> None:
    with pytest.raises(ImageError, match=r"pip install 'emocap\[heif\]'") as error:
        decode(b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + b"\0" * 50, LIMIT)
    assert error.value.reason == ("broken_image" if importlib.util.find_spec("pillow_heif") else "heif")


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data, LIMIT)[0, 0].tolist() == [255, 0, 0]


def test_a_jpeg_may_come_smaller_but_not_below_what_is_asked_for() -> None:
    large = encoded(gradient().resize((600, 400)), "JPEG", quality=95)
    assert decode(large, LIMIT, at_least=201).shape == (400, 600, 3)
    half = decode(large, LIMIT, at_least=200)
    assert half.shape == (200, 300, 3)
    with Image.open(io.BytesIO(large)) as image:
        assert np.abs(half.astype(int) - np.asarray(image.reduce(2))).mean() < 1
    assert decode(encoded(gradient(), "PNG"), LIMIT, at_least=10).shape == (40, 60, 3)
