"""Which pictures of a video are looked at: by rate, from presentation times, or one per scene.

A film of any length passes through in one go: what is held is the frame at hand and, with scenes, one more.
"""

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition
from PIL import Image

from emocap.dataset.recipe import VideoRecipe
from emocap.io.hdr import frame_rgb
from emocap.io.images import ImageError, Pixels, to_rgb
from emocap.io.video import OPTIONS

_SETTLED = 0.3
"""Seconds after a cut at which a scene's frame is taken: past a dissolve's rest, and before most scenes end."""
_SMALL = (256, 144)
"""Width and height at which frames are compared, about what PySceneDetect itself scales them to."""
_SLACK = 2.0
"""Seconds by which a header may promise too much; many do by a few frames."""
_TICK = 0.0005
"""Half of the millisecond to which Matroska and FLV round their times."""


@dataclass(frozen=True)
class Shown:
    """A picture of a film: when it is shown, in seconds; its RGB pixels; and BGR ones, small, to compare it by."""

    time: float
    pixels: Callable[[], Pixels]
    small: Callable[[], Pixels]
    number: int
    """Of the frame, counted from 0."""
    lasts: float
    """Seconds that a frame of this film lasts."""


@dataclass(frozen=True)
class Picked:
    """A picture of a film that is looked at."""

    time_ms: int
    """Presentation time, pts × time base."""
    pixels: Pixels
    number: int
    """Of the frame, counted from 0."""
    lasts: float
    """Seconds that a frame of this film lasts."""


def read_video(path: Path, recipe: VideoRecipe, max_pixels: int) -> Iterator[Picked]:
    """The frames of a local video that the recipe picks.

    They stand as they are meant to be seen, turned as the file says and with square pixels. Times rise strictly.
    Raises ImageError with reason no_video_stream, too_many_pixels or broken_video; the last after everything that
    could be decoded was yielded, also where the file ends long before its header says.
    """
    damage = _Damage()
    try:
        with av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace") as container:
            stream = container.streams.best("video")
            if not isinstance(stream, av.VideoStream) or stream.disposition & Disposition.attached_pic:
                raise ImageError("no_video_stream", f"{len(container.streams)} streams, and none of them is a video")
            end = _promised(stream)
            # A container's own duration is that of its longest stream, which may be the sound.
            heard = [] if end is not None else list(container.streams.audio)
            yield from pick(_presented(container, [stream, *heard], max_pixels, damage), recipe)
            promised = (container.duration or 0) / av.time_base if end is None else end
    except (av.FFmpegError, EOFError) as error:
        raise ImageError("broken_video", f"{type(error).__name__}: {error}") from None
    if damage.count:
        first = f"the first after {damage.first:.1f} s"
        raise ImageError("broken_video", f"{damage.count} packets or frames could not be decoded, {first}")
    if not damage.whole:
        raise ImageError("broken_video", "no frame could be decoded")
    if promised - max(damage.end, damage.heard) > max(_SLACK, promised / 50):
        raise ImageError("broken_video", f"cut short: it ends after {damage.end:.1f} s of {promised:.1f} s")


def is_animated(data: bytes) -> bool:
    """Whether bytes are a GIF or WebP of more than one frame."""
    if not data.startswith(b"GIF8") and not (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return False
    try:
        with Image.open(io.BytesIO(data)) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:  # whatever is wrong with it is reported when it is decoded
        return False


def read_animation(data: bytes, recipe: VideoRecipe, max_pixels: int) -> Iterator[Picked]:
    """The frames of an animated GIF or WebP that the recipe picks.

    Raises ImageError with reason too_many_pixels or broken_image, the latter after what could be decoded.
    """
    with Image.open(io.BytesIO(data)) as image:
        _check_size(image.width, image.height, max_pixels)
        yield from pick(_played(image), recipe)


def pick(film: Iterable[Shown], recipe: VideoRecipe) -> Iterator[Picked]:
    """The pictures of a film that a recipe wants, in order."""
    last = -1
    for shown in _by_rate(film, recipe.rate) if recipe.scenes is None else _by_scene(film, recipe.scenes):
        if (time_ms := round(shown.time * 1000)) > last:
            last = time_ms
            yield Picked(time_ms, shown.pixels(), shown.number, shown.lasts)


def _by_rate(film: Iterable[Shown], rate: float) -> Iterator[Shown]:
    """For every k the first picture at or after k / rate; one that is it for several k comes once."""
    passed = -1
    for shown in film:
        if (k := math.floor((shown.time + _TICK) * rate)) > passed:
            passed = k
            yield shown


def _by_scene(film: Iterable[Shown], threshold: float) -> Iterator[Shown]:
    """One picture per scene, a little after the cut, or the scene's last where it is shorter than that."""
    from scenedetect.common import FrameTimecode
    from scenedetect.detector import FlashFilter
    from scenedetect.detectors import ContentDetector

    # Its time codes count frames of a constant rate; a count of milliseconds holds for any.
    detector = ContentDetector(threshold, min_scene_len=2 * _SETTLED, filter_mode=FlashFilter.Mode.SUPPRESS)
    began, waiting = -math.inf, None
    for shown in film:
        if detector.process_frame(FrameTimecode(round(shown.time * 1000), 1000.0), shown.small()) or began < 0:
            if waiting:
                yield waiting
            began, waiting = shown.time, shown
        elif waiting:
            waiting = shown
        if waiting and shown.time - began >= _SETTLED:
            yield waiting
            waiting = None
    if waiting:
        yield waiting


class _Damage:
    """What of a video could not be decoded: how many packets or frames, and the time before the first, in seconds.

    ``whole`` counts the frames that could; ``end`` is when the last of them is over, ``heard`` when the last packet of
    sound is.
    """

    def __init__(self) -> None:
        self.count, self.whole, self.first, self.end, self.heard = 0, 0, 0.0, 0.0, 0.0

    def add(self, time: float) -> None:
        self.first = self.first if self.count else time
        self.count += 1


class Clock:
    """Presentation times in seconds, where some are missing and where a recording starts over, as joined ones do."""

    def __init__(self, step: float) -> None:
        self._step, self._shift = step, 0.0
        self.now = -step

    def read(self, given: float | None) -> float:
        """The time of a frame whose file says ``given``."""
        time = self.now + self._step if given is None else given + self._shift
        if time < self.now - 1:
            self._shift += self.now + self._step - time
            time = self.now + self._step
        self.now = max(self.now, time)
        return max(time, 0.0)


def _presented(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], max_pixels: int, damage: _Damage
) -> Iterator[Shown]:
    """The frames of the first of some streams; of the others, sound, the packets are only passed by."""
    stream = streams[0]
    assert isinstance(stream, av.VideoStream)
    stream.codec_context.thread_count = 1  # the workers share the cores among themselves
    ratio = float(stream.sample_aspect_ratio or 1)
    ratio = ratio if 0.25 <= ratio <= 4 else 1.0
    lasts = 1 / float(stream.average_rate or stream.guessed_rate or 25)
    clock, number = Clock(lasts), -1
    for packet in container.demux(*streams):
        if packet.stream is not stream:
            if packet.pts is not None and packet.time_base:
                damage.heard = max(damage.heard, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            continue
        try:
            frames = [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
        except av.FFmpegError:
            damage.add(clock.now)
            continue
        for frame in frames:
            time = clock.read(_time(frame))
            number += 1
            if frame.is_corrupt:
                damage.add(time)
                continue
            _check_size(frame.width, frame.height, max_pixels)
            damage.whole += 1
            damage.end = max(damage.end, time + float((frame.duration or 0) * (frame.time_base or 0)))
            yield Shown(time, partial(_upright, frame, ratio), partial(_small, frame), number, lasts)


def _promised(stream: av.VideoStream) -> float | None:
    """The time at which the picture ends by its own header, in seconds; None where only the file's end is told."""
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    return None


def _time(frame: av.VideoFrame) -> float | None:
    ticks = frame.pts if frame.pts is not None else frame.dts
    return None if ticks is None or not frame.time_base else float(ticks * frame.time_base)


def _upright(frame: av.VideoFrame, ratio: float) -> Pixels:
    pixels = frame_rgb(frame, round(frame.width * ratio))
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)), dtype=np.uint8)


def _small(frame: av.VideoFrame) -> Pixels:
    width, height = _SMALL
    return np.asarray(frame.to_ndarray(format="bgr24", width=width, height=height, threads=1), dtype=np.uint8)


def _reduced(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.resize(pixels, _SMALL)[..., ::-1], dtype=np.uint8)


def _played(image: Image.Image) -> Iterator[Shown]:
    time = 0.0
    for number in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(number)
            image.load()
            pixels = np.asarray(to_rgb(image))
        # Pillow's decoders raise many kinds of errors on damaged files.
        except Exception as error:
            raise ImageError("broken_image", f"frame {number}: {type(error).__name__}: {error}") from None
        lasts = (image.info.get("duration") or 100) / 1000  # as browsers play frames without a duration
        yield Shown(time, partial(np.asarray, pixels), partial(_reduced, pixels), number, lasts)
        time += lasts


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageError("too_many_pixels", f"{width} x {height}, at most {max_pixels} pixels are read")
