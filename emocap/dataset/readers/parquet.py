"""Parquet files that hold pictures, as Hugging Face datasets do: row by row, with little memory."""

# Tested in tests/dataset/readers/test_tars.py.

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.core.errors import UserError
from emocap.dataset.label_rows import COLUMNS, meanings
from emocap.dataset.readers.base import MOST_BYTES, Frame, InputKind, InputReader, Member, guarded, too_many
from emocap.io.images import ImageError
from emocap.io.parquet import class_name, class_names
from emocap.io.storage import Unreachable
from emocap.schema.shards import Reject

_BATCH = 16
"""Rows of a Parquet file that are held in memory at a time."""


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    with reader.place.open(reader.item.path) as file:
        for member in guarded(read_parquet(file, reader.source.column, reader.source.columns)):
            yield from reader.decode(member)


def read_parquet(file: BinaryIO, column: str, columns: Mapping[str, str] = MappingProxyType({})) -> Iterator[Member]:
    """The pictures in a column of a Parquet file, bytes or structs of {bytes, path}, row by row.

    columns: the user's own names for the columns of labels, name → meaning. A picture's name is the struct's path, or
    else the number of its row. Raises ImageError with reason broken_archive, no_such_column, bad_labels, no_pictures.
    A damaged group of rows is rejected as a member, and the next one is read.
    """
    try:
        table = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        schema = table.schema_arrow
    except Unreachable:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ImageError("broken_archive", _line(error)) from None
    if column not in schema.names or not _holds_pictures(schema.field(column).type):
        present = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise ImageError("no_such_column", f"no column {column} of bytes or {{bytes, path}}; there are {present}")
    if table.metadata.num_rows == 0:
        raise ImageError("no_pictures", "no rows")
    labels = _labels(schema, column, columns)
    classes = class_names(schema)
    first = 0
    for group in range(table.num_row_groups):
        row = first
        first += table.metadata.row_group(group).num_rows
        try:
            for batch in table.iter_batches(_BATCH, row_groups=[group], columns=[column, *labels], use_threads=False):
                for cells in batch.to_pylist():
                    yield _member(row, cells.pop(column), cells, labels, classes)
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


def _labels(schema: pa.Schema, column: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Column → its meaning, for those that are labels. Numbers of classes without names are none, unless the user says
    so.
    """
    names = [name for name in schema.names if name != column]
    try:
        found = {names[place]: meaning for place, meaning in meanings(names, columns, "it").items()}
    except UserError as error:
        raise ImageError("bad_labels", str(error)) from None
    bare = {
        name
        for name, meaning in found.items()
        if meaning == "emotion" != name.strip().lower() and pa.types.is_integer(schema.field(name).type)
    } - class_names(schema).keys()
    return {
        name: meaning
        for name, meaning in found.items()
        if name in columns or (meaning in COLUMNS and name not in bare)
    }


def _member(
    row: int,
    cell: bytes | dict[str, Any] | None,
    cells: dict[str, Any],
    labels: Mapping[str, str],
    classes: Mapping[str, list[str]],
) -> Member:
    data, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    name = path or str(row)
    try:
        meant = {
            meaning: class_name(classes[column], cells[column]) if column in classes else cells[column]
            for column, meaning in labels.items()
        }
    except UserError as error:
        return Member(name, ImageError("bad_labels", f"row {row}: {error}"), {})
    if data is None:
        return Member(name, ImageError("no_image", f"row {row} holds no bytes"), meant)
    return Member(name, too_many(len(data)) if len(data) > MOST_BYTES else data, meant)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


KIND = InputKind("parquet", _read, (".parquet",), "Parquet files", has_members=True)
