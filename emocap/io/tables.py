"""The one reader of tables: CSV and TSV, Parquet, and Excel workbooks, row by row.

    table = open_table(Path("labels.csv"))
    table.require(["path", "emotion"])
    for row in table.rows:
        print(row.where, row.cells)

Every row knows where it stands, for messages about it.
"""

# Tested in tests/annotators/test_tables.py.

import csv
import io
import itertools
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.core.errors import UserError
from emocap.io.parquet import class_name, class_names
from emocap.io.text import ENCODINGS, read_text

_LONGEST = 10_000_000
"""Characters of a cell; the csv module's own limit is short for a text with its reasoning."""
_BATCH = 1000


@dataclass(frozen=True)
class Row:
    """A row, where it stands, such as "line 7", and its cells: texts, or what Parquet and Excel have there."""

    where: str
    cells: list[Any]


@dataclass(frozen=True)
class Table:
    """A table with a header. Its rows can be gone through once, with little memory."""

    name: str
    """The file, for messages."""
    columns: list[str]
    """The header, as it stands."""
    rows: Iterator[Row]

    def require(self, columns: Sequence[str]) -> None:
        """Raises UserError where a column is missing."""
        if missing := [column for column in columns if column not in self.columns]:
            there = ", ".join(filter(None, self.columns))
            raise UserError(f"{self.name} has no column {', '.join(missing)}; there are {there}")

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where each row stands, and column → cell; missing cells are None, surplus ones are dropped."""
        for row in self.rows:
            cells = [*row.cells, *[None] * (len(self.columns) - len(row.cells))]
            yield row.where, dict(zip(self.columns, cells, strict=False))


@dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written."""

    delimiter: str | None = None
    """Between cells; None: tabs in .tsv, commas elsewhere."""
    encodings: Sequence[str] = ("utf-8-sig",)
    """Tried in turn."""
    skip_space: bool = False
    """Whether space after a delimiter counts as nothing."""
    strict: bool = False
    """Whether misplaced quotes are errors."""
    guess: bool = False
    """Whether a header without the delimiter may be parted by semicolons, tabs or bars instead."""


def open_table(path: Path | str, form: CsvForm | None = None, file: BinaryIO | None = None) -> Table:
    """A table, by its ending: .parquet, .xlsx, and text in any other.

    file: the open file, where the path is not one of this machine. Raises UserError, while rows are read too, for a
    file that is absent, empty or not what its ending says.
    """
    suffix = PurePosixPath(str(path)).suffix.lower()
    if suffix == ".parquet":
        return _parquet(path, file)
    if suffix == ".xlsx":
        return _workbook(path, file)
    rows = csv_rows(path, form or CsvForm(), file)
    header = next(rows, None)
    return Table(str(path), header.cells if header else [], rows)


def csv_rows(path: Path | str, form: CsvForm, file: BinaryIO | None = None) -> Iterator[Row]:
    """The rows of a CSV file, its header among them; rows without any cell are passed over."""
    csv.field_size_limit(_LONGEST)
    delimiter = form.delimiter or ("\t" if str(path).endswith(".tsv") else ",")
    with _text(path, form.encodings, file) as text:
        try:
            header = text.readline()
            if form.guess:
                delimiter = _delimiter(header, delimiter)
            lines = itertools.chain([header] if header else [], text)
            reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=form.skip_space, strict=form.strict)
            yield from _parted(reader, path)
        except UnicodeDecodeError:
            raise UserError(f"{path} is not UTF-8; save it as such") from None


def _parted(reader: Any, path: Path | str) -> Iterator[Row]:
    """The rows of a csv.reader that hold a cell."""
    begin = 1
    try:
        for cells in reader:
            if cells:
                yield Row(f"line {reader.line_num}", cells)
            begin = reader.line_num + 1
    except csv.Error as error:
        since = f" since line {begin}; is there a stray quote?" if reader.line_num > begin else ""
        raise UserError(f"{path}, line {reader.line_num}: {error}{since}") from None


def _delimiter(header: str, usual: str) -> str:
    """What parts a header: the usual sign where it occurs in it, else the one of some others that does most often."""
    names = re.sub(r'"[^"]*"', "", header)
    marks = [usual, *(mark for mark in ",;\t|" if mark != usual)]
    return usual if usual in names else max(marks, key=names.count)


def table_of(path: Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a benchmark's CSV file, in one of ENCODINGS, with a header that has at least ``columns``.

    Raises UserError where it has not, or a row has fewer cells.
    """
    table = open_table(path, CsvForm(delimiter, ENCODINGS, skip_space=True))
    table.require(columns)
    for where, row in table.records():
        if any(row.get(column) is None for column in columns):
            raise UserError(f"{path}, {where}: fewer values than the header has columns")
        yield row


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number of the line and cells of each row of a benchmark's CSV file, with or without a header, in one of
    ENCODINGS.
    """
    for row in csv_rows(path, CsvForm(",", ENCODINGS, skip_space=True)):
        yield int(row.where.removeprefix("line ")), row.cells


def check_commas(path: Path, header: list[str]) -> None:
    """Raises UserError where a header was not parted, because its columns are parted by something else."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise UserError(f"{path}: its columns are parted by {name}; save it with commas")


def _text(path: Path | str, encodings: Sequence[str], file: BinaryIO | None) -> TextIO:
    """The text of a table, opened in the first of some encodings that it can be read in."""
    if file is not None:
        return io.TextIOWrapper(file, encoding=encodings[0], newline="")
    if len(encodings) == 1:
        return io.StringIO(read_text(Path(path)), newline="")
    # Some files are too large to be held at once: they are read twice instead.
    for encoding in encodings:
        try:
            with Path(path).open(encoding=encoding) as tried:
                for _ in tried:
                    pass
        except UnicodeDecodeError:
            continue
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        return Path(path).open(encoding=encoding, newline="")
    raise UserError(f"{path} is text in none of {', '.join(encodings)}")


def _parquet(path: Path | str, file: BinaryIO | None) -> Table:
    try:
        table = pq.ParquetFile(file or path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    columns = list(table.schema_arrow.names)
    classes = {columns.index(name): names for name, names in class_names(table.schema_arrow).items()}

    def rows() -> Iterator[Row]:
        number = 0
        for batch in table.iter_batches(_BATCH, use_threads=False):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                cells = list(values)
                try:
                    for place, names in classes.items():
                        cells[place] = class_name(names, cells[place])
                except UserError as error:
                    raise UserError(f"{path}, row {number}: {columns[place]}: {error}") from None
                yield Row(f"row {number}", cells)
                number += 1

    return Table(str(path), columns, rows())


def sheet_rows(path: Path | str, sheet: str | None = None, file: BinaryIO | None = None) -> list[Row]:
    """All rows of a sheet of an Excel workbook, every one as long as the longest. sheet: its name; None: the first.

    Raises UserError for a file that is absent or no workbook, and for a sheet that it does not have.
    """
    import openpyxl

    try:
        book = openpyxl.load_workbook(file or path, read_only=True, data_only=True)
        named = {one.title: one for one in book.worksheets}
        if sheet is not None and sheet not in named:
            raise UserError(f"{path} has no sheet {sheet}; there are {', '.join(named)}")
        chosen = named[sheet] if sheet is not None else book.worksheets[0]
        # Some programs write a wrong range into the file, which openpyxl would believe.
        chosen.reset_dimensions()
        cells = [list(row) for row in chosen.iter_rows(values_only=True)]
        book.close()
    except FileNotFoundError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (OSError, KeyError, ValueError, IndexError, SyntaxError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read as an Excel workbook: {error}") from None
    widest = max(map(len, cells), default=0)
    return [Row(f"row {number}", [*row, *[None] * (widest - len(row))]) for number, row in enumerate(cells, start=1)]


def _workbook(path: Path | str, file: BinaryIO | None) -> Table:
    """The first sheet of a workbook."""
    first, *rest = sheet_rows(path, file=file) or [Row("row 1", [])]
    columns = [str(name).strip() if name is not None else "" for name in first.cells]
    return Table(str(path), columns, iter(rest))
