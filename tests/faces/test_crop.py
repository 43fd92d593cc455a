import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from emocap.faces.crop import crop_face, cut, encode_jpeg, square, thumbnail, why_reject
from emocap.faces.detectors.base import Detection
from emocap.faces.detectors.insightface import InsightFace
from emocap.faces.pose import roll
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels, decode
from emocap.schema.samples import Face


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


def a_face(**measured: float | None) -> Face:
    values = {"score": 1.0, "sharpness": 100.0, "brightness": 120.0, "contrast": 50.0, **measured}
    return Face(bbox=(0, 0, 100, 100), detector="given", crop=(0, 0, 130, 130), **values)


@pytest.mark.parametrize(
    ("measured", "limits", "why"),
    [
        ({"yaw": -41.3}, {"max_yaw": 40}, ("turned_away", "yaw of -41.3 degrees, at most 40 wanted")),
        ({"pitch": 31.0}, {"max_pitch": 30}, ("turned_away", "pitch of 31.0 degrees, at most 30 wanted")),
        ({"roll": -26.0}, {"max_roll": 25.5}, ("turned_away", "roll of -26.0 degrees, at most 25.5 wanted")),
        ({"dark": 0.61}, {"max_dark": 0.3}, ("underexposed", "0.610 of the crop, at most 0.3 wanted")),
        ({"bright": 0.4}, {"max_bright": 0.25}, ("overexposed", "0.400 of the crop, at most 0.25 wanted")),
        ({"sharpness": 19.9}, {"min_sharpness": 20}, ("blurred", "sharpness 19.9, at least 20 wanted")),
        ({}, {"min_size": 101}, ("too_small", "100 pixels, at least 101 wanted")),
    ],
)
def test_each_filter_has_its_reason_and_numbers(
    measured: dict[str, float], limits: dict[str, float], why: tuple[str, str]
) -> None:
    assert why_reject(a_face(**measured), FacesRecipe.model_validate(limits)) == why
    assert why_reject(a_face(), FacesRecipe.model_validate({**limits, "min_size": None})) is None
    assert why_reject(a_face(**measured), FacesRecipe(min_size=None)) is None


def test_a_limit_itself_is_kept() -> None:
    recipe = FacesRecipe(min_size=100, min_sharpness=100, max_yaw=20, max_pitch=20, max_roll=20, max_dark=0.5)
    assert why_reject(a_face(yaw=-20.0, pitch=20.0, roll=20.0, dark=0.5), recipe) is None


def test_a_face_without_landmarks_has_no_angles_and_passes_them() -> None:
    recipe = FacesRecipe(min_size=None, max_yaw=1, max_pitch=1, max_roll=1, align=True)
    face, _ = crop_face(checked(), Detection((10, 10, 40, 40), 1.0), "cascade", recipe)
    assert (face.yaw, face.pitch, face.roll, face.angle) == (None, None, None, 0.0)
    assert why_reject(face, recipe) is None


def test_dark_and_bright_are_shares_of_the_crop() -> None:
    image = np.full((100, 100, 3), 128, dtype=np.uint8)
    image[:30], image[90:] = 4, 251
    face, _ = crop_face(image, Detection((0, 0, 100, 100), 1.0), "given", FacesRecipe(margin=0, size=100))
    assert (face.dark, face.bright) == (0.3, 0.1)


def turned(image: Pixels, degrees: float) -> Pixels:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.8)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("degrees", [-30, -12, 12, 30])
def test_the_eyes_of_a_tilted_face_come_out_level(shared: Callable[[str], Path], degrees: float) -> None:
    detector = InsightFace(str(shared("models/scrfd")))
    paths = sorted(shared("data/london/neutral").glob("*.jpg"))[:4]
    images = [turned(decode(path.read_bytes(), 10**8), degrees) for path in paths]
    for image, (found,) in zip(images, detector.detect(images), strict=True):
        as_is, _ = crop_face(image, found, "insightface", FacesRecipe())
        face, crop = crop_face(image, found, "insightface", FacesRecipe(align=True))
        assert face.angle == face.roll == pytest.approx(degrees, abs=7)
        assert as_is.angle == 0
        assert face.crop == as_is.crop
        ((again,),) = detector.detect([crop])
        assert again.landmarks is not None
        assert abs(roll(again.landmarks)) < 3.5


def test_a_turned_window_is_the_window_of_the_turned_picture() -> None:
    image = np.asarray(cv2.GaussianBlur(checked(200, 200), (0, 0), 4))
    window = (60, 60, 140, 140)
    assert (cut(image, window, 80, 90.0) == np.rot90(cut(image, window, 80))).all()
    beyond = cut(image, (150, 150, 250, 250), 100, 45.0)
    assert (beyond[40:60, -20:] == image[-1, -1]).all()


def test_thumbnails_are_small_and_keep_their_shape() -> None:
    for shape, wanted in (((480, 960), (96, 48)), ((30, 20), (20, 30)), ((1, 3000), (96, 1))):
        small = thumbnail(np.full((*shape, 3), 90, dtype=np.uint8))
        assert Image.open(io.BytesIO(small)).size == wanted
        assert len(small) < 2000


def test_the_same_face_gives_the_same_record_and_bytes(shared: Callable[[str], Path]) -> None:
    image = decode(sorted(shared("data/london/smiling").glob("*.jpg"))[0].read_bytes(), 10**8)
    results = []
    for _ in range(2):
        detector = InsightFace(str(shared("models/scrfd")))
        face, crop = crop_face(image, detector.detect([image])[0][0], detector.name, FacesRecipe(align=True))
        results.append((face.model_dump_json(), encode_jpeg(crop, 95)))
    assert results[0] == results[1]


def test_the_jpeg_repeats_and_carries_no_metadata() -> None:
    first = encode_jpeg(checked(), 95)
    assert first == encode_jpeg(checked(), 95)
    with Image.open(io.BytesIO(first)) as image:
        assert not image.getexif()
