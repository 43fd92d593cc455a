"""The shard format: a WebDataset tar, its index, and the rule by which a shard counts as done.

A shard is ``<folder>/<name>.tar`` with two members per sample, ``<key>.jpg`` and ``<key>.json``; its index is
``<name>.parquet`` with one row per sample. Both are written beside their place and renamed into it, the index last: a
shard is done when its index exists. The same samples give the same bytes, whenever and wherever they are written.

The index can be made from the tar alone. It says where in the tar a sample begins, so that one can be read without the
others, and holds checksums of its two members, so that damage can be traced to the sample.
"""

import contextlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from emocap.core.files import replacing
from emocap.io.parquet import TableWriter
from emocap.schema.samples import Record, Sample

INDEX_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.string()),
        ("source", pa.string()),
        ("source_sha256", pa.string()),
        ("time_ms", pa.int64()),
        ("score", pa.float64()),
        ("size", pa.float64()),
        ("yaw", pa.float64()),
        ("pitch", pa.float64()),
        ("roll", pa.float64()),
        ("sharpness", pa.float64()),
        ("brightness", pa.float64()),
        ("contrast", pa.float64()),
        ("dark", pa.float64()),
        ("bright", pa.float64()),
        ("phash", pa.string()),
        ("emotion", pa.string()),
        ("subject", pa.string()),
        ("split", pa.string()),
        ("caption_words", pa.int32()),
        ("offset", pa.int64()),
        ("jpg_bytes", pa.int32()),
        ("jpg_crc32", pa.uint32()),
        ("json_crc32", pa.uint32()),
    ],
    metadata={"emocap_index_version": "2"},
)

REJECT_SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("source", pa.string()),
        ("key", pa.string()),
        ("text", pa.string()),
        ("jpeg", pa.binary()),
    ],
    metadata={"emocap_rejects_version": "2"},
)


@dataclass(frozen=True)
class Reject:
    """An input or a face that did not become a sample: at which stage, why in one word, and why in one line."""

    stage: str
    reason: str
    detail: str
    source: str
    key: str | None = None
    text: str | None = None
    """The raw reply of a captioner that could not be used."""
    jpeg: bytes | None = None
    """A thumbnail of what was rejected; the first few of every reason in a file have one."""


class ShardWriter:
    """Writes a shard sample by sample, so that memory does not grow with it; use it in a ``with`` block.

    When the block ends without an error, the tar and then the index take their places. ``counts``, settable until
    then, is kept in the metadata of the index. A shard without samples is an empty tar with an empty index.
    """

    def __init__(self, tar: Path, index: Path) -> None:
        self._tar, self._index = tar, index
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self._rows = stack.enter_context(TableWriter(self._index, INDEX_SCHEMA))
            scratch = stack.enter_context(replacing(self._tar))
            self._archive = stack.enter_context(tarfile.open(scratch, "w", format=tarfile.USTAR_FORMAT))
            self._stack = stack.pop_all()
        return self

    def add(self, sample: Sample) -> None:
        """Append one sample."""
        offset, text = self._archive.offset, sample.record.to_json()
        _add(self._archive, f"{sample.record.key}.jpg", sample.jpeg)
        _add(self._archive, f"{sample.record.key}.json", text)
        self._rows.add(index_row(self._tar.stem, offset, sample.record, sample.jpeg, text))

    def __exit__(self, *error: Any) -> None:
        # Whatever was entered first is closed last: the tar is in its place before the index is.
        self._rows.counts = self.counts
        self._stack.__exit__(*error)


def write_shard(tar: Path, index: Path, samples: Iterable[Sample]) -> None:
    """Write a shard and then its index."""
    with ShardWriter(tar, index) as writer:
        for sample in samples:
            writer.add(sample)


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write rejects as Parquet with REJECT_SCHEMA."""
    with TableWriter(path, REJECT_SCHEMA) as writer:
        for reject in rejects:
            writer.add(vars(reject))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))  # a fresh TarInfo has no owner and no time: the bytes repeat


def index_row(shard: str, offset: int, record: Record, jpeg: bytes, text: bytes) -> dict[str, Any]:
    """The row of a sample in its shard's index, with INDEX_SCHEMA; ``offset``: where in the tar it begins."""
    labels = record.labels
    return {
        "key": record.key,
        "shard": shard,
        "source": record.source.path,
        "source_sha256": record.source.sha256,
        "time_ms": record.source.time_ms,
        "score": record.face.score,
        "size": record.face.size,
        "yaw": record.face.yaw,
        "pitch": record.face.pitch,
        "roll": record.face.roll,
        "sharpness": record.face.sharpness,
        "brightness": record.face.brightness,
        "contrast": record.face.contrast,
        "dark": record.face.dark,
        "bright": record.face.bright,
        "phash": record.face.phash,
        "emotion": labels.emotion if labels else None,
        "subject": labels.subject if labels else None,
        "split": labels.split if labels else None,
        "caption_words": sum(len(text.split()) for text in record.caption.texts()) if record.caption else None,
        "offset": offset,
        "jpg_bytes": len(jpeg),
        "jpg_crc32": zlib.crc32(jpeg),
        "json_crc32": zlib.crc32(text),
    }


def read_shard(tar: Path) -> Iterator[Sample]:
    """The samples of a shard, in order. Raises ValueError, naming shard and key, for anything that is not a sample."""
    with tar.open("rb") as file:
        for _, key, jpeg, text in read_members(file, str(tar)):
            yield Sample(parse_record(text, f"{tar}: {key}"), jpeg)


def read_sample(tar: Path, offset: int) -> Sample:
    """The one sample that begins at ``offset``, as its index row says. Raises ValueError as read_shard."""
    with tar.open("rb") as file:
        file.seek(offset)
        for _, key, jpeg, text in read_members(file, str(tar)):
            return Sample(parse_record(text, f"{tar}: {key}"), jpeg)
    raise ValueError(f"{tar}: no sample begins at byte {offset}")


def read_records(tar: Path) -> Iterator[Record]:
    """The records of a shard without their pictures, which are passed over. Raises ValueError as read_shard."""
    try:
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                if member.name.endswith(".json") and (file := archive.extractfile(member)):
                    yield parse_record(file.read(), f"{tar}: {member.name.removesuffix('.json')}")
    except tarfile.TarError as error:
        raise ValueError(f"{tar} is not a whole tar: {error}") from None


def read_members(file: BinaryIO, name: str) -> Iterator[tuple[int, str, bytes, bytes]]:
    """Offset, key, JPEG and JSON of every sample from the file's position on; errors begin with ``name``."""
    begin, offset, key, jpeg = file.tell(), 0, "", None
    try:
        with tarfile.open(fileobj=file, mode="r|") as archive:
            for member in archive:
                stem, _, extension = member.name.partition(".")
                opened = archive.extractfile(member)
                content = opened.read() if opened else b""
                if len(content) != member.size:
                    raise ValueError(f"{name}: {member.name} is cut short")
                if extension == "jpg":
                    offset, key, jpeg = begin + member.offset, stem, content
                elif extension == "json" and jpeg is not None and stem == key:
                    yield offset, key, jpeg, content
                    jpeg = None
                else:
                    raise ValueError(f"{name}: {member.name} is not part of a sample")
    except tarfile.TarError as error:
        raise ValueError(f"{name} is not a whole tar{f' from {key} on' if key else ''}: {error}") from None


def parse_record(text: bytes, name: str) -> Record:
    """The record in a .json member. Raises ValueError, which ``name`` begins, for anything else."""
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"{name}.json is not a record: {error.errors()[0]['msg']}") from None


def read_index(folder: Path) -> pa.Table:
    """All index rows of a folder of index files, shard by shard in the order of their names."""
    files = sorted(folder.glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files]) if files else INDEX_SCHEMA.empty_table()


def read_rejects(folder: Path) -> list[Reject]:
    """All rejects of a build, in the order of their files."""
    return [Reject(**row) for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
