"""The rows of a label table as people save them: which column means what, and what no table should hold."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from emocap.core.errors import UserError
from emocap.io.storage import place
from emocap.io.tables import CsvForm, Table, open_table

FIELDS = ("emotion", "subject", "split")
NUMBERS = ("intensity", "valence", "arousal")
PLACES = ("x", "y", "x0", "y0", "x1", "y1")

COLUMNS = (*FIELDS, "emotions", "action_units", *NUMBERS, *PLACES, "time", "frame")
"""The columns that mean something; a label table may have others, which are kept as they are."""

_ALIASES = {
    "path": (
        *("file", "file_name", "filename", "file_path", "filepath", "image", "image_path", "image_file", "image_name"),
        *("img", "img_path", "video", "video_path", "_key_"),
    ),
    "emotion": ("label", "emotion_label", "expression"),
    "time": ("timestamp",),
}
"""What other people's tables call these columns (``_key_``: WebDataset's ``__key__``); the name itself comes first."""

_CSV = CsvForm(guess=True, skip_space=True, strict=True)


def meanings(header: Sequence[str], columns: Mapping[str, str], where: str) -> dict[int, str]:
    """Place of a column → what it is: a name of COLUMNS or ``path``, else its own name.

    columns: the user's own word for it, column → meaning. Case, space around a name and the usual other names make no
    difference. Raises UserError where two columns are the same, and for a column of ``columns`` that is not there.
    """
    names = [_clean(name) for name in header]
    given = {_fold(name): meaning for name, meaning in columns.items()}
    if missing := [name for name in columns if _fold(name) not in map(_fold, names)]:
        there = ", ".join(filter(None, names)) or "none"
        raise UserError(f"{where} has no column {', '.join(missing)}; its columns are {there}")
    found = {place: given.get(_fold(name)) or _own(name) for place, name in enumerate(names) if name}
    for meaning, others in _ALIASES.items():
        if meaning in found.values():
            continue
        called = [place for place, name in found.items() if _fold(name) in others and _fold(name) not in given]
        if len(called) > 1 and meaning != "time":
            which = ", ".join(found[place] for place in called)
            raise UserError(
                f"{where} has no column {meaning} and several that may be it, {which}; "
                f"say which one by columns: {{{found[called[0]]}: {meaning}}} in the source"
            )
        found.update(dict.fromkeys(called[:1], meaning))
    if twice := [name for name, count in Counter(found.values()).items() if count > 1]:
        which = ", ".join(repr(names[place]) for place, name in found.items() if name == twice[0])
        raise UserError(f"{where} has the column {twice[0]} more than once ({which}); leave one of them")
    return found


def rows(labels: str, columns: Mapping[str, str], rename: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row of a label table is, and what it holds, by meaning. Raises UserError naming file and line."""
    try:
        where = place(labels)
        with where.open(where.path) as file:
            table = open_table(where.path, _CSV, file)
            yield from _rows(labels, table, columns, rename)
    except FileNotFoundError:
        raise UserError(f"sources: there is no label table {labels}") from None
    except UnicodeDecodeError:
        raise UserError(f"{labels} is not UTF-8; save it as such") from None
    except (OSError, csv.Error, pa.ArrowException) as error:
        raise UserError(f"{labels} cannot be read: {' '.join(str(error).split())}") from None


def _rows(
    labels: str, table: Table, columns: Mapping[str, str], rename: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    found = meanings(table.columns, columns, labels)
    if "path" not in found.values():
        there = ", ".join(filter(None, map(_clean, table.columns))) or "none"
        raise UserError(f"{labels} has no column path; its columns are {there}")
    names = {place: _clean(table.columns[place]) for place in found}
    explicit = set(map(_fold, columns))
    for row in table.rows:
        if not any(_filled(cell) for cell in row.cells):
            continue
        if any(_filled(cell) for cell in row.cells[len(table.columns) :]):
            raise UserError(
                f"{labels}, {row.where}: {len(row.cells)} cells, and the header names {len(table.columns)} columns; "
                "a cell that holds the separator is put into quotes"
            )
        cells = {place: row.cells[place] for place in found if place < len(row.cells)}
        for at, cell in cells.items():
            if problem := _problem(cell, found[at] in ("path", *COLUMNS), len(table.columns)):
                raise UserError(f"{labels}, {row.where}: {found[at]} {problem}")
        meant = {
            # A class number is no name: the column keeps its own where nobody said what its numbers mean.
            names[at] if _is_number(found[at], names[at], cell, rename, explicit) else found[at]: cell
            for at, cell in cells.items()
        }
        yield row.where, meant


def _is_number(meaning: str, name: str, cell: Any, rename: Mapping[str, str], explicit: set[str]) -> bool:
    text = str(cell).strip()
    return (
        meaning == "emotion"
        and _fold(name) in _ALIASES["emotion"]
        and _fold(name) not in explicit
        and text not in rename
        and text.lstrip("-").replace(".", "", 1).isdigit()
    )


def _problem(cell: Any, known: bool, columns: int) -> str | None:
    """What is wrong with a cell, where something is."""
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    lines = text.splitlines()
    if len(lines) > 1 and (known or any(_cells(line) == columns > 1 for line in lines[1:-1])):
        return f"holds {len(lines)} lines ({lines[0][:40]!r} ...); is there a stray quote before it?"
    control = next((sign for sign in text if unicodedata.category(sign) == "Cc" and sign not in "\t\r\n"), None)
    return f"holds the control character U+{ord(control):04X} in {text[:40]!r}" if control else None


def _cells(line: str) -> int:
    """How many cells a line would be, by the separator that parts it into the most."""
    return 1 + max(line.count(mark) for mark in ",;\t|")


def _filled(cell: Any) -> bool:
    return cell is not None and bool(str(cell).strip())


def _clean(name: str) -> str:
    """A column's name without what does not show: space around it, marks of byte order and width."""
    return unicodedata.normalize("NFC", str(name)).strip().strip("\ufeff\u200b").strip()


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", _clean(name).casefold())


def _own(name: str) -> str:
    folded = _fold(name)
    return folded if folded in COLUMNS or folded == "path" else name
