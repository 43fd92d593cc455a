"""One thing to be measured on: its pictures, wherever they lie, and what is known of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from emocap.captions import Caption
from emocap.evaluate.films import middles, read_frames
from emocap.faces.images import ImageError, Pixels, decode

MAX_PIXELS = 100_000_000


class Media(Protocol):
    """Pictures on a disk, read when they are looked at and not before."""

    def pictures(self, segments: int) -> list[Pixels]:
        """RGB pictures: one, or of a clip the middle one of each of so many equal segments.

        A clip of fewer frames gives some of them more than once. Raises ImageError.
        """
        ...

    def sha256(self) -> str:
        """Over the bytes on the disk, hexadecimal. Raises ImageError with reason missing_file."""
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
class Film:
    """A clip as a video file."""

    path: Path

    def pictures(self, segments: int) -> list[Pixels]:
        """See :class:`Media`."""
        if not self.path.is_file():
            raise ImageError("missing_file", f"there is no {self.path}")
        return read_frames(self.path, segments, MAX_PIXELS)

    def sha256(self) -> str:
        """See :class:`Media`."""
        return hashlib.sha256(_bytes(self.path)).hexdigest()


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording without pictures; what listens to it reads it with :func:`emocap.evaluate.sounds.wave`."""

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


@dataclass(frozen=True, slots=True)
class Question:
    """A question with options of which one is right."""

    text: str
    options: tuple[str, ...]
    answer: int
    """Place of the right option, counted from 0."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture or clip with what is known of it; what a benchmark does not annotate is None."""

    name: str
    """Unique within the benchmark, and the same on every machine: a path below the data, or a key."""
    media: Media
    splits: tuple[str, ...] = ("test",)
    """train, val, test, or "" for none of them: one per official fold; a single one where there are no folds."""
    label: str | None = None
    """A class of the card once :func:`emocap.evaluate.layouts.read` has seen it; a reader gives what the annotation
    says."""
    units: Mapping[int, float] | None = None
    """FACS number → intensity 0 to 5, 0 where it is annotated as absent. A unit that was not coded is not there."""
    values: Mapping[str, float] | None = None
    """What is rated on a scale, such as valence, arousal or pspi."""
    question: Question | None = None
    subject: str | None = None
    """Who is seen; folds keep a person together."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """What the data says of the person, such as gender: subgroups are measured apart."""
    caption: Caption | None = None
    """Only where the card's task is retrieval."""
    labels: tuple[str, ...] | None = None
    """Several labels or free words for what is shown, where the benchmark has those."""
    text: str | None = None
    """Words that belong to what is shown, such as the caption of a post or what is said in a clip."""
    clue: str | None = None
    """What a judge is told beside the pictures, such as how the voice sounds."""
    reference: str | None = None
    """A text about it that counts as right."""
    rubric: tuple[str, ...] = ()
    """Points that a reasoned answer must make, each worth as much as any other."""
    perception: tuple[Question, ...] = ()
    """Questions about what is plainly to be seen or heard."""
