"""Pictures, clips and recordings on a disk, read when they are looked at and not before."""

# Tested in tests/benchmarks/readers/test_micro.py.

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emocap.io.images import ImageError, Pixels, decode
from emocap.io.video import middles, read_frames, read_seconds

MAX_PIXELS = 100_000_000


class Media(Protocol):
    """Pictures on a disk, read when they are looked at and not before."""

    def pictures(self, segments: int) -> list[Pixels]:
        """RGB pictures: one, or for a clip the midpoints of equal segments.

        A clip of fewer frames gives some of them more than once. Raises ImageError.
        """
        ...

    def sha256(self) -> str:
        """Over the bytes on the disk, hexadecimal. Raises ImageError with reason missing_file."""
        ...


class MediaItem(Protocol):
    """Something with a name and media."""

    @property
    def name(self) -> str:
        """Unique among the items that are looked at together."""
        ...

    @property
    def media(self) -> Media:
        """What it shows."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture whose bytes are at hand."""

    data: bytes

    def pictures(self, segments: int) -> list[Pixels]:
        """See :class:`Media`."""
        return [decode(self.data, MAX_PIXELS)]

    def sha256(self) -> str:
        """See :class:`Media`."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file, or the part of it within a box."""

    path: Path
    box: tuple[int, int, int, int] | None = None
    """left, top, right, bottom in pixels, right and bottom outside; what lies beyond the picture's border is cut."""

    def pictures(self, segments: int) -> list[Pixels]:
        """See :class:`Media`."""
        pixels = decode(_bytes(self.path), MAX_PIXELS)
        if self.box is None:
            return [pixels]
        left, top, right, bottom = self.box
        part = pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if not part.size:
            raise ImageError("empty_box", f"{self.path}: nothing of {self.box} lies inside the picture")
        return [part]

    def sha256(self) -> str:
        """See :class:`Media`."""
        return hashlib.sha256(_bytes(self.path) + repr(self.box).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Frames:
    """A clip as picture files in their order."""

    paths: Sequence[Path]

    def pictures(self, segments: int) -> list[Pixels]:
        """See :class:`Media`."""
        if not self.paths:
            raise ImageError("missing_file", "a clip without frames")
        chosen = [self.paths[place] for place in middles(len(self.paths), segments)]
        seen = {path: decode(_bytes(path), MAX_PIXELS) for path in dict.fromkeys(chosen)}
        return [seen[path] for path in chosen]

    def sha256(self) -> str:
        """See :class:`Media`."""
        if not self.paths:
            raise ImageError("missing_file", "a clip without frames")
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(_bytes(path))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Several:
    """Pictures that belong to one question, in the order in which it counts them; no frames of a clip."""

    paths: Sequence[Path]

    def pictures(self, segments: int) -> list[Pixels]:
        """All of them, however many segments."""
        return [decode(_bytes(path), MAX_PIXELS) for path in self.paths]

    def sha256(self) -> str:
        """See :class:`Media`."""
        # Of each by itself: the same bytes in other parts are other pictures.
        parts = [hashlib.sha256(_bytes(path)).hexdigest() for path in self.paths]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Film:
    """A clip as a video file."""

    path: Path

    def pictures(self, segments: int) -> list[Pixels]:
        """See :class:`Media`."""
        if not self.path.is_file():
            raise ImageError("missing_file", f"there is no {self.path}")
        return read_frames(self.path, segments, MAX_PIXELS)

    def each(self, seconds: float, most: int) -> list[Pixels]:
        """Pictures from the first on, ``seconds`` apart, at most ``most``. Raises ImageError."""
        if not self.path.is_file():
            raise ImageError("missing_file", f"there is no {self.path}")
        return read_seconds(self.path, seconds, most, MAX_PIXELS)

    def sha256(self) -> str:
        """See :class:`Media`."""
        return hashlib.sha256(_bytes(self.path)).hexdigest()


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording without pictures; what listens to it reads it with :func:`emocap.io.audio.wave`."""

    path: Path

    def pictures(self, segments: int) -> list[Pixels]:
        """None."""
        return []

    def sha256(self) -> str:
        """See :class:`Media`."""
        return hashlib.sha256(_bytes(self.path)).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError("missing_file", f"{path}: {error.strerror}") from None
