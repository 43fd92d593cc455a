"""ExpW: faces in photographs of the web."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, within
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import numbered_lines
from emocap.schema.samples import side


class ExpW(Layout):
    """``data/label/label.lst`` with lines ``<picture> <number of the face> <top> <left> <right> <bottom> <confidence>
    <code>``, and ``data/image/origin/<picture>``.
    """

    reader: Literal["expw"]
    test: float | None = Field(None, gt=0, lt=1)
    """Share of the photographs that are kept for testing, chosen by a hash of their names; null: all."""

    def read(self, root: Path) -> Iterator[Example]:
        """Names are the picture and the number of the face in it, ``…/happy_9.jpg#0``; labels: the codes, from 0."""
        listed = root / "data" / "label" / "label.lst"
        for number, line in numbered_lines(listed):
            found = re.fullmatch(r"(.+?)\s+(\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+[-+.\deE]+\s+(\d+)", line)
            if found is None:
                raise UserError(
                    f"{listed}, line {number}: {line!r} is not a picture, the face's number, "
                    "top, left, right, bottom, confidence and code"
                )
            photo, face, *places, label = found.groups()
            top, left, right, bottom = map(int, places)
            picture = within(root / "data" / "image" / "origin", photo, f"{listed}, line {number}")
            name = f"{picture.relative_to(root).as_posix()}#{face}"
            split = "test" if self.test is None else side(photo, self.test)
            yield Example(name, Picture(picture, (left, top, right, bottom)), (split,), label)


READER = ExpW
