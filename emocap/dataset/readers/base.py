"""What a kind of input is, and what the readers of all kinds share."""

# Tested in tests/dataset/readers/test_tars.py.

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from emocap.core.errors import UserError
from emocap.dataset.frames import Picked, is_animated, read_animation
from emocap.dataset.known import Known
from emocap.dataset.labels import LabelTable, known_faces, parse
from emocap.dataset.moments import Moments, of_a_still
from emocap.dataset.recipe import SourceRecipe
from emocap.io.images import ImageError, Pixels, decode
from emocap.io.storage import Place
from emocap.schema.samples import Source
from emocap.schema.shards import Reject

T = TypeVar("T")


@dataclass(frozen=True)
class Input:
    """One thing to read."""

    path: str
    """As given for local files, a full URI for remote ones, ``drawn://<seed>/<index>`` for synthetic faces."""
    source: int
    """Which entry of the recipe's sources."""
    kind: str
    """Name of its :class:`InputKind`."""
    bytes: int
    """Its size; 0 where that is not known."""


@dataclass(frozen=True)
class Frame:
    """One picture that came out of an input, where it comes from, and the faces that the source knows of in it."""

    image: Pixels
    source: Source
    known: list[Known]


@dataclass(frozen=True)
class InputReader:
    """One input, and what the readers of its kind need to make pictures of it."""

    item: Input
    source: SourceRecipe
    place: Place
    labels: LabelTable
    max_pixels: int

    def decode(self, member: "Member") -> Iterator[Frame | Reject]:
        """One picture, or the frames of an animated one; ``member.name`` is empty where it is the input itself."""
        path = f"{self.item.path}::{member.name}" if member.name else self.item.path
        try:
            if isinstance(member.content, ImageError):
                raise member.content
            sha256 = hashlib.sha256(member.content).hexdigest()
            source = Source(path=path, sha256=sha256)
            known = self.known(member)
            if is_animated(member.content):
                yield from self.film(read_animation(member.content, self.source.video, self.max_pixels), source, known)
            else:
                faces = labelled(of_a_still, known)
                for image in guarded(self._still(member.content)):
                    yield Frame(image, source, faces)
        except ImageError as error:
            yield self.reject(error, path)

    def _still(self, data: bytes) -> Iterator[Pixels]:
        yield decode(data, self.max_pixels)

    def film(self, pictures: Iterator[Picked], source: Source, known: list[Known]) -> Iterator[Frame | Reject]:
        """The frames of something that moves, each with the faces that are known in it."""
        moments = labelled(Moments, known)
        for one in guarded(pictures):
            faces = moments.at(one.time_ms / 1000, one.number, one.lasts)
            yield Frame(one.pixels, source.model_copy(update={"time_ms": one.time_ms}), faces)
        if missed := moments.missed():
            yield self.reject(ImageError("labels_between_frames", missed), source.path)

    def known(self, member: "Member | None" = None) -> list[Known]:
        """The faces that are known beforehand of the input or a member of it: from the source's table, else from the
        columns of the row, else from the pattern. Raises ImageError with reason bad_labels.
        """
        below, archive, cells = self.place.below(self.item.path), "", {}
        if member and member.name:
            below, archive, cells = member.name, below, member.cells
        try:
            if any(cell is not None for cell in cells.values()) and not self.labels.find(below, archive):
                return [parse(cells, self.source.rename)]
            return known_faces(self.source, self.labels, below, archive)
        except UserError as error:
            raise ImageError("bad_labels", str(error)) from None

    @staticmethod
    def reject(error: ImageError, path: str) -> Reject:
        """The reject of a picture that could not be read."""
        return Reject("read", error.reason, error.detail, path)


def labelled(make: Callable[[list[Known]], T], known: list[Known]) -> T:
    """What is made of label rows. Raises ImageError with reason bad_labels where they disagree."""
    try:
        return make(known)
    except UserError as error:
        raise ImageError("bad_labels", f"label rows for one face disagree: {error}") from None


def guarded(items: Iterator[T]) -> Iterator[T]:
    """What a decoder gives. Whatever else it raises on damaged data than it should becomes an ImageError."""
    try:
        yield from items
    except (ImageError, OSError):
        raise
    except Exception as error:
        raise ImageError("error", f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Member:
    """A picture in an archive: its name there, its bytes or why there are none, and the labels beside it."""

    name: str
    content: bytes | ImageError
    cells: dict[str, Any]


@dataclass(frozen=True)
class InputKind:
    """A kind of input, as the registry holds it; one for each file in ``emocap.dataset.readers``, as its ``KIND``."""

    name: str
    read: Callable[[InputReader], Iterator[Frame | Reject]] | None
    """The pictures of an input, in order. Raises ImageError and OSError, which cost the input alone. None: the inputs
    are samples already.
    """
    suffixes: Sequence[str] = ()
    """Endings of files of this kind, in small letters, as in ``.tar``."""
    title: str = ""
    """What an error message calls these files."""
    holds_many: bool = True
    """Whether an input holds many pictures: it is then a block of work by itself."""
    brings_labels: bool = True
    """Whether its faces may have labels that no table and no pattern of the source gives."""
    has_members: bool = False
    """Whether its pictures have names of their own, by which label tables know them."""
    list_inputs: Callable[[int, SourceRecipe], Iterator[Input] | None] = lambda number, source: None
    """The inputs of a source that is of this kind as a whole, and no folder of files; None for any other source."""


MOST_BYTES = 256 << 20
"""Of one picture, which is held in memory whole."""


def read_whole(file: BinaryIO) -> bytes:
    """All bytes of a picture. Raises OSError, and ImageError with reason too_many_bytes."""
    blocks, size = [], 0
    while block := file.read(8 << 20):
        blocks.append(block)
        size += len(block)
        if size > MOST_BYTES:
            raise too_many(size)
    return b"".join(blocks)


def too_many(size: int) -> ImageError:
    """The error of a picture that is too large to be held."""
    return ImageError("too_many_bytes", f"{size} bytes, at most {MOST_BYTES} are read")
