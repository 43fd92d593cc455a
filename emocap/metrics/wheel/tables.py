"""The tables that emotion wheels come as: Excel workbooks, or the same as csv."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from emocap.core.errors import UserError
from emocap.io.tables import table_of

Row = tuple[str, dict[str, str]]
"""Where it stands, and column → text, lower-case and without surrounding space; "" where a cell is blank."""


def rows_of(folder: Path, stem: str, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of ``stem``.xlsx or ``stem``.csv that are not blank throughout.

    Raises UserError where there is neither or both, where it cannot be read, has not at least these ``columns``, or
    has a cell that is no text.
    """
    found = [path for suffix in ("xlsx", "csv") if (path := folder / f"{stem}.{suffix}").is_file()]
    if not found:
        raise UserError(
            f"{folder} has neither {stem}.xlsx nor {stem}.csv: emotion wheels are wheel1 to wheel5, synonym and format"
        )
    if len(found) > 1:
        raise UserError(f"{folder} has both {stem}.xlsx and {stem}.csv: remove the one that should not count")
    (path,) = found
    for where, row in _workbook(path, columns) if path.suffix == ".xlsx" else _text(path, columns):
        told = {column: value.strip().lower() for column, value in row.items()}
        if any(told.values()):
            yield where, told


def _text(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    for number, row in enumerate(table_of(path, list(columns)), start=2):
        yield f"{path}, row {number}", {column: value or "" for column, value in row.items() if column}


def _workbook(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        first, *rest = list(book.worksheets[0].iter_rows(values_only=True)) or [()]
        book.close()
    except (OSError, KeyError, ValueError, IndexError, SyntaxError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read as an Excel workbook: {error}") from None
    names = [str(name).strip() if name is not None else "" for name in first]
    if missing := [column for column in columns if column not in names]:
        raise UserError(f"{path} has no column {', '.join(missing)}; there are {', '.join(filter(None, names))}")
    for number, cells in enumerate(rest, start=2):
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name and cell is not None}
        if odd := [(name, cell) for name, cell in row.items() if not isinstance(cell, str)]:
            raise UserError(f"{path}, row {number}: {odd[0][1]!r} in {odd[0][0]} is no text")
        yield f"{path}, row {number}", {name: str(row.get(name, "")) for name in names if name}
