"""RAF-DB: aligned faces and one list of names and codes, for its basic and its compound half alike."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of, pictures_in
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import numbered_lines


class RafDb(Layout):
    """``basic/EmoLabel/list_patition_label.txt`` (spelt so) with lines such as ``train_00001.jpg 5``, and
    ``basic/Image/aligned/train_00001_aligned.jpg``; or, of the basic half, the copy with a folder for each code,
    ``DATASET/train/5/train_00001_aligned.jpg``.
    """

    reader: Literal["raf-db"]
    part: Literal["basic", "compound"]
    """Which half; each has a folder of its own."""

    def read(self, root: Path) -> Iterator[Example]:
        """The split is the first word of a name; labels are the codes, from 1."""
        if self.part == "basic" and not (root / "basic").is_dir() and (copy := _copy(root)):
            yield from _from_folders(root, copy)
            return
        part = folder_of(root, self.part)
        listed = part / "EmoLabel" / "list_patition_label.txt"
        for number, line in numbered_lines(listed):
            found = re.fullmatch(r"((train|test)_\w+)\.jpg\s+(\d+)", line)
            if found is None:
                raise UserError(f"{listed}, line {number}: {line!r} is not a picture and a code, as train_00001.jpg 5")
            picture = part / "Image" / "aligned" / f"{found[1]}_aligned.jpg"
            yield Example(picture.relative_to(root).as_posix(), Picture(picture), (found[2],), found[3])


def _copy(root: Path) -> Path | None:
    """The folder of the copy in class folders; None where there is none."""
    places = (root / "DATASET", root)
    return next((place for place in places if (place / "train").is_dir() and (place / "test").is_dir()), None)


def _from_folders(root: Path, copy: Path) -> Iterator[Example]:
    """Under the names of the archive, where the pictures have kept theirs."""
    for split in ("train", "test"):
        for folder in sorted((path for path in (copy / split).iterdir() if path.is_dir()), key=lambda path: path.name):
            for picture in pictures_in(folder):
                own = re.fullmatch(rf"{split}_\w+_aligned\.jpg", picture.name)
                name = f"basic/Image/aligned/{picture.name}" if own else picture.relative_to(root).as_posix()
                yield Example(name, Picture(picture), (split,), folder.name)


READER = RafDb
