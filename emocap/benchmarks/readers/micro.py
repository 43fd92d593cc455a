"""Micro-expressions: a workbook says who shows each one, from which frame to which, and what it is."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import field_validator

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, pictures_in
from emocap.core.errors import UserError, few
from emocap.io.media import Frames, Media, Picture
from emocap.io.tables import sheet_rows

Row = dict[str, str]
_FIELDS = ("subject", "clip", "onset", "label")


class Micro(Layout):
    """A workbook (.xlsx) with a row per micro-expression, and a folder of numbered frames for each.

    The row of column names is searched for: SAMM has explanations above it. Upper and lower case are the same in
    names of columns and folders: CAS(ME)³ writes ``spNO.1`` in the one and ``spNo.1`` in the other.
    """

    reader: Literal["micro"]
    table: list[str]
    """Where the workbook may lie below the data; the first that is there counts. ``*`` stands for any text, such as
    the date in a name."""
    sheet: str | None = None
    """Name of its sheet; null: the first one."""
    subject: str = "Subject"
    """Name of the column that says who is seen."""
    clip: str = "Filename"
    """Name of the column that says in which clip."""
    onset: str = "OnsetFrame"
    """Name of the column with the number of the first frame."""
    apex: str = "ApexFrame"
    """Name of the column with the number of the strongest frame."""
    offset: str = "OffsetFrame"
    """Name of the column with the number of the last frame."""
    label: str = "Estimated Emotion"
    """Name of the column that says what is shown."""
    folder: list[str]
    """Where the frames of a row may lie below the data, with {subject}, {clip}, {onset} and {label} filled in; a
    subject of digits has no zeros in front: {subject:0>2} fills it up. The first that is there counts."""
    take: Literal["clip", "apex"] = "clip"
    """clip: from onset to offset, or to the end where no offset is coded or it precedes the onset. apex: that frame
    alone, or the middle one of the clip where none is coded (our reading)."""

    @field_validator("table", "folder")
    @classmethod
    def _some(cls, places: list[str]) -> list[str]:
        if not places:
            raise ValueError("at least one place")
        try:
            for place in places:
                place.format(**dict.fromkeys(_FIELDS, "1"))
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"{place!r}: only {', '.join(_FIELDS)} can be filled in ({error})") from None
        return places

    def read(self, root: Path) -> Iterator[Example]:
        """From the rows of the workbook, in their order."""
        path = self._workbook(root)
        for where, row in self._rows(path):
            if missing := [getattr(self, field) for field in _FIELDS if not row[field]]:
                raise UserError(f"{path}, {where}: nothing below {', '.join(missing)}")
            if row["subject"].isdecimal():
                row["subject"] = str(int(row["subject"]))
            onset, apex, offset = (_number(row[field]) for field in ("onset", "apex", "offset"))
            if onset is None:
                raise UserError(f"{path}, {where}: the onset {row['onset']!r} is no number of a frame")
            places = [place.format(**row) for place in self.folder]
            folder = next(filter(None, (_inside(root, place) for place in places)), None)
            yield Example(
                name=places[0],
                media=self._media(folder or root / places[0], onset, apex, offset),
                label=row["label"],
                subject=row["subject"],
            )

    def _media(self, folder: Path, onset: int, apex: int | None, offset: int | None) -> Media:
        numbered = {_last_number(p): p for p in pictures_in(folder)} if folder.is_dir() else {}
        last = offset if offset is not None and offset >= onset else max(numbered, default=onset)
        frames = [numbered[number] for number in sorted(numbered) if onset <= number <= last]
        if self.take == "clip":
            return Frames(frames)
        if apex is None:
            return Picture(frames[len(frames) // 2]) if frames else Frames([])
        return Picture(numbered.get(apex, folder / f"frame {apex}"))

    def _workbook(self, root: Path) -> Path:
        """The one that is read; where none is there, the first place. Raises UserError for several of one name."""
        for place in self.table:
            if (root / place).is_file():
                return root / place
            # Excel's lock files begin with ~$.
            found = sorted(path for path in root.glob(place) if path.is_file() and not path.name.startswith("~$"))
            if len(found) > 1:
                raise UserError(f"{root} has several workbooks: {few([path.name for path in found])}; keep one")
            if found:
                return found[0]
        if others := sorted(path.name for path in root.glob("*.xlsx") if not path.name.startswith("~$")):
            wanted = " or ".join(self.table)
            raise UserError(f"{root} has no {wanted}; name {few(others)} in layout.table if that is it")
        return root / self.table[0]

    def _rows(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Where a row stands, and what is below the columns that are read."""
        wanted = {field: _key(getattr(self, field)) for field in (*_FIELDS, "apex", "offset")}
        header: dict[str, int] = {}
        for listed in sheet_rows(path, self.sheet):
            cells = list(map(_text, listed.cells))
            if not header:
                header = {_key(cell): place for place, cell in enumerate(cells)}
                if not set(wanted.values()) <= set(header):
                    header = {}
            elif any(cells[header[column]] for column in wanted.values()):
                yield listed.where, {field: cells[header[column]] for field, column in wanted.items()}
        if not header:
            names = ", ".join(getattr(self, field) for field in wanted)
            raise UserError(f"{path}: no row has all the columns {names}")


def _text(cell: object) -> str:
    whole = int(cell) if isinstance(cell, float) and cell.is_integer() else cell
    return "" if whole is None else str(whole).strip()


def _key(column: str) -> str:
    return " ".join(column.split()).casefold()


def _number(text: str) -> int | None:
    """A number of a frame; None for what is not coded (empty, or ``/`` in CASME II)."""
    return int(text) if text.isdecimal() else None


def _last_number(path: Path) -> int:
    """46 of img46.jpg, 5562 of 006_05562.jpg; −1 of a name without digits."""
    numbers = re.findall(r"\d+", path.stem)
    return int(numbers[-1]) if numbers else -1


def _inside(root: Path, place: str) -> Path | None:
    """The folder at a place below ``root``, upper and lower case being the same; None where there is none."""
    path = root
    for part in PurePosixPath(place).parts:
        step = path / part
        if not step.is_dir():
            same = (child for child in path.iterdir() if child.name.casefold() == part.casefold() and child.is_dir())
            if (found := next(same, None)) is None:
                return None
            step = found
        path = step
    return path


READER = Micro
