"""Video files."""

# Tested in tests/dataset/test_sources.py.

from collections.abc import Iterator

from emocap.dataset.frames import read_video
from emocap.dataset.readers.base import Frame, InputKind, InputReader
from emocap.io.video import SUFFIXES as VIDEOS
from emocap.schema.samples import Source
from emocap.schema.shards import Reject


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    item, place = reader.item, reader.place
    known = reader.known()
    with place.local_copy(item.path) as (path, sha256):
        pictures = read_video(path, reader.source.video, reader.max_pixels)
        yield from reader.film(pictures, Source(path=item.path, sha256=sha256), known)


KIND = InputKind("video", _read, VIDEOS, "videos", brings_labels=False)
