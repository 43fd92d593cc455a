import io

import numpy as np
import pytest
from PIL import Image

from emocap.faces.crop import FacesRecipe, crop_face, cut, encode_jpeg, square, why_reject
from emocap.faces.detectors import Detection


def checked(height: int = 60, width: int = 80) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 3 % 256, y * 4 % 256, (x + y) % 256], axis=-1).astype(np.uint8)


def test_the_square_is_centred_and_margin_wider() -> None:
    assert square((10, 20, 50, 40), margin=0.5) == (0, 0, 60, 60)
    x0, y0, x1, y1 = square((10.4, 20.2, 50.9, 77.7), margin=0.3)
    assert x1 - x0 == y1 - y0 == round(57.5 * 1.3)


def test_inside_the_picture_a_cut_is_the_picture() -> None:
    image = checked()
    assert (cut(image, (10, 20, 30, 40), size=20) == image[20:40, 10:30]).all()


@pytest.mark.parametrize("window", [(-10, -5, 20, 25), (60, 40, 100, 80), (-20, -20, 100, 100)])
def test_outside_the_border_is_repeated(window: tuple[int, int, int, int]) -> None:
    image = checked()
    x0, y0, x1, y1 = window
    y, x = np.mgrid[y0:y1, x0:x1]
    wanted = image[y.clip(0, 59), x.clip(0, 79)]
    assert (cut(image, window, size=x1 - x0) == wanted).all()


def test_a_box_wholly_beside_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="beside the picture"):
        cut(checked(), (200, 200, 220, 220), size=20)


def test_blur_and_size_are_told_with_their_measure() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    recipe = FacesRecipe(min_size=50, min_sharpness=30, size=96)
    sharp, _ = crop_face(noise, Detection((40, 40, 140, 140), 1.0), "given", recipe)
    flat, _ = crop_face(np.full_like(noise, 90), Detection((40, 40, 140, 140), 1.0), "given", recipe)
    small, _ = crop_face(noise, Detection((40, 40, 80, 140), 1.0), "given", recipe)
    assert why_reject(sharp, recipe) is None
    blurred, tiny = why_reject(flat, recipe), why_reject(small, recipe)
    assert blurred is not None
    assert blurred[0] == "blurred"
    assert tiny == ("too_small", "40 pixels, at least 50 wanted")
    assert flat.brightness == 90
    assert flat.contrast == 0


def test_the_jpeg_repeats_and_carries_no_metadata() -> None:
    first = encode_jpeg(checked(), 95)
    assert first == encode_jpeg(checked(), 95)
    with Image.open(io.BytesIO(first)) as image:
        assert not image.getexif()
