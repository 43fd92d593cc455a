"""Video files: what counts as one, how one is opened without harm, and frames of it."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np

from emocap.io.hdr import frame_rgb
from emocap.io.images import ImageError, Pixels

SUFFIXES = (
    *(
        ".mp4",
        ".mkv",
        ".mov",
        ".avi",
        ".webm",
        ".m4v",
        ".mpg",
        ".mpeg",
        ".mpe",
        ".m2v",
        ".vob",
        ".wmv",
        ".asf",
        ".flv",
    ),
    *(".f4v", ".ts", ".mts", ".m2ts", ".m2t", ".3gp", ".3g2", ".qt", ".ogv", ".divx"),
)

# A file that calls itself a video may be a playlist; one must not make a reader open other files or the network.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo,m4v,ogg"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
"""For ``av.open``, whose path is to begin with ``file:``."""


def middles(count: int, segments: int) -> list[int]:
    """The middle place of each of ``segments`` equal segments of ``count`` frames; with few frames some come again.

    As TSN tests, and Exp-CLIP with 16 segments.
    """
    return [int((number + 0.5) * count / segments) for number in range(segments)]


def read_frames(path: Path, segments: int, max_pixels: int) -> list[Pixels]:
    """RGB pictures, turned as the file says.

    The file is decoded twice, for headers are often wrong about the number of frames. Raises ImageError with reason
    broken_video or too_many_pixels.
    """
    try:
        count = sum(1 for _ in _decoded(path, max_pixels))
        if not count:
            raise ImageError("broken_video", f"{path}: no frame could be decoded")
        wanted = middles(count, segments)
        looked = set(wanted)
        seen = {place: _upright(frame) for place, frame in enumerate(_decoded(path, max_pixels)) if place in looked}
    except (av.FFmpegError, EOFError) as error:
        raise ImageError("broken_video", f"{path}: {type(error).__name__}: {error}") from None
    return [seen[place] for place in wanted]


def read_seconds(path: Path, seconds: float, most: int, max_pixels: int) -> list[Pixels]:
    """RGB pictures from the first on, ``seconds`` apart, at most ``most``, turned as the file says.

    Frames are counted by the rate that the file tells, as MME-Emotion's evaluation counts them: every int(rate ·
    seconds)-th. Raises ImageError as :func:`read_frames` does.
    """
    try:
        with av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace") as container:
            stream = container.streams.best("video")
            rate = stream.average_rate or stream.guessed_rate if isinstance(stream, av.VideoStream) else None
        if not rate:
            raise ImageError("broken_video", f"{path}: it does not tell how many frames a second has")
        every = max(1, int(rate * seconds))
        found = [_upright(frame) for frame in islice(_decoded(path, max_pixels), 0, (most - 1) * every + 1, every)]
    except (av.FFmpegError, EOFError) as error:
        raise ImageError("broken_video", f"{path}: {type(error).__name__}: {error}") from None
    if not found:
        raise ImageError("broken_video", f"{path}: no frame could be decoded")
    return found


def _decoded(path: Path, max_pixels: int) -> Iterator[av.VideoFrame]:
    with av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace") as container:
        stream = container.streams.best("video")
        if not isinstance(stream, av.VideoStream):
            raise ImageError("broken_video", f"{path}: no video stream")
        for frame in container.decode(stream):
            if frame.width * frame.height > max_pixels:
                raise ImageError("too_many_pixels", f"{path}: {frame.width} x {frame.height}")
            yield frame


def _upright(frame: av.VideoFrame) -> Pixels:
    return np.ascontiguousarray(np.rot90(frame_rgb(frame), round(frame.rotation / 90)), dtype=np.uint8)
