"""BP4D: occurrence of action units, one table per person and task."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of
from emocap.benchmarks.readers.coded import Folds, numbered, occurrences, splits_of
from emocap.benchmarks.readers.fold_lists import has_lists, read_lists
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.tables import rows_of

_UNITS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
"""The columns of the fold lists."""


class BP4D(Layout):
    """``AUCoding/AU_OCC/F001_T1.csv`` with a header of FACS numbers, the first column being the frame, beside
    ``img/F001/T1/2440.jpg``. Where there is no AUCoding, ME-GraphAU's lists of folds are read instead.

    Every unit of the tables is given, those coded 9 (unknown) are not. Frames are found with zeros before their number
    or without.
    """

    reader: Literal["bp4d"]
    images: str = "img"
    """Folder of the frames."""
    folds: Folds = []
    """Who is tested in which fold; empty: all is for testing, and the card's ``split`` divides. Lists of folds say it
    themselves."""

    def read(self, root: Path) -> Iterator[Example]:
        """From the tables, by person, task and frame."""
        if not (root / "AUCoding").is_dir() and has_lists(root, "BP4D"):
            yield from read_lists(root, "BP4D", _UNITS, self.images)
            return
        folder = folder_of(root, "AUCoding/AU_OCC", "AUCoding")
        tables = [
            (p, found) for p in sorted(folder.iterdir()) if (found := re.fullmatch(r"(\w+)_(T\d+)\.csv", p.name))
        ]
        if not tables:
            raise UserError(f"{folder} has no tables such as F001_T1.csv")
        for path, found in tables:
            yield from self._table(root, path, found[1], found[2])

    def _table(self, root: Path, path: Path, person: str, task: str) -> Iterator[Example]:
        header, *rows = [cells for _, cells in rows_of(path)] or [[]]
        units = [int(name) for name in header[1:] if name.strip().isdecimal()]
        # A table without a header begins with a frame and codes, which come more than once.
        if not units or len({*units, 0}) != len(header):
            raise UserError(f"{path}: its header is not a list of FACS numbers")
        splits = splits_of(person, self.folds, str(path))
        below = f"{self.images}/{person}/{task}"
        names = numbered(root / below)
        known: dict[tuple[str, ...], dict[int, float]] = {}  # frames that are coded alike share what they say
        for line, (frame, *codes) in enumerate(rows, start=2):
            if len(codes) != len(units) or not frame.strip().isdecimal():
                raise UserError(f"{path}, line {line}: not a frame and {len(units)} codes")
            name = f"{below}/{names.get(int(frame), f'{int(frame)}.jpg')}"
            if (key := tuple(codes)) not in known:
                known[key] = occurrences(zip(units, map(str.strip, codes), strict=True), f"{path}, line {line}")
            yield Example(name, Picture(root / name), splits, units=known[key], subject=person)


READER = BP4D
