"""Aff-Wild2, as the ABAW competitions hand it out: one line of annotation per frame of a video."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.benchmarks.readers.coded import occurrences
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import text_of

_UNITS = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
"""The last columns of the multi-task lists."""
_FOLDERS = {"expr": "EXPR_*_Challenge", "au": "AU_*_Challenge", "va": "VA_*_Challenge"}


@dataclass(frozen=True, slots=True)
class _FrameLabels:
    """What a line says, shared by all frames that say the same."""

    label: str | None = None
    units: Mapping[int, float] | None = None
    values: Mapping[str, float] | None = None


class AffWild2(Layout):
    """``EXPR_*_Challenge``, ``AU_*_Challenge`` or ``VA_*_Challenge``, in the data or in a folder of it such as
    ``annotations``, with ``Train_Set`` and ``Validation_Set``: one text file per video, whose first line names the
    columns. Line n after it is of ``cropped_aligned/<video>/0000n.jpg``. Where there is none of these folders,
    ``MTL_Challenge/{train,validation}_set.txt`` is read, in which every line begins with its picture.

    Lines that are not annotated (−1; −5 of valence and arousal) are left out, and so are frames without a crop in a
    video that has others: the dataset has no crop where no face was found, and annotations that go on after the last
    frame. The test set is not public: the validation set is tested, as in most papers. People are not named; a
    video counts as a person.
    """

    reader: Literal["aff-wild2"]
    task: Literal["expr", "au", "va"]
    crops: str = "cropped_aligned"
    """Folder of the pictures."""

    def read(self, root: Path) -> Iterator[Example]:
        """From the files of the training and the validation set, by video and frame."""
        if found := _below(root, _FOLDERS[self.task]):
            for folder, split in (("Train_Set", "train"), ("Validation_Set", "test")):
                files = sorted(p for p in (found / folder).glob("*.txt") if not p.name.startswith("._"))
                if not files:
                    raise UserError(f"{found / folder} has no annotation: a text file for every video")
                for path in files:
                    yield from self._video(root, path, split)
        elif found := _below(root, "MTL_Challenge"):
            for name, split in (("train_set.txt", "train"), ("validation_set.txt", "test")):
                yield from self._multi_task(root, found / name, split)
        else:
            raise UserError(f"data: neither {root} nor a folder in it has {_FOLDERS[self.task]} or MTL_Challenge")

    def _video(self, root: Path, path: Path, split: str) -> Iterator[Example]:
        header, *lines = _lines(path)
        tell = _READ[self.task](path, [name.strip() for name in header.split(",")])
        crops = _names(root / self.crops / path.stem)
        known: dict[str, _FrameLabels | None] = {}
        for number, line in enumerate(lines, start=1):
            if line not in known:
                known[line] = tell(line, f"{path}, line {number + 1}")
            picture = f"{number:05d}.jpg"
            if (labels := known[line]) and (crops is None or picture in crops):
                yield self._example(root, f"{self.crops}/{path.stem}/{picture}", split, path.stem, labels)

    def _multi_task(self, root: Path, path: Path, split: str) -> Iterator[Example]:
        videos: dict[str, set[str] | None] = {}
        for number, line in enumerate(_lines(path)[1:], start=2):
            picture, *columns = [column.strip() for column in line.split(",")]
            video, _, frame = picture.rpartition("/")
            where = f"{path}, line {number}"
            if len(columns) != 3 + len(_UNITS) or not video:
                raise UserError(f"{where}: not a picture, valence, arousal, expression and {len(_UNITS)} units")
            if video not in videos:
                videos[video] = _names(root / self.crops / video)
            crops = videos[video]
            if (labels := _of_all(self.task, columns, where)) and (crops is None or frame in crops):
                yield self._example(root, f"{self.crops}/{picture}", split, video, labels)

    def _example(self, root: Path, name: str, split: str, video: str, labels: _FrameLabels) -> Example:
        return Example(name, Picture(root / name), (split,), labels.label, labels.units, labels.values, subject=video)


def _lines(path: Path) -> list[str]:
    """All lines: an empty one must not shift the frames after it."""
    lines = [line.strip() for line in text_of(path).rstrip().splitlines()]
    if not lines:
        raise UserError(f"{path} is empty")
    return lines


def _below(root: Path, pattern: str) -> Path | None:
    """The first folder of that name in ``root`` or one below."""
    return next((p for p in [*sorted(root.glob(pattern)), *sorted(root.glob(f"*/{pattern}"))] if p.is_dir()), None)


def _names(folder: Path) -> set[str] | None:
    """The files of a video; None where there is no such folder, so that all its frames count as missing."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else None


def _expressions(path: Path, names: list[str]) -> Callable[[str, str], _FrameLabels | None]:
    if len(names) < 2 or not all(re.fullmatch(r"[A-Za-z]+", name) for name in names):
        raise UserError(f"{path}: its first line does not name the expressions")

    def tell(line: str, where: str) -> _FrameLabels | None:
        if line == "-1":
            return None
        if not line.isdecimal() or int(line) >= len(names):
            raise UserError(f"{where}: {line!r} is none of the {len(names)} expressions, counted from 0, nor -1")
        return _FrameLabels(label=names[int(line)])

    return tell


def _units(path: Path, names: list[str]) -> Callable[[str, str], _FrameLabels | None]:
    if not all(re.fullmatch(r"AU\d+", name) for name in names):
        raise UserError(f"{path}: its first line does not name the units, such as AU1,AU2")
    numbers = [int(name.removeprefix("AU")) for name in names]

    def tell(line: str, where: str) -> _FrameLabels | None:
        columns = [column.strip() for column in line.split(",")]
        if len(columns) != len(numbers):
            raise UserError(f"{where}: {len(columns)} codes, not {len(numbers)}")
        return _coded(numbers, columns, where)

    return tell


def _affect(path: Path, names: list[str]) -> Callable[[str, str], _FrameLabels | None]:
    if sorted(names) != ["arousal", "valence"]:
        raise UserError(f"{path}: its first line is not valence,arousal")
    return lambda line, where: _rated(names, line.split(","), where)


_READ = {"expr": _expressions, "au": _units, "va": _affect}


def _of_all(task: str, columns: list[str], where: str) -> _FrameLabels | None:
    """What a line of the multi-task lists says of one task."""
    if task == "va":
        return _rated(["valence", "arousal"], columns[:2], where)
    if task == "au":
        return _coded(_UNITS, columns[3:], where)
    return None if columns[2] == "-1" else _FrameLabels(label=columns[2])


def _coded(numbers: Sequence[int], columns: list[str], where: str) -> _FrameLabels | None:
    units = occurrences(zip(numbers, columns, strict=True), where)
    return _FrameLabels(units=units) if units else None


def _rated(names: list[str], columns: list[str], where: str) -> _FrameLabels | None:
    try:
        values = [float(column) for column in columns]
    except ValueError:
        values = []
    if len(values) != 2 or not all(-1 <= value <= 1 or value == -5 for value in values):
        raise UserError(f"{where}: {','.join(columns)!r} is not valence and arousal, -1 to 1, nor -5")
    scores = dict(zip(names, values, strict=True))
    return None if -5 in values else _FrameLabels(values={name: scores[name] for name in ("valence", "arousal")})


READER = AffWild2
