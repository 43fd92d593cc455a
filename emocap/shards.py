"""The shard format: a WebDataset tar, its index, and the rule by which a shard counts as done.

A shard is ``<folder>/<name>.tar`` with two members per sample, ``<key>.jpg`` and ``<key>.json``; its index is
``<name>.parquet`` with one row per sample. Both are written beside their place and renamed into it, the index last: a
shard is done when its index exists. The same samples give the same bytes, whenever and wherever they are written.

The index can be made from the tar alone. It says where in the tar a sample begins, so that one can be read without the
others, and holds checksums of its two members, so that damage can be told to the sample.
"""

import contextlib
import hashlib
import io
import itertools
import json
import os
import tarfile
import uuid
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image
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
        offset, text = self._archive.offset, sample.record.to_json()
        _add(self._archive, f"{sample.record.key}.jpg", sample.jpeg)
        _add(self._archive, f"{sample.record.key}.json", text)
        self._rows.add(_index_row(self._tar.stem, offset, sample.record, sample.jpeg, text))

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


def _index_row(shard: str, offset: int, record: Record, jpeg: bytes, text: bytes) -> dict[str, Any]:
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
        for _, key, jpeg, text in _members(file, str(tar)):
            yield Sample(_parse(text, f"{tar}: {key}"), jpeg)


def read_sample(tar: Path, offset: int) -> Sample:
    """The one sample that begins at ``offset``, as its index row says. Raises ValueError as read_shard."""
    with tar.open("rb") as file:
        file.seek(offset)
        for _, key, jpeg, text in _members(file, str(tar)):
            return Sample(_parse(text, f"{tar}: {key}"), jpeg)
    raise ValueError(f"{tar}: no sample begins at byte {offset}")


def read_records(tar: Path) -> Iterator[Record]:
    """The records of a shard without their pictures, which are passed over. Raises ValueError as read_shard."""
    try:
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                if member.name.endswith(".json") and (file := archive.extractfile(member)):
                    yield _parse(file.read(), f"{tar}: {member.name.removesuffix('.json')}")
    except tarfile.TarError as error:
        raise ValueError(f"{tar} is not a whole tar: {error}") from None


def read_samples(tar: Path, index: Path, keys: Iterable[str]) -> list[Sample]:
    """The samples with these keys, in their order; the others are passed over unread.

    Raises KeyError for one that the index lacks, and ValueError as :func:`read_shard`.
    """
    rows = pq.read_table(index, columns=["key", "offset"])
    offsets: dict[str, int] = {}
    for key, offset in zip(rows["key"].to_pylist(), rows["offset"].to_pylist(), strict=True):
        offsets.setdefault(key, offset)
    return [read_sample(tar, offsets[key]) for key in keys]


def _members(file: BinaryIO, name: str) -> Iterator[tuple[int, str, bytes, bytes]]:
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


def _parse(text: bytes, name: str) -> Record:
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


def sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(build: Path) -> list[str]:
    """Everything that is wrong with a finished build folder, one line each; empty when all agrees.

    Every tar is compared with the manifest (size and sha256) and with its index, column by column; every record with
    its schema; every JPEG must decode at the recipe's size. What is damaged is named: shard, key and member. The tars
    of ``faces/``, where they were kept, are held against their own index in the same way. In memory: an index per CPU.
    """
    if not (build / "recipe.yaml").is_file():
        return ["recipe.yaml is missing"]
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    size = yaml.safe_load((build / "recipe.yaml").read_text(encoding="utf-8"))["faces"]["size"]
    promised = {shard["name"]: shard for shard in manifest["shards"]}
    tars = {path.stem: path for path in sorted((build / "shards").glob("*.tar"))}
    indices = {path.stem for path in (build / "index").glob("*.parquet")}
    problems = []
    if (total := sum(shard["samples"] for shard in promised.values())) != manifest["counts"]["samples"]:
        problems.append(f"the manifest counts {manifest['counts']['samples']} samples, its shards have {total}")
    problems += [f"shards/{name}.tar is missing" for name in promised if name not in tars]
    problems += [f"shards/{name}.tar is not in the manifest" for name in tars if name not in promised]
    problems += [f"index/{name}.parquet is not in the manifest" for name in sorted(indices - promised.keys())]
    todo = [tar for name, tar in tars.items() if name in promised] + sorted((build / "faces").glob("*.tar"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda tar: _check(tar, promised.get(tar.stem), size), todo):
            problems += found
    return problems


def _check(tar: Path, promised: dict[str, Any] | None, size: int) -> list[str]:
    """What is wrong with one tar and its index. ``promised``: its entry in the manifest, which faces have none in."""
    folder = tar.parents[1] / "index" if promised else tar.parent
    name, index = f"{tar.parent.name}/{tar.name}", f"{folder.name}/{tar.stem}.parquet"
    try:
        table = pq.read_table(folder / f"{tar.stem}.parquet")
    except FileNotFoundError:
        return [f"{index} is missing"]
    except (OSError, pa.ArrowException) as error:
        return [f"{index} cannot be read: {' '.join(str(error).split())[:200]}"]
    if table.schema.names != INDEX_SCHEMA.names:
        return [f"{index} was written by another version of emocap"]
    rows = table.to_pylist()
    if promised and promised["samples"] != len(rows):
        return [f"{index} has {len(rows)} rows, the manifest says {promised['samples']}"]
    problems = []
    try:
        with tar.open("rb") as file:
            for place, (member, row) in enumerate(itertools.zip_longest(_members(file, name), rows)):
                if member is None:
                    problems.append(f"{name} ends before {row['key']}: {place} of {len(rows)} samples")
                    break
                if row is None or member[1] != row["key"]:
                    where = f"stands where {index} has {row['key']}" if row else f"is not in {index}"
                    problems.append(f"{name}: {member[1]} {where}")
                    break
                if wrong := _compare(tar.stem, member, row, size):
                    problems.append(f"{name}: {member[1]}{wrong}")
    except ValueError as error:
        problems.append(str(error))
    if promised and not problems and sha256(tar) != promised["sha256"]:
        length = tar.stat().st_size
        sizes = f"{length} bytes, not {promised['bytes']}, and " if length != promised["bytes"] else ""
        problems.append(f"{name} has {sizes}another sha256 than the manifest says, though its samples are whole")
    return problems


def _compare(shard: str, member: tuple[int, str, bytes, bytes], row: dict[str, Any], size: int) -> str | None:
    """What is wrong with one sample, in words that follow its key."""
    offset, _, jpeg, text = member
    if zlib.crc32(jpeg) != row["jpg_crc32"]:
        return ".jpg is not the picture that was written"
    if zlib.crc32(text) != row["json_crc32"]:
        return ".json is not the record that was written"
    try:
        expected = _index_row(shard, offset, _parse(text, ""), jpeg, text)
    except ValueError as error:
        return str(error)
    if different := [column for column, value in expected.items() if row[column] != value]:
        return f": the index has another {', '.join(different)}"
    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            if picture.size != (size, size):
                return f".jpg has {picture.width} x {picture.height} pixels, not {size} x {size}"
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f".jpg does not decode: {error}"
    return None
