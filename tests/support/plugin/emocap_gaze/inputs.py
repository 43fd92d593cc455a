"""Arrays of pictures in .npy files, N×H×W×3."""

import hashlib
from collections.abc import Iterator

import numpy as np

from emocap.dataset.readers.base import Frame, InputKind, InputReader
from emocap.schema.samples import Source
from emocap.schema.shards import Reject


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    with reader.place.open(reader.item.path) as file:
        pictures = np.load(file, allow_pickle=False)
    for number, image in enumerate(pictures):
        sha256 = hashlib.sha256(image.tobytes()).hexdigest()
        yield Frame(image, Source(path=f"{reader.item.path}::{number}", sha256=sha256, time_ms=0), [])


KIND = InputKind("arrays", _read, (".npy",), "arrays of pictures")
