"""Sources: which inputs there are, and the pictures that come out of each."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from emocap.core.errors import UserError
from emocap.core.registries import Registry
from emocap.dataset.labels import LabelTable
from emocap.dataset.passed_over import PassedOver, in_thumbnails
from emocap.dataset.readers.base import Frame, Input, InputKind, InputReader
from emocap.dataset.recipe import SourceRecipe
from emocap.io.images import ImageError
from emocap.io.storage import place
from emocap.schema.shards import Reject

KINDS = Registry[InputKind]("kind of input", "emocap.dataset.readers", "KIND")


def list_inputs(sources: Sequence[SourceRecipe], passed: PassedOver | None = None) -> Iterator[Input]:
    """Every input of every source, source by source, in the order of their paths; memory does not grow with them.

    passed: counts the files that are no inputs. Raises UserError, before the first input is asked for, for a source
    that does not exist, cannot be reached or holds nothing that is read.
    """
    passed = PassedOver() if passed is None else passed
    begun = []
    for number, source in enumerate(sources):
        listing = _listing(number, source, passed)
        first = next(listing, None)
        if first is None:
            raise UserError(f"sources: {_nothing(source, passed)}")
        begun.append(itertools.chain([first], listing))
    return itertools.chain.from_iterable(begun)


def _listing(number: int, source: SourceRecipe, passed: PassedOver) -> Iterator[Input]:
    for kind in KINDS:
        if (inputs := kind.list_inputs(number, source)) is not None:
            yield from inputs
            return
    where = place(str(source.path))
    kinds = _by_suffix()
    for file in where.files():
        name = kinds.get(PurePosixPath(file.path).suffix.lower())
        if file.path == where.path and not name:
            raise UserError(
                f"sources: {file.path} is none of the kinds that are read{passed.hint(file.path)}; {_supported()}"
            )
        if name and not in_thumbnails(where.below(file.path)):
            yield Input(file.path, number, name, file.bytes)
        elif file.path != source.labels:
            passed.add(where.below(file.path))


def _by_suffix() -> dict[str, str]:
    """Ending, in small letters → name of its kind. Raises UserError where two kinds claim one."""
    kinds: dict[str, str] = {}
    for kind in KINDS:
        for suffix in map(str.lower, kind.suffixes):
            if kinds.setdefault(suffix, kind.name) != kind.name:
                raise UserError(f"sources: both {kinds[suffix]} and {kind.name} read {suffix}; remove one plug-in")
    return kinds


def _supported() -> str:
    kinds = [f"{kind.title or kind.name} ({' '.join(kind.suffixes)})" for kind in KINDS if kind.suffixes]
    return f"what is read are {', '.join(kinds)}, and folders of them"


def _nothing(source: SourceRecipe, passed: PassedOver) -> str:
    if source.build:
        return f"no finished faces in {source.build}; name the --out folder of a build"
    there = f" ({passed.in_words()})" if passed.counts else ""
    return f"nothing that can be read in {place(str(source.path)).path}{there}; {_supported()}"


def read_input(item: Input, source: SourceRecipe, labels: LabelTable, max_pixels: int) -> Iterator[Frame | Reject]:
    """The pictures of an input, in order, and a reject of stage ``read`` for each that could not be read.

    Bad data raises nothing: it costs the picture, the member, the row or the stretch of video that it is in. Raises
    ValueError for the faces of another build, which are samples already, and UserError where the file system of the
    source is not to be had.
    """
    read = KINDS[item.kind].read
    if read is None:
        raise ValueError(f"{item.path} holds samples, not pictures")
    reader = InputReader(item, source, place(str(source.path)), labels, max_pixels)
    return _rejecting(reader, read)


def _rejecting(
    reader: InputReader, read: Callable[[InputReader], Iterator[Frame | Reject]]
) -> Iterator[Frame | Reject]:
    """What a reader gives, and a reject in place of an error of the input."""
    try:
        yield from read(reader)
    except ImageError as error:
        yield reader.reject(error, reader.item.path)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
        yield reader.reject(ImageError("unreadable", reason), reader.item.path)
