"""Features of pictures and clips: extracted once, in batches, for every card and protocol that wants them."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from emocap.core import progress
from emocap.core.errors import UserError
from emocap.core.threads import THREADS, ahead
from emocap.encoders.base import Encoder, Matrix
from emocap.encoders.feature_cache import Row, Store
from emocap.io.images import ImageError
from emocap.io.media import MediaItem, Picture, Several, Stored

log = logging.getLogger(__name__)

Pooling = Literal["mean", "normalised", "max", "middle"]
"""Of a clip's frames: the mean of their features before they are normalised (Exp-CLIP), the mean of normalised ones,
the greatest value of each, or the middle frame alone. Of a picture there is nothing to pool."""

_BATCH = 128
"""Pictures that go through the model at once."""
_KEEP = 4096
"""Rows that are written to the cache at once: the most that is lost when a process is killed."""


class FeatureExtractor(Protocol):
    """Something that extracts the features of examples elsewhere, such as Ray workers."""

    def extract_batches(
        self, examples: Sequence[MediaItem], segments: int, pooling: Pooling
    ) -> Iterator[tuple[int, Matrix]]:
        """As :func:`extract_batches`."""
        ...


@dataclass(frozen=True)
class ExtractionConfig:
    """How pictures are looked at, and where features are kept."""

    pooling: Pooling = "mean"
    store: Store = field(default_factory=Store)
    extractor: FeatureExtractor | None = None
    """None: this process."""


def hashes(examples: Sequence[MediaItem]) -> list[str]:
    """sha256 of what each example shows. Raises UserError, naming it, where a file is missing."""
    return list(ahead(_sha256, examples, 4 * THREADS))


def extract(
    encoder: Encoder,
    examples: Sequence[MediaItem],
    segments: int,
    config: ExtractionConfig | None = None,
    sha256: Sequence[str] | None = None,
) -> dict[str, Row]:
    """Name → features D, not normalised, of every example; only what the store lacks goes through the model.

    segments: frames that are looked at of a clip. sha256: what :func:`hashes` gives, where it is known already.
    Raises UserError, naming it, where a picture cannot be read, there is no memory for it, or a feature is no number.
    """
    config = config or ExtractionConfig()
    if many := [example.name for example in examples if isinstance(example.media, Several)]:
        raise UserError(
            f"{many[0]} shows several pictures, and an encoder looks at one; the protocol generate shows all"
        )
    contents = hashes(examples) if sha256 is None else sha256
    kind = kind_of(encoder)
    keys = [
        _key(example, content, segments, config.pooling) for example, content in zip(examples, contents, strict=True)
    ]
    found = config.store.find(kind, keys)
    unseen = {key: example for key, example in zip(keys, examples, strict=True) if key not in found}
    if unseen:
        todo = list(unseen.values())
        extractor = config.extractor
        looked = (
            extractor.extract_batches(todo, segments, config.pooling)
            if extractor
            else extract_batches(encoder, todo, segments, config.pooling)
        )
        found |= _gather(list(unseen), looked, config.store, kind)
    rows = {example.name: found[key] for key, example in zip(keys, examples, strict=True)}
    if bad := [name for name, row in rows.items() if not np.isfinite(row).all()]:
        raise UserError(f"{encoder.name} gives features that are no numbers for {len(bad)} pictures, such as {bad[0]}")
    log.info(
        "%d features, %d of them from the cache, which holds %.1f MB of this encoder",
        *(len(examples), len(examples) - len(unseen), config.store.bytes(kind) / 1e6),
    )
    return rows


def kind_of(encoder: Encoder) -> str:
    """sha256 of what makes features of a picture: weights, what computes with them, and the transform."""
    identity = ("1", encoder.sha256, encoder.architecture, encoder.preprocess_text)
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()


def _key(example: MediaItem, content: str, segments: int, pooling: Pooling) -> str:
    if isinstance(example.media, Stored | Picture):
        return content
    return hashlib.sha256(f"{content} {frames(example, segments, pooling)} {pooling}".encode()).hexdigest()


def frames(example: MediaItem, segments: int, pooling: Pooling) -> int:
    """How many pictures of an example are looked at."""
    return 1 if pooling == "middle" or isinstance(example.media, Stored | Picture) else segments


def _gather(keys: Sequence[str], looked: Iterator[tuple[int, Matrix]], store: Store, kind: str) -> dict[str, Row]:
    """Key → row of all that is looked at; kept as it comes, but for rows that are no numbers."""
    found: dict[str, Row] = {}
    fresh: dict[str, Row] = {}
    with progress.stage("extracting features", len(keys)) as stage:
        try:
            for first, rows_ND in looked:
                rows = dict(zip(keys[first : first + len(rows_ND)], rows_ND, strict=True))
                found |= rows
                fresh |= {key: row for key, row in rows.items() if np.isfinite(row).all()}
                if len(fresh) >= _KEEP:
                    store.keep(kind, fresh)
                    fresh = {}
                stage.advance(len(rows_ND))
        finally:
            store.keep(kind, fresh)
    return found


def extract_batches(
    encoder: Encoder, examples: Sequence[MediaItem], segments: int, pooling: Pooling
) -> Iterator[tuple[int, Matrix]]:
    """The place of the first of some consecutive examples, and their features, N×D, until all are done.

    Pictures are read, decoded and transformed by threads, a few batches ahead of the model and no more. Raises
    UserError where one cannot be read, or there is no memory for it.
    """

    def read(example: MediaItem) -> Tensor:
        try:
            pictures = example.media.pictures(frames(example, segments, pooling))
            return torch.stack([encoder.preprocess(Image.fromarray(pixels)) for pixels in pictures])
        except ImageError as error:
            raise UserError(f"{example.name}: {error.reason}: {error.detail}") from None
        except MemoryError:
            raise UserError(f"{example.name}: there is no memory to decode it") from None

    first, clips = 0, []
    most = max((frames(example, segments, pooling) for example in examples), default=1)
    for place, clip in enumerate(ahead(read, examples, max(THREADS, 2 * _BATCH // most))):
        clips.append(clip)
        if sum(map(len, clips)) >= _BATCH or place == len(examples) - 1:
            rows = _encode(encoder, torch.cat(clips), examples[first])
            pooled = [_pool(part, pooling) for part in rows.split([len(one) for one in clips])]
            yield first, torch.stack(pooled).numpy()
            first, clips = place + 1, []


def _encode(encoder: Encoder, image_B3HW: Tensor, example: MediaItem) -> Tensor:
    """Features B×D, in as many parts as memory asks for. ``example``: what is named where there is none for one."""
    try:
        return encoder.images(image_B3HW).float()
    except RuntimeError as error:
        # The CPU's allocator has no error of its own.
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        if len(image_B3HW) == 1:
            raise UserError(
                f"{example.name}: {encoder.name} finds no memory for a single picture; "
                "free some, or choose another device"
            ) from None
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return torch.cat([_encode(encoder, part, example) for part in image_B3HW.chunk(2)])


def _pool(rows_FD: Tensor, pooling: Pooling) -> Tensor:
    if len(rows_FD) == 1:
        return rows_FD[0]
    if pooling == "normalised":
        return F.normalize(rows_FD, dim=1).mean(0)
    return rows_FD.amax(0) if pooling == "max" else rows_FD.mean(0)


def _sha256(example: MediaItem) -> str:
    try:
        return example.media.sha256()
    except ImageError as error:
        raise UserError(f"{example.name}: {error.reason}: {error.detail}") from None
