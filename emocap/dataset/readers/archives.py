"""Pictures inside WebDataset tars and Parquet files, one after the other, with little memory."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.dataset.labels import COLUMNS
from emocap.io.images import SUFFIXES, ImageError
from emocap.io.storage import Unreachable

MOST_BYTES = 256 << 20
"""Of one picture, which is held in memory whole."""

_BATCH = 16
"""Rows of a Parquet file that are held in memory at a time."""


@dataclass(frozen=True)
class Member:
    """A picture in an archive: its name there, its bytes or why there are none, and the labels beside it."""

    name: str
    content: bytes | ImageError
    cells: dict[str, Any]


def read_whole(file: BinaryIO) -> bytes:
    """All bytes of a picture. Raises OSError, and ImageError with reason too_many_bytes."""
    blocks, size = [], 0
    while block := file.read(8 << 20):
        blocks.append(block)
        size += len(block)
        if size > MOST_BYTES:
            raise _too_many(size)
    return b"".join(blocks)


def read_tar(file: BinaryIO) -> Iterator[Member]:
    """The pictures in a tar, by their suffix, in order; everything else in it is passed over.

    Nothing is unpacked, unpickled or run. Raises ImageError with reason broken_archive or no_pictures, the former
    after what was whole.
    """
    count = 0
    try:
        with tarfile.open(fileobj=file, mode="r|", encoding="utf-8", errors="backslashreplace") as archive:
            while (entry := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would remember all that went by
                name = PurePosixPath(entry.name)
                if not entry.isfile() or name.suffix.lower() not in SUFFIXES or name.name.startswith("._"):
                    continue
                count += 1
                if entry.size > MOST_BYTES:
                    yield Member(str(name), _too_many(entry.size), {})
                    continue
                content = archive.extractfile(entry)
                data = content.read() if content else b""
                if len(data) < entry.size:
                    raise tarfile.ReadError(f"{name} is cut short")
                yield Member(str(name), data, {})
    except Unreachable:
        raise
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ImageError("broken_archive", f"after {count} pictures: {error}") from None
    if not count:
        raise ImageError("no_pictures", f"no member ends in {', '.join(SUFFIXES[:5])} ...")


def read_parquet(file: BinaryIO, column: str) -> Iterator[Member]:
    """The pictures in a column of a Parquet file, bytes or structs of {bytes, path}, row by row.

    A picture's name is the struct's path, else the number of its row. Raises ImageError with reason broken_archive,
    no_such_column or no_pictures; a group of rows that is damaged is told as a member, and the next one is read.
    """
    try:
        table = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        schema = table.schema_arrow
    except Unreachable:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ImageError("broken_archive", _line(error)) from None
    if column not in schema.names or not _holds_pictures(schema.field(column).type):
        told = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise ImageError("no_such_column", f"no column {column} of bytes or {{bytes, path}}; there are {told}")
    if table.metadata.num_rows == 0:
        raise ImageError("no_pictures", "no rows")
    wanted = [name for name in schema.names if name == column or name in COLUMNS]
    first = 0
    for group in range(table.num_row_groups):
        row = first
        first += table.metadata.row_group(group).num_rows
        try:
            for batch in table.iter_batches(_BATCH, row_groups=[group], columns=wanted, use_threads=False):
                for cells in batch.to_pylist():
                    yield _member(row, cells.pop(column), cells)
                    row += 1
        except Unreachable:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            yield Member(f"{row}", ImageError("broken_archive", f"rows {row} to {first - 1}: {_line(error)}"), {})


def _holds_pictures(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view))


def _member(row: int, cell: bytes | dict[str, Any] | None, cells: dict[str, Any]) -> Member:
    data, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    if data is None:
        return Member(path or str(row), ImageError("no_image", f"row {row} holds no bytes"), cells)
    if len(data) > MOST_BYTES:
        return Member(path or str(row), _too_many(len(data)), cells)
    return Member(path or str(row), data, cells)


def _too_many(size: int) -> ImageError:
    return ImageError("too_many_bytes", f"{size} bytes, at most {MOST_BYTES} are read")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
