"""The shard format: a WebDataset tar, its index, and the rule by which a shard counts as done.

A shard is ``<folder>/<name>.tar`` with two members per sample, ``<key>.jpg`` and ``<key>.json``; its index is
``<name>.parquet`` with one row per sample. Both are written beside their place and renamed into it, the index last: a
shard is done when its index exists. The same samples give the same bytes, whenever and wherever they are written.
"""

import contextlib
import hashlib
import io
import json
import os
import tarfile
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from emocap.samples import Record, Sample

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
        ("jpg_bytes", pa.int32()),
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


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A scratch path beside ``path`` that takes its place, flushed to disk, when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two workers, on two machines even, may write the same file at the same time: the last one wins, with equal bytes.
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that a reader finds either the old file or the whole new one."""
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
        _add(self._archive, f"{sample.record.key}.jpg", sample.jpeg)
        _add(self._archive, f"{sample.record.key}.json", sample.record.to_json())
        self._rows.add(_index_row(self._tar.stem, sample))

    def __exit__(self, *error: Any) -> None:
        # Whatever was entered first is closed last: the tar is in its place before the index is.
        self._rows.counts = self.counts
        self._stack.__exit__(*error)


class TableWriter:
    """Writes a Parquet file row by row with little memory; use it in a ``with`` block.

    The file takes its place when the block ends without an error. ``counts``, settable until then, are kept in its
    metadata: :func:`read_counts`.
    """

    def __init__(self, path: Path, schema: pa.Schema, rows_per_group: int = 1000) -> None:
        self._path, self._schema, self._rows_per_group = path, schema, rows_per_group
        self._rows: list[dict[str, Any]] = []
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(replacing(self._path))
            self._file = stack.enter_context(pq.ParquetWriter(scratch, self._schema))
            self._stack = stack.pop_all()
        return self

    def add(self, row: dict[str, Any]) -> None:
        """Append one row."""
        self._rows.append(row)
        if len(self._rows) >= self._rows_per_group:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as a row group of their own."""
        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self.flush()
            self._file.add_key_value_metadata({"emocap_counts": json.dumps(self.counts)})
        self._stack.__exit__(*error)


def read_counts(path: Path) -> dict[str, int]:
    """The counts that a :class:`TableWriter` or :class:`ShardWriter` left in the metadata of a Parquet file."""
    counts: dict[str, int] = json.loads((pq.read_metadata(path).metadata or {}).get(b"emocap_counts", b"{}"))
    return counts


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


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file so that it is there whole or not at all."""
    with replacing(path) as scratch:
        pq.write_table(table, scratch)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))  # a fresh TarInfo has no owner and no time: the bytes repeat


def _index_row(shard: str, sample: Sample) -> dict[str, Any]:
    record = sample.record
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
        "jpg_bytes": len(sample.jpeg),
    }


def read_shard(tar: Path) -> Iterator[Sample]:
    """The samples of a shard, in order. Raises ValueError, naming shard and key, for anything that is not a sample."""
    pictures: dict[str, bytes] = {}
    try:
        with tarfile.open(tar, "r|") as archive:
            for member in archive:
                key, _, extension = member.name.partition(".")
                file = archive.extractfile(member)
                content = file.read() if file else b""
                if len(content) != member.size:
                    raise ValueError(f"{tar}: {member.name} is cut short")
                if extension == "jpg":
                    pictures = {key: content}
                elif extension == "json" and key in pictures:
                    yield Sample(Record.model_validate_json(content), pictures.pop(key))
                else:
                    raise ValueError(f"{tar}: {member.name} is not part of a sample")
    except ValidationError as error:
        raise ValueError(f"{tar}: {key}.json is not a record: {error.errors()[0]['msg']}") from None
    except tarfile.TarError as error:
        raise ValueError(f"{tar} is not a whole tar: {error}") from None


def read_index(folder: Path) -> pa.Table:
    """All index rows of a folder of index files, shard by shard in the order of their names."""
    files = sorted(folder.glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files]) if files else INDEX_SCHEMA.empty_table()


def read_rejects(folder: Path) -> list[Reject]:
    """All rejects of a build, in the order of their files."""
    return [Reject(**row) for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(build: Path) -> list[str]:
    """Everything that is wrong with a finished build folder, one line each; empty when all agrees.

    Every tar is compared with the manifest (size and sha256), and its samples with the index (keys, in order) and
    with the schema of records.
    """
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    problems = []
    indexed = defaultdict(list)
    for row in read_index(build / "index").select(["shard", "key"]).to_pylist():
        indexed[row["shard"]].append(row["key"])
    for name in sorted(set(indexed) - {shard["name"] for shard in manifest["shards"]}):
        problems.append(f"index/{name}.parquet is not in the manifest")
    for shard in manifest["shards"]:
        tar = build / "shards" / f"{shard['name']}.tar"
        if not tar.is_file():
            problems.append(f"{tar.name} is missing")
            continue
        if sha256(tar) != shard["sha256"]:
            problems.append(f"{tar.name} has {tar.stat().st_size} bytes and another sha256 than the manifest says")
        try:
            keys = [sample.record.key for sample in read_shard(tar)]
        except ValueError as error:
            problems.append(str(error))
            continue
        if keys != indexed[shard["name"]]:
            problems.append(f"{tar.name} holds {len(keys)} samples that are not those of its index")
    return problems
