"""The tables that emotion wheels come as: Excel workbooks, or the same as csv."""

# Tested in tests/metrics/wheel/test_resources.py.

from collections.abc import Iterator, Sequence
from pathlib import Path

from emocap.core.errors import UserError
from emocap.io.tables import CsvForm, open_table
from emocap.io.text import ENCODINGS

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
    table = open_table(path, CsvForm(encodings=ENCODINGS, skip_space=True))
    table.require(columns)
    for number, (_, row) in enumerate(table.records(), start=2):
        where = f"{path}, row {number}"
        cells = {name: cell for name, cell in row.items() if name and cell is not None}
        if odd := [(name, cell) for name, cell in cells.items() if not isinstance(cell, str)]:
            raise UserError(f"{where}: {odd[0][1]!r} in {odd[0][0]} is no text")
        texts = {name: str(cells.get(name, "")).strip().lower() for name in row if name}
        if any(texts.values()):
            yield where, texts
