"""DISFA: intensity of action units, one file per person and unit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of
from emocap.benchmarks.readers.coded import Folds, numbered, splits_of
from emocap.benchmarks.readers.fold_lists import has_lists, read_lists
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import lines_of

_UNITS = (1, 2, 4, 6, 9, 12, 25, 26)
"""The columns of the fold lists."""


class DISFA(Layout):
    """``ActionUnit_Labels/SN001/SN001_au1.txt`` with lines of frame and intensity (``1,0``), beside
    ``img/SN001/0.png``. Where there are no ActionUnit_Labels, ME-GraphAU's lists of folds are read instead; they know
    an intensity of 2 or more only as present.
    """

    reader: Literal["disfa"]
    images: str = "img"
    """Folder of the frames."""
    first: int = 0
    """Number of the picture of the first frame, which the annotation calls 1; ME-GraphAU counts pictures from 0."""
    folds: Folds = []
    """Who is tested in which fold; empty: all is for testing, and the card's ``split`` divides. Lists of folds say it
    themselves."""

    def read(self, root: Path) -> Iterator[Example]:
        """From the files of all units, by person and frame."""
        if not (root / "ActionUnit_Labels").is_dir() and has_lists(root, "DISFA"):
            yield from read_lists(root, "DISFA", _UNITS, self.images)
            return
        folder = folder_of(root, "ActionUnit_Labels")
        people = sorted(path for path in folder.iterdir() if path.is_dir())
        if not people:
            raise UserError(f"{folder} has no folders of people such as SN001")
        for person in people:
            yield from self._person(root, person)

    def _person(self, root: Path, folder: Path) -> Iterator[Example]:
        person = folder.name
        coded = {
            int(found[1]): _intensities(path)
            for path in folder.iterdir()
            if (found := re.fullmatch(rf"{re.escape(person)}_au(\d+)\.txt", path.name, re.IGNORECASE))
        }
        if not coded:
            raise UserError(f"{folder} has no files such as {person}_au1.txt")
        splits = splits_of(person, self.folds, str(folder))
        below = f"{self.images}/{person}"
        names = numbered(root / below)
        for frame in sorted(set().union(*coded.values())):
            number = frame - 1 + self.first
            name = f"{below}/{names.get(number, f'{number}.png')}"
            units = {unit: frames[frame] for unit, frames in sorted(coded.items()) if frame in frames}
            yield Example(name, Picture(root / name), splits, units=units, subject=person)


def _intensities(path: Path) -> dict[int, float]:
    """Frame, counted from 1 → intensity 0 to 5."""
    frames: dict[int, float] = {}
    for number, line in enumerate(lines_of(path), start=1):
        found = re.fullmatch(r"(\d+)\s*,\s*([0-5])", line)
        if found is None or found[1] == "0":
            raise UserError(
                f"{path}, line {number}: {line!r} is not a frame, counted from 1, and an intensity, 0 to 5"
            )
        if int(found[1]) in frames:
            raise UserError(f"{path}, line {number}: frame {found[1]} comes twice")
        frames[int(found[1])] = float(found[2])
    return frames


READER = DISFA
