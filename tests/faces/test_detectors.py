import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emocap.errors import UserError
from emocap.faces.detectors import Cascade, Detector, InsightFace
from emocap.faces.images import Pixels, decode

T1 = [(112, 330), (320, 207), (517, 340), (796, 411), (958, 132), (1178, 336)]
"""A point in each of the six faces of InsightFace's sample, from left to right."""


def picture(path: Path) -> Pixels:
    return decode(path.read_bytes(), 100_000_000)


@pytest.fixture(scope="module", params=["cascade", "insightface"])
def detector(request: pytest.FixtureRequest, shared: Callable[[str], Path]) -> Detector:
    if request.param == "cascade":
        return Cascade()
    return InsightFace(str(shared("models/scrfd")))


def test_all_six_faces_of_t1_are_found(detector: Detector, package_photos: dict[str, Path]) -> None:
    found = detector.detect(picture(package_photos["t1"]))
    for point in T1:
        assert any(face.contains(*point) and math.dist(face.centre, point) < 40 for face in found), point
    assert [face.bbox[0] for face in found] == sorted(face.bbox[0] for face in found)


def test_a_tight_face_is_found(detector: Detector, package_photos: dict[str, Path]) -> None:
    (face,) = detector.detect(picture(package_photos["Tom_Hanks_54745"]))
    assert face.contains(55, 60)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_pictures_without_a_face_have_none(detector: Detector, package_photos: dict[str, Path], name: str) -> None:
    assert detector.detect(picture(package_photos[name])) == []


def test_tiny_and_flat_pictures_have_none(detector: Detector) -> None:
    for height, width in ((1, 1), (10, 300), (64, 64)):
        assert detector.detect(np.full((height, width, 3), 128, dtype=np.uint8)) == []


def test_landmarks_lie_in_the_box_left_of_the_picture_first(
    package_photos: dict[str, Path], shared: Callable[[str], Path]
) -> None:
    detector = InsightFace(str(shared("models/scrfd")))
    (face,) = detector.detect(picture(package_photos["astronaut"]))
    assert face.landmarks is not None
    eyes, nose, mouth = face.landmarks[:2], face.landmarks[2], face.landmarks[3:]
    assert eyes[0][0] < nose[0] < eyes[1][0]
    assert mouth[0][0] < mouth[1][0]
    assert all(face.contains(*point) for point in face.landmarks)
    assert detector.providers == ["CPUExecutionProvider"]


def test_weights_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.onnx file"):
        InsightFace(str(tmp_path))
    with pytest.raises(UserError, match="there is no folder"):
        InsightFace("no/such/folder")
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="could not load"):
        InsightFace(str(tmp_path))
