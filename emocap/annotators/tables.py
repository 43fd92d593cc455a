"""Tables as they come, CSV, TSV or Parquet: every cell as text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.core.errors import UserError, few
from emocap.io.tables import CsvForm, Row, check_commas, open_table


@dataclass(frozen=True)
class Table:
    """A file with a header; every row has as many cells as there are columns, an empty cell where nothing is known."""

    path: Path
    columns: list[str]
    rows: list[Row]

    def place(self, column: str) -> int:
        """Where a column stands. Raises UserError where there is none of that name."""
        if column not in self.columns:
            raise UserError(f"{self.path} has no column {column}; its columns are {self.named_columns}")
        return self.columns.index(column)

    @property
    def named_columns(self) -> str:
        """The names of its columns in one line."""
        return few([name for name in self.columns if name])


def read_table(path: Path) -> Table:
    """The table in a file: Parquet by its ending, tabs between the cells of .tsv, commas in any other.

    Raises UserError for a file that is absent, empty or not in UTF-8, for rows that do not fit their header, and for
    columns of the same name.
    """
    table = _parquet(path) if path.suffix == ".parquet" else _text(path)
    if not table.rows:
        raise UserError(f"{path} has a header and no rows")
    named = [name for name in table.columns if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise UserError(f"{path} has several columns called {', '.join(twice)}; give each a name of its own")
    return table


def _text(path: Path) -> Table:
    read = open_table(path, CsvForm(strict=True))
    columns = [name.strip() for name in read.columns]
    if not any(columns):
        raise UserError(f"{path} is empty; it should be a table of labels with a header")
    if path.suffix != ".tsv":
        check_commas(path, columns)
    rows = []
    for row in read.rows:
        if len(row.cells) != len(columns):
            raise UserError(f"{path}, {row.where} has {len(row.cells)} cells, and the header {len(columns)}")
        rows.append(row)
    return Table(path, columns, rows)


def _parquet(path: Path) -> Table:
    read = open_table(path)
    schema = pq.read_schema(path)
    flat = [place for place, field in enumerate(schema) if _has_texts(field.type)]
    rows = [
        Row(f"row {number}", [_cell(row.cells[place]) for place in flat]) for number, row in enumerate(read.rows, 1)
    ]
    return Table(path, [read.columns[place] for place in flat], rows)


def _has_texts(kind: pa.DataType) -> bool:
    """Whether cells of a type can be labels or names; lists and pictures cannot."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _cell(cell: Any) -> str:
    """As text; whole numbers without a fraction, which columns with gaps have in pandas, and its NaN as nothing."""
    if cell is None or cell != cell:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
