import math
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from emocap.faces.detectors.insightface import InsightFace
from emocap.faces.pose import Landmarks, roll, yaw_and_pitch
from emocap.io.images import decode

HEAD = np.array([(-32, 0, 0), (32, 0, 0), (0, 35, -33), (-26, 69, -2), (26, 69, -2)])
"""A head in millimetres, a little other than the generic one."""


def turned(axis: tuple[int, int], degrees: float) -> npt.NDArray[np.float64]:
    """A matrix that turns the first axis towards the second."""
    matrix, (a, b), angle = np.eye(3), axis, math.radians(degrees)
    matrix[a, a] = matrix[b, b] = math.cos(angle)
    matrix[b, a], matrix[a, b] = math.sin(angle), -math.sin(angle)
    return matrix


def seen(yaw: float, pitch: float, tilt: float = 0, focal: float = 1000, right: float = 0) -> Landmarks:
    """The landmarks of a head 70 cm from a camera with its centre at (500, 500)."""
    x, y, z = 0, 1, 2
    to_the_right, up, clockwise = turned((x, z), yaw), turned((z, y), pitch), turned((x, y), tilt)
    points = (HEAD - HEAD.mean(0)) @ (clockwise @ to_the_right @ up).T
    to_the_side = turned((x, z), -math.degrees(math.atan2(right, 700)))
    points = (points + np.array([0, 0, math.hypot(right, 700)])) @ to_the_side.T
    return [(500 + focal * px / pz, 500 + focal * py / pz) for px, py, pz in points.tolist()]


def test_yaw_and_pitch_are_those_of_a_projected_head() -> None:
    for yaw, pitch in product((-60, -40, -20, 0, 20, 40, 60), (-30, -15, 0, 15, 30)):
        found = yaw_and_pitch(seen(yaw, pitch), 1000)
        assert found is not None
        assert abs(found[0] - yaw) < 4, (yaw, pitch, found)
        assert abs(found[1] - pitch) < 4, (yaw, pitch, found)


def test_a_face_that_looks_right_and_up_has_positive_angles() -> None:
    eye, other, nose, *_ = seen(30, 0)
    assert nose[0] > (eye[0] + other[0]) / 2 + 20
    level, raised = seen(0, 0), seen(0, 20)
    assert raised[2][1] - raised[0][1] < level[2][1] - level[0][1] - 10


@pytest.mark.parametrize("tilt", [-35, -10, 10, 35])
def test_a_tilt_is_in_the_roll_and_hardly_elsewhere(tilt: float) -> None:
    landmarks = seen(0, 0, tilt)
    assert roll(landmarks) == pytest.approx(tilt, abs=1)
    found = yaw_and_pitch(landmarks, 1000)
    assert found is not None
    assert max(map(abs, found)) < 3


@pytest.mark.parametrize("right", [-350, 350])
def test_a_head_at_the_edge_that_looks_into_the_camera_is_not_turned(right: float) -> None:
    found = yaw_and_pitch(seen(0, 0, right=right), 1000)
    assert found is not None
    assert abs(found[0]) < 3


def test_points_in_one_place_have_no_pose() -> None:
    assert yaw_and_pitch([(50.0, 50.0)] * 5, 1000) is None


def test_a_mirrored_photo_changes_the_sign_of_yaw_and_roll_alone(
    package_photos: dict[str, Path], shared: Callable[[str], Path]
) -> None:
    detector = InsightFace(str(shared("models/scrfd")))
    image = decode(package_photos["t1"].read_bytes(), 100_000_000)
    found, mirrored = detector.detect([image, image[:, ::-1]])
    assert len(found) == len(mirrored) == 6
    yaws = []
    for face, other in zip(found, reversed(mirrored), strict=True):
        assert face.landmarks is not None
        assert other.landmarks is not None
        one, two = yaw_and_pitch(face.landmarks, 1280), yaw_and_pitch(other.landmarks, 1280)
        assert one is not None
        assert two is not None
        assert one[0] == pytest.approx(-two[0], abs=6)
        assert one[1] == pytest.approx(two[1], abs=8)
        assert roll(face.landmarks) == pytest.approx(-roll(other.landmarks), abs=6)
        yaws.append(abs(one[0]))
    assert max(yaws) > 10


def test_people_who_face_the_camera_are_not_turned(shared: Callable[[str], Path]) -> None:
    detector = InsightFace(str(shared("models/scrfd")))
    paths = sorted(shared("data/london/neutral").glob("*.jpg"))[:30]
    angles = []
    for (face,) in detector.detect([decode(path.read_bytes(), 100_000_000) for path in paths]):
        assert face.landmarks is not None
        found = yaw_and_pitch(face.landmarks, 512)
        assert found is not None
        angles.append((*found, roll(face.landmarks)))
    worst, mean = np.abs(angles).max(0), np.mean(angles, axis=0)
    assert worst[0] < 10
    assert worst[2] < 8
    assert abs(mean[1]) < 4
