"""Sources: which inputs there are, and the pictures that come out of each."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, TypeVar

from emocap.core.errors import UserError
from emocap.dataset.labels import Known, LabelTable, known_faces, parse
from emocap.dataset.readers.archives import Member, read_parquet, read_tar, read_whole
from emocap.dataset.readers.videos import is_animated, read_animation, read_video
from emocap.dataset.recipe import DrawnRecipe, SourceRecipe
from emocap.faces.detectors import Detection
from emocap.io.images import SUFFIXES, ImageError, Pixels, decode
from emocap.io.storage import Place, place
from emocap.io.video import SUFFIXES as VIDEOS
from emocap.schema.samples import Labels, Source
from emocap.schema.shards import Reject

Kind = Literal["picture", "video", "tar", "parquet", "build", "drawn"]

T = TypeVar("T")

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(SUFFIXES, "picture"),
    **dict.fromkeys(VIDEOS, "video"),
    ".tar": "tar",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Input:
    """One thing to read."""

    path: str
    """As given for local files, a full URI for remote ones, ``drawn://<seed>/<index>`` for drawn faces."""
    source: int
    """Which entry of the recipe's sources."""
    kind: Kind
    bytes: int
    """Its size; 0 where that is not known."""


@dataclass(frozen=True)
class Frame:
    """One picture that came out of an input, where it comes from, and the faces that the source knows of in it."""

    image: Pixels
    source: Source
    known: list[Known]


def list_inputs(sources: Sequence[SourceRecipe]) -> Iterator[Input]:
    """Every input of every source, source by source, in the order of their paths; memory does not grow with them.

    Raises UserError, before the first input is asked for, for a source that does not exist, cannot be reached or
    holds nothing that is read.
    """
    listings = [_listing(number, source) for number, source in enumerate(sources)]
    begun = []
    for source, listing in zip(sources, listings, strict=True):
        first = next(listing, None)
        if first is None:
            raise UserError(f"sources: {_nothing(source)}")
        begun.append(itertools.chain([first], listing))
    return itertools.chain.from_iterable(begun)


def _listing(number: int, source: SourceRecipe) -> Iterator[Input]:
    if source.drawn:
        names = (f"drawn://{source.drawn.seed}/{index}" for index in range(source.drawn.count))
        yield from (Input(name, number, "drawn", 0) for name in names)
    elif source.build:
        before = ""
        for file in place(f"{source.build.rstrip('/')}/faces").files():
            # A tar is finished when its index exists, which comes before it by name.
            if file.path.endswith(".tar") and before == file.path.removesuffix(".tar") + ".parquet":
                yield Input(file.path, number, "build", file.bytes)
            before = file.path
    else:
        where = place(str(source.path))
        for file in where.files():
            if kind := _kind(file.path):
                yield Input(file.path, number, kind, file.bytes)
            elif file.path == where.path:
                raise UserError(f"sources: {file.path} is none of the kinds that are read; {_SUPPORTED}")


_SUPPORTED = (
    f"what is read are pictures ({' '.join(SUFFIXES)}), videos ({' '.join(VIDEOS)}), .tar without compression, "
    ".parquet, and folders of them"
)


def _kind(path: str) -> Kind | None:
    return _KINDS.get(PurePosixPath(path).suffix.lower())


def _nothing(source: SourceRecipe) -> str:
    if source.build:
        return f"no finished faces in {source.build}; name the --out folder of a build"
    return f"nothing that can be read in {place(str(source.path)).path}; {_SUPPORTED}"


def read_input(item: Input, source: SourceRecipe, labels: LabelTable, max_pixels: int) -> Iterator[Frame | Reject]:
    """The pictures of an input, in order, and a reject of stage ``read`` for each that could not be read.

    Bad data raises nothing: it costs the picture, the member, the row or the stretch of video that it is in. Raises
    ValueError for the faces of another build, which are samples already, and UserError where the file system of the
    source is not to be had.
    """
    if item.kind == "build":
        raise ValueError(f"{item.path} holds samples, not pictures")
    if source.drawn:
        return iter([_draw(item, source.drawn)])
    return _Reader(item, source, place(str(source.path)), labels, max_pixels).read()


@dataclass(frozen=True)
class _Reader:
    item: Input
    source: SourceRecipe
    place: Place
    labels: LabelTable
    max_pixels: int

    def read(self) -> Iterator[Frame | Reject]:
        try:
            if self.item.kind == "video":
                yield from self._video()
                return
            with self.place.open(self.item.path) as file:
                if self.item.kind == "picture":
                    yield from self._picture(Member("", read_whole(file), {}))
                else:
                    tar = self.item.kind == "tar"
                    for member in _guarded(read_tar(file) if tar else read_parquet(file, self.source.column)):
                        yield from self._picture(member)
        except ImageError as error:
            yield self._reject(error, self.item.path)
        except OSError as error:
            told = error.strerror or " ".join(str(error).split()) or type(error).__name__
            yield self._reject(ImageError("unreadable", told), self.item.path)

    def _video(self) -> Iterator[Frame | Reject]:
        known = self._known(self.place.below(self.item.path), {})
        with self.place.local_copy(self.item.path) as (path, sha256):
            for time_ms, image in _guarded(read_video(path, self.source.video, self.max_pixels)):
                yield Frame(image, Source(path=self.item.path, sha256=sha256, time_ms=time_ms), known)

    def _picture(self, member: Member) -> Iterator[Frame | Reject]:
        """One picture, or the frames of an animated one; ``member.name`` is empty where it is the input itself."""
        path = f"{self.item.path}::{member.name}" if member.name else self.item.path
        try:
            if isinstance(member.content, ImageError):
                raise member.content
            known = self._known(member.name or self.place.below(self.item.path), member.cells)
            sha256 = hashlib.sha256(member.content).hexdigest()
            for time_ms, image in _guarded(self._decoded(member.content)):
                yield Frame(image, Source(path=path, sha256=sha256, time_ms=time_ms), known)
        except ImageError as error:
            yield self._reject(error, path)

    def _decoded(self, data: bytes) -> Iterator[tuple[int, Pixels]]:
        if is_animated(data):
            yield from read_animation(data, self.source.video, self.max_pixels)
        else:
            yield 0, decode(data, self.max_pixels)

    def _known(self, below: str, cells: dict[str, object]) -> list[Known]:
        """From the source's table, else from the columns of the row, else from the pattern."""
        try:
            if any(cell is not None for cell in cells.values()) and not self.labels.known(below):
                return [parse(cells, self.source.rename)]
            return known_faces(self.source, self.labels, below)
        except UserError as error:
            raise ImageError("bad_labels", str(error)) from None

    @staticmethod
    def _reject(error: ImageError, path: str) -> Reject:
        return Reject("read", error.reason, error.detail, path)


def _guarded(items: Iterator[T]) -> Iterator[T]:
    """What a decoder gives. Whatever else it raises on damaged data than it should becomes an ImageError."""
    try:
        yield from items
    except (ImageError, OSError):
        raise
    except Exception as error:
        raise ImageError("error", f"{type(error).__name__}: {error}") from error


def _draw(item: Input, recipe: DrawnRecipe) -> Frame:
    from emocap.synthetic import sample

    index = int(item.path.rpartition("/")[2])
    face = sample(recipe.seed, index, people=recipe.people, size=recipe.size, weights=recipe.weights)
    shown = face.expression
    labels = Labels(
        emotion=max(shown.emotions, key=lambda name: shown.emotions[name]),
        emotions=shown.emotions,
        action_units=shown.action_units,
        intensity=shown.intensity,
        valence=shown.valence,
        arousal=shown.arousal,
        subject=face.subject,
        split=recipe.split,
    )
    known = Known(labels, face=Detection(face.bbox, 1.0, tuple(face.landmarks)))
    return Frame(face.image, Source(path=item.path, sha256=hashlib.sha256(face.image.tobytes()).hexdigest()), [known])
