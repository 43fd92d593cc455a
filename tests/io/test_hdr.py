from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from emocap.dataset.frames import read_video
from emocap.dataset.recipe import VideoRecipe
from emocap.io.hdr import frame_rgb
from emocap.io.video import read_frames


def hdr(transfer: int, signal: float) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), round(signal * 65535), np.uint16), format="rgb48le")
    frame.color_trc = transfer
    return frame


@pytest.mark.parametrize(
    ("transfer", "signal", "shown"),
    [
        (18, 0.0, 0),
        (16, 0.0, 0),
        (18, 0.75, 246),  # white, BT.2408
        (16, 0.58, 246),
        (18, 0.38, 104),  # an 18% grey card, BT.2408, and as BT.709's camera curve has it
        (16, 0.38, 104),
        (18, 1.0, 255),
        (16, 0.9, 255),
    ],
)
def test_levels_of_films_with_a_high_dynamic_range(transfer: int, signal: float, shown: int) -> None:
    assert np.abs(frame_rgb(hdr(transfer, signal)).astype(int) - shown).max() <= 5


def test_a_film_of_a_phone_looks_like_the_same_without(shared: Callable[[str], Path]) -> None:
    folder = shared("cases/build/hdr-phone-video")
    one, other = (next(read_video(folder / name, VideoRecipe(), 10**8)).pixels for name in ("hlg.mov", "sdr.mp4"))
    assert np.abs(one.mean((0, 1)) - other.mean((0, 1))).max() < 5
    assert np.abs(one.astype(int) - other).mean() < 4
    (clip,) = read_frames(folder / "hlg.mov", 1, 10**8)
    assert np.abs(clip.mean((0, 1)) - other.mean((0, 1))).max() < 5


def test_a_frame_without_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (frame_rgb(av.VideoFrame.from_ndarray(pixels, format="rgb24")) == pixels).all()


def test_hues_stay_where_light_is_pressed() -> None:
    bright = np.full((8, 8, 3), (60000, 50000, 30000), np.uint16)
    frame = av.VideoFrame.from_ndarray(bright, format="rgb48le")
    frame.color_trc, frame.color_primaries = 16, 1
    red, green, blue = frame_rgb(frame)[0, 0].astype(int)
    assert red > green > blue
    assert red <= 255
