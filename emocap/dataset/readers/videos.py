"""Video files."""

# Tested in tests/dataset/test_sources.py.

from collections.abc import Iterator

from emocap.dataset.frames import read_video
from emocap.dataset.readers.base import Frame, InputKind, InputReader, guarded
from emocap.io.video import SUFFIXES as VIDEOS
from emocap.schema.samples import Source
from emocap.schema.shards import Reject


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    item, place = reader.item, reader.place
    known = reader.known(place.below(item.path), {})
    with place.local_copy(item.path) as (path, sha256):
        for time_ms, image in guarded(read_video(path, reader.source.video, reader.max_pixels)):
            yield Frame(image, Source(path=item.path, sha256=sha256, time_ms=time_ms), known)


KIND = InputKind("video", _read, VIDEOS, "videos")
