"""The forms that tables of labels have: a row per label, or a row per item with a column per annotator."""

# Tested in tests/annotators/test_annotations.py.

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emocap.annotators.tables import Table
from emocap.core.errors import UserError

_AMER = re.compile(r"discrete(\d+)")
_STREET = re.compile(r"(.+)_(\d+)")


@dataclass(frozen=True)
class Cell:
    """What a table says of one annotator and one item, as it is written; empty where it says nothing."""

    item: str
    annotator: str
    text: str
    where: str


@dataclass(frozen=True)
class Long:
    """A row per label: columns item, annotator, label and perhaps prediction."""


@dataclass(frozen=True)
class Wide:
    """A row per item."""

    item: str
    """The column of the items' names."""
    columns: dict[str, dict[str, str]]
    """Task → annotator → column. A task is a question of its own, such as a perspective of STREET; the only task of a
    table has no name."""
    minus_one: bool = False
    """Whether −1 may stand for no label, besides nothing; what else the table has says whether it does."""


def form_of(table: Table, needed: str, item: str | None = None, raters: Sequence[str] = ()) -> Long | Wide:
    """The form of a table, by its columns, or the wide one whose columns are named here.

    needed: what a long table must have, label or prediction. Recognised are long tables, AMER's (name, discrete1,
    discrete2 ...) and STREET's (an item, then Perspective_1, Perspective_2 ...), as QuMAB (2507.17653) has
    them. Raises UserError for another.
    """
    if (item is None) != (not raters):
        raise UserError("a wide table needs both: the column of items, and the columns of raters")
    if {"item", "annotator", needed} <= set(table.columns):
        return Long()
    if item is not None:
        for column in (item, *raters):
            table.place(column)
        return Wide(item, {"": {name: name for name in raters}})
    amer = {found[1]: name for name in table.columns if (found := _AMER.fullmatch(name))}
    if "name" in table.columns and len(amer) > 1:
        return Wide("name", {"": _by_number(amer)})
    street: dict[str, dict[str, str]] = {}
    for name in table.columns[1:]:
        if found := _STREET.fullmatch(name):
            street.setdefault(found[1], {})[found[2]] = name
    if street:
        if alone := [name for columns in street.values() if len(columns) == 1 for name in columns.values()]:
            raise UserError(f"{table.path}: {', '.join(alone)} is the only column of its perspective; mend its name")
        return Wide(table.columns[0], {task: _by_number(columns) for task, columns in street.items()}, minus_one=True)
    raise UserError(
        f"{table.path} is neither long (item, annotator, {needed}) nor like AMER's (name, discrete1, discrete2 ...) "
        f"nor like STREET's (..._1, ..._2 ...): its columns are {table.named_columns}; "
        "for a wide table give item and rater"
    )


def _by_number(columns: dict[str, str]) -> dict[str, str]:
    return dict(sorted(columns.items(), key=lambda pair: int(pair[0])))


def cells_of(table: Table, form: Long | Wide, column: str) -> dict[str, list[Cell]]:
    """Task → its cells, in the order of the table. column: of a long table, label or prediction.

    Raises UserError for a row without the name of its item or annotator.
    """
    if isinstance(form, Long):
        return {"": list(_long(table, column))}
    return {task: list(_wide(table, form, columns)) for task, columns in form.columns.items()}


def _long(table: Table, column: str) -> Iterator[Cell]:
    item, annotator, text = (table.place(name) for name in ("item", "annotator", column))
    for row in table.rows:
        cell = Cell(row.cells[item].strip(), row.cells[annotator].strip(), row.cells[text], row.where)
        if not (cell.item and cell.annotator):
            raise UserError(f"{table.path}, {row.where}: no {'annotator' if cell.item else 'item'}")
        yield cell


def _wide(table: Table, form: Wide, columns: dict[str, str]) -> Iterator[Cell]:
    item = table.place(form.item)
    places = {annotator: table.place(name) for annotator, name in columns.items()}
    for row in table.rows:
        name = row.cells[item].strip()
        if not name:
            raise UserError(f"{table.path}, {row.where}: no {form.item}")
        for annotator, place in places.items():
            yield Cell(name, annotator, row.cells[place], row.where)


def plain(text: str) -> str:
    """A label as it is compared: without space around it, and 3 for 3.0, as tables of numbers with gaps have it."""
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", " ".join(text.split()))
