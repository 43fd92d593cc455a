"""Where samples lie: a folder of shards with its index, of which any sample can be read without the others.

The index of a build says at which byte of which tar a sample begins, so that a worker reads what it decodes and
nothing else. Contents are compared with the index's checksums; nothing in a tar is ever unpickled or run.
"""

import functools
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from emocap.core.errors import UserError
from emocap.schema.shards import read_index

MOST_BYTES = 64 << 20
"""Of a sample: picture, record and what the tar puts around them."""


@dataclass(frozen=True)
class Dataset:
    """The S samples of a folder that are wanted, shard by shard. Arrays, which forked workers share."""

    folder: Path
    tars: list[Path]
    key_S: pa.StringArray
    shard_S: npt.NDArray[np.int64]
    """Number of the sample's tar."""
    extent_S2: npt.NDArray[np.int64]
    """Byte at which a sample begins, and byte before which it ends."""
    crc_S2: npt.NDArray[np.uint32]
    """Checksums of picture and record."""
    emotion_S: pa.StringArray
    """Labels, null where there are none."""

    def __len__(self) -> int:
        return len(self.key_S)

    def shards(self) -> list[int]:
        """How many samples each shard has, in the order of the samples."""
        return [int(count) for count in np.bincount(self.shard_S, minlength=len(self.tars))]

    def read(self, sample: int) -> tuple[bytes, bytes]:
        """JPEG and JSON of a sample. Raises UserError, naming tar and key, where they are not what was written."""
        begin, end = self.extent_S2[sample].tolist()
        tar = self.tars[self.shard_S[sample]]
        block = os.pread(_open(tar).fileno(), end - begin, begin)
        key, at, contents = self.key_S[sample].as_py(), 0, []
        for name, crc in zip((f"{key}.jpg", f"{key}.json"), self.crc_S2[sample].tolist(), strict=True):
            # A member of a tar: 512 bytes of header, whose size stands in octal digits, and the content, filled up.
            if not (block.startswith(name.encode() + b"\0", at) and block[at + 124 : at + 135].isdigit()):
                raise self.damaged(sample, f"there is no {name} at byte {begin + at}")
            size = int(block[at + 124 : at + 135], 8)
            content = block[at + 512 : at + 512 + size]
            if zlib.crc32(content) != crc:
                raise self.damaged(sample, f"{name} is not what was written")
            contents.append(content)
            at += 512 + -(-size // 512) * 512
        return contents[0], contents[1]

    def damaged(self, sample: int, what: str) -> UserError:
        """The complaint about one sample."""
        key = self.key_S[sample].as_py()
        mend = f"emocap inspect {self.folder} names all that is damaged; build its shard again"
        return UserError(f"{self.tars[self.shard_S[sample]]}: {key}: {what}; {mend}")


def open_dataset(folder: Path, split: str | None) -> Dataset:
    """The samples of a folder with ``shards/`` and ``index/`` that are of a split; None: all of them.

    Samples without a split count as train. Raises UserError for a tar that is missing or shorter than its index says,
    for a shard of the manifest that has no index, and for samples without captions.
    """
    columns = ["key", "shard", "emotion", "split", "caption_words", "offset", "jpg_crc32", "json_crc32"]
    try:
        index = read_index(folder / "index").select(columns).combine_chunks()
    except (KeyError, pa.ArrowException):
        raise UserError(f"{folder}/index was written by another version of emocap; build it again") from None
    if lost := _shards_of(folder / "manifest.json") - {path.stem for path in (folder / "index").glob("*.parquet")}:
        raise UserError(f"{folder}/index has no {min(lost)}.parquet, which its manifest.json lists; build it again")
    shards = index["shard"].combine_chunks().dictionary_encode()
    tars = [folder / "shards" / f"{name}.tar" for name in shards.dictionary.to_pylist()]
    shard_S, begin_S = shards.indices.to_numpy().astype(np.int64), index["offset"].to_numpy()
    lengths = np.array([_length(tar) for tar in tars], dtype=np.int64)
    end_S = np.append(begin_S[1:], 0)
    last_S = np.append(shard_S[1:] != shard_S[:-1], True)[: len(shard_S)]
    end_S = np.where(last_S, lengths[shard_S], end_S[: len(shard_S)])
    for wrong in np.flatnonzero((end_S <= begin_S) | (end_S - begin_S > MOST_BYTES))[:1]:
        tar, key = tars[shard_S[wrong]], index["key"][int(wrong)]
        raise UserError(f"{tar} is not as its index says at {key}; emocap inspect {folder} names what is damaged")
    wanted_S = np.array([split in (None, name or "train") for name in index["split"].to_pylist()], dtype=bool)
    kept = index.filter(pa.array(wanted_S)).combine_chunks()
    if bare := kept["caption_words"].null_count:
        raise UserError(f"{bare} samples of {folder} have no caption; caption them with emocap build before training")
    return Dataset(
        folder=folder,
        tars=tars,
        key_S=_whole(kept["key"]),
        shard_S=shard_S[wanted_S],
        extent_S2=np.stack([begin_S, end_S], 1)[wanted_S],
        crc_S2=np.stack([kept["jpg_crc32"].to_numpy(), kept["json_crc32"].to_numpy()], 1),
        emotion_S=_whole(kept["emotion"]),
    )


def _shards_of(manifest: Path) -> set[str]:
    """The names of the shards that a build says it has; what is no build of ours has no manifest."""
    if not manifest.exists():
        return set()
    try:
        return {shard["name"] for shard in json.loads(manifest.read_text(encoding="utf-8"))["shards"]}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{manifest} cannot be read; build it again") from None


def _length(tar: Path) -> int:
    try:
        return tar.stat().st_size
    except OSError as error:
        raise UserError(f"{tar} cannot be read ({error.strerror}); build it again") from None


def _whole(column: pa.ChunkedArray) -> pa.StringArray:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


@functools.lru_cache(maxsize=64)
def _open(tar: Path) -> BinaryIO:
    return tar.open("rb")
