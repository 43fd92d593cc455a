"""Tables as they come, CSV, TSV or Parquet: every cell as text."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.core.errors import UserError, few
from emocap.io.tables import check_commas, read_text


@dataclass(frozen=True)
class Row:
    """A row and where it stands, such as "line 7"."""

    where: str
    cells: list[str]


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
    table = _parquet(path) if path.suffix == ".parquet" else _text(path, read_text(path))
    if not table.rows:
        raise UserError(f"{path} has a header and no rows")
    named = [name for name in table.columns if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise UserError(f"{path} has several columns called {', '.join(twice)}; give each a name of its own")
    return table


def _text(path: Path, text: str) -> Table:
    if not text.strip():
        raise UserError(f"{path} is empty; it should be a table of labels with a header")
    tabs = path.suffix == ".tsv"
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
    rows = []
    try:
        columns = [name.strip() for name in next(reader)]
        if not tabs:
            check_commas(path, columns)
        for cells in reader:
            where = f"line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(columns):
                raise UserError(f"{path}, {where} has {len(cells)} cells, and the header {len(columns)}")
            rows.append(Row(where, cells))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    return Table(path, columns, rows)


def _parquet(path: Path) -> Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    flat = [place for place, field in enumerate(table.schema) if _has_texts(field.type)]
    columns = [[_cell(cell) for cell in table.column(place).to_pylist()] for place in flat]
    rows = [Row(f"row {number}", list(cells)) for number, cells in enumerate(zip(*columns, strict=True), 1)]
    return Table(path, [table.schema.names[place] for place in flat], rows)


def _has_texts(kind: pa.DataType) -> bool:
    """Whether cells of a type can be labels or names; lists and pictures cannot."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _cell(cell: Any) -> str:
    """As text; whole numbers without a fraction, which columns with gaps have in pandas, and its NaN as nothing."""
    if cell is None or cell != cell:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
