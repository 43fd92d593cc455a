"""RAF-DB: aligned faces and one list of names and codes, for its basic and its compound half alike."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import numbered_lines


class RafDb(Layout):
    """``basic/EmoLabel/list_patition_label.txt`` (spelt so) with lines such as ``train_00001.jpg 5``, and
    ``basic/Image/aligned/train_00001_aligned.jpg``.
    """

    reader: Literal["raf-db"]
    part: Literal["basic", "compound"]
    """Which half; each has a folder of its own."""

    def read(self, root: Path) -> Iterator[Example]:
        """The split is the first word of a name; labels are the codes, from 1."""
        part = folder_of(root, self.part)
        listed = part / "EmoLabel" / "list_patition_label.txt"
        for number, line in numbered_lines(listed):
            found = re.fullmatch(r"((train|test)_\w+)\.jpg\s+(\d+)", line)
            if found is None:
                raise UserError(f"{listed}, line {number}: {line!r} is not a picture and a code, as train_00001.jpg 5")
            picture = part / "Image" / "aligned" / f"{found[1]}_aligned.jpg"
            yield Example(picture.relative_to(root).as_posix(), Picture(picture), (found[2],), found[3])


READER = RafDb
