"""Parquet files, written row by row or at once, there whole or not at all."""

# Tested in tests/dataset/test_select.py.

import contextlib
import json
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.core.errors import UserError
from emocap.core.files import replacing


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


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file so that it is there whole or not at all."""
    with replacing(path) as scratch:
        pq.write_table(table, scratch)


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column → the names of its classes, for columns that Hugging Face datasets wrote as ClassLabel: whole numbers,
    whose names stand in the schema's metadata.
    """
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        named = {name: feature["names"] for name, feature in features.items() if feature.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # it is another's, and may be anything
        return {}
    return {
        name: names
        for name, names in named.items()
        if name in schema.names
        and pa.types.is_integer(schema.field(name).type)
        and isinstance(names, list)
        and all(isinstance(one, str) for one in names)
    }


def class_name(names: list[str], number: int | None) -> str | None:
    """The name of a class; None where there is no number, or -1, as in splits without labels. Raises UserError."""
    if number is None or number == -1:
        return None
    if not 0 <= number < len(names):
        raise UserError(f"class {number}, and only {len(names)} have names")
    return names[number]
