"""Picture files, animated ones among them."""

# Tested in tests/dataset/test_sources.py.

from collections.abc import Iterator

from emocap.dataset.readers.base import Frame, InputKind, InputReader, Member, read_whole
from emocap.io.images import SUFFIXES
from emocap.schema.shards import Reject


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    with reader.place.open(reader.item.path) as file:
        yield from reader.decode(Member("", read_whole(file), {}))


KIND = InputKind("picture", _read, SUFFIXES, "pictures", holds_many=False, brings_labels=False)
