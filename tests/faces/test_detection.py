import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from emocap.core.errors import UserError
from emocap.faces.detection import make_detector
from emocap.faces.detectors.base import Detector
from emocap.faces.detectors.cascade import Cascade
from emocap.faces.detectors.insightface import CUDA, InsightFace
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels, decode

T1 = [(112, 330), (320, 207), (517, 340), (796, 411), (958, 132), (1178, 336)]
"""A point in each of the six faces of InsightFace's sample, from left to right."""


def picture(path: Path) -> Pixels:
    return decode(path.read_bytes(), 100_000_000)


@pytest.fixture(scope="module")
def scrfd(shared: Callable[[str], Path]) -> InsightFace:
    return InsightFace(str(shared("models/scrfd")))


@pytest.fixture(scope="module", params=["cascade", "insightface"])
def detector(request: pytest.FixtureRequest, shared: Callable[[str], Path]) -> Detector:
    if request.param == "cascade":
        return Cascade()
    return InsightFace(str(shared("models/scrfd")))


def test_all_six_faces_of_t1_are_found(detector: Detector, package_photos: dict[str, Path]) -> None:
    found = detector.detect([picture(package_photos["t1"])])[0]
    for point in T1:
        assert any(face.contains(*point) and math.dist(face.centre, point) < 40 for face in found), point
    assert [face.bbox[0] for face in found] == sorted(face.bbox[0] for face in found)


def test_a_tight_face_is_found(detector: Detector, package_photos: dict[str, Path]) -> None:
    (face,) = detector.detect([picture(package_photos["Tom_Hanks_54745"])])[0]
    assert face.contains(55, 60)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_pictures_without_a_face_have_none(detector: Detector, package_photos: dict[str, Path], name: str) -> None:
    assert detector.detect([picture(package_photos[name])]) == [[]]


def test_tiny_and_flat_pictures_have_none(detector: Detector) -> None:
    sizes = ((1, 1), (10, 300), (64, 64), (1, 3000), (3000, 1))
    assert detector.detect([np.full((*size, 3), 128, dtype=np.uint8) for size in sizes]) == [[]] * 5


def test_a_batch_holds_for_each_picture_what_it_gives_alone(
    detector: Detector, package_photos: dict[str, Path]
) -> None:
    pictures = [picture(package_photos[name]) for name in ("astronaut", "coffee", "Tom_Hanks_54745")]
    assert detector.detect([]) == []
    assert detector.detect(pictures) == [detector.detect([one])[0] for one in pictures]
    assert [bool(found) for found in detector.detect(pictures)] == [True, False, True]


def test_landmarks_lie_in_the_box_left_of_the_picture_first(
    package_photos: dict[str, Path], shared: Callable[[str], Path]
) -> None:
    detector = InsightFace(str(shared("models/scrfd")))
    (face,) = detector.detect([picture(package_photos["astronaut"])])[0]
    assert face.landmarks is not None
    eyes, nose, mouth = face.landmarks[:2], face.landmarks[2], face.landmarks[3:]
    assert eyes[0][0] < nose[0] < eyes[1][0]
    assert mouth[0][0] < mouth[1][0]
    assert all(face.contains(*point) for point in face.landmarks)


def test_detections_are_those_of_insightface_itself(shared: Callable[[str], Path], scrfd: InsightFace) -> None:
    from insightface.app import FaceAnalysis

    theirs = FaceAnalysis(str(shared("models/scrfd")), allowed_modules=["detection"])
    theirs.prepare(ctx_id=-1)
    paths = [
        *sorted(shared("data/photos/azure").glob("*.jpg"))[:8],
        *sorted(shared("data/london/smiling").glob("*"))[:8],
    ]
    pictures = [picture(path) for path in paths]
    compared = 0
    for image, found in zip(pictures, scrfd.detect(pictures), strict=True):
        faces = sorted(theirs.get(np.ascontiguousarray(image[:, :, ::-1])), key=lambda face: tuple(face.bbox))
        assert not faces or len(faces) == len(found)  # where InsightFace finds none, tight faces may be found
        for wanted, face in zip(faces, found, strict=False):
            assert np.abs(wanted.bbox - face.bbox).max() < 1e-3
            assert abs(wanted.det_score - face.score) < 1e-3
            assert np.abs(wanted.kps - np.array(face.landmarks)).max() < 1e-3
            compared += 1
    assert compared > 10


@pytest.mark.parametrize(("wide", "high"), [(0.8, 0.8), (1.0, 1.0), (0.5, 1.0), (1.3, 0.8), (1.8, 1.0)])
def test_a_face_that_fills_its_picture_is_found_where_it_is(
    shared: Callable[[str], Path], scrfd: InsightFace, wide: float, high: float
) -> None:
    pictures = [picture(path) for path in sorted(shared("data/london/neutral").glob("*.jpg"))[:6]]
    for image, (known,) in zip(pictures, scrfd.detect(pictures), strict=True):
        side = known.bbox[3] - known.bbox[1]
        x0, x1 = (round(known.centre[0] + sign * wide * side / 2) for sign in (-1, 1))
        y0, y1 = (round(known.centre[1] + sign * high * side / 2) for sign in (-1, 1))
        (face,) = scrfd.detect([image[max(y0, 0) : y1, max(x0, 0) : x1]])[0]
        assert face.landmarks is not None
        assert known.landmarks is not None
        for (x, y), there in zip(face.landmarks, known.landmarks, strict=True):
            assert math.dist((x + max(x0, 0), y + max(y0, 0)), there) < 0.06 * side


def test_one_thread_on_the_cpu_unless_told_otherwise(shared: Callable[[str], Path], scrfd: InsightFace) -> None:
    weights = str(shared("models/scrfd"))
    assert scrfd.provider == "CPUExecutionProvider"
    for detector, threads in ((scrfd, 1), (InsightFace(weights, device="cpu", threads=2), 2)):
        assert detector._model.session.get_session_options().intra_op_num_threads == threads


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_a_gpu_that_is_asked_for_and_not_there_is_told(shared: Callable[[str], Path]) -> None:
    recipe = FacesRecipe(weights=str(shared("models/scrfd")), device="cuda")
    with pytest.raises(UserError, match=r"CPUExecutionProvider here; install onnxruntime-gpu"):
        make_detector(recipe)


@pytest.mark.gpu
@pytest.mark.skipif(CUDA not in onnxruntime.get_available_providers(), reason="this ONNX Runtime has no CUDA")
def test_a_gpu_finds_the_same_faces(shared: Callable[[str], Path], scrfd: InsightFace) -> None:
    gpu = InsightFace(str(shared("models/scrfd")), device="cuda")
    pictures = [picture(path) for path in sorted(shared("data/london/neutral").glob("*.jpg"))[:6]]
    for one, other in zip(gpu.detect(pictures), scrfd.detect(pictures), strict=True):
        assert len(one) == len(other)
        assert all(np.abs(np.subtract(a.bbox, b.bbox)).max() < 0.5 for a, b in zip(one, other, strict=True))


def test_a_recipe_makes_its_detector(shared: Callable[[str], Path]) -> None:
    assert isinstance(make_detector(FacesRecipe(detector="cascade")), Cascade)
    made = make_detector(FacesRecipe(weights=str(shared("models/scrfd")), min_score=0.9, device="cpu"))
    assert isinstance(made, InsightFace)
    assert made._model.det_thresh == 0.9


def test_weights_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.onnx file"):
        InsightFace(str(tmp_path))
    with pytest.raises(UserError, match="there is no folder"):
        InsightFace("no/such/folder")
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="could not load"):
        InsightFace(str(tmp_path))
