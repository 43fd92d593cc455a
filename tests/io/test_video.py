"""Which frames of a video file are looked at."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from emocap.benchmarks.fixtures.faces import film
from emocap.io.images import ImageError
from emocap.io.media import MAX_PIXELS, Film
from emocap.io.video import read_seconds


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3.2 seconds at 25 frames a second, each a little lighter than the one before."""
    path = tmp_path_factory.mktemp("films") / "shades.mp4"
    film([Image.new("RGB", (64, 48), (3 * n, 3 * n, 3 * n)) for n in range(80)], path)
    return path


def of_evaluation(path: Path, seconds: float, most: int) -> list[float]:
    """The mean shade of the frames that MME-Emotion's evaluation keeps, by OpenCV: every int(fps · seconds)-th."""
    video, place = cv2.VideoCapture(str(path)), 0
    kept: list[float] = []
    every = int(video.get(cv2.CAP_PROP_FPS) * seconds)
    while True:
        there, frame = video.read()
        if not there:
            return kept[:most]
        if place % every == 0:
            kept.append(float(frame.mean()))
        place += 1


@pytest.mark.parametrize(("seconds", "most"), [(1.0, 10), (1.0, 2), (0.5, 10), (0.1, 3), (10.0, 10)])
def test_a_frame_of_every_second_as_the_evaluation_takes_them(shades: Path, seconds: float, most: int) -> None:
    found = read_seconds(shades, seconds, most, MAX_PIXELS)
    expected = of_evaluation(shades, seconds, most)
    assert len(found) == len(expected) <= most
    assert np.allclose([pixels.mean() for pixels in found], expected, atol=1.5)


def test_shorter_than_a_frame_is_every_frame(shades: Path) -> None:
    assert len(read_seconds(shades, 0.001, 5, MAX_PIXELS)) == 5


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(ImageError) as told:
        Film(tmp_path / "broken.mp4").each(1.0, 10)
    assert told.value.reason == "broken_video"
    with pytest.raises(ImageError) as told:
        Film(tmp_path / "gone.mp4").each(1.0, 10)
    assert told.value.reason == "missing_file"


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ImageError, match=r"does not tell how many frames|no video stream"):
        Film(tmp_path / "sound.mp4").each(1.0, 10)
