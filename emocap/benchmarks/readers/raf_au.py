"""RAF-AU: the faces of RAF-ML with the action units that coders saw in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import numbered_lines
from emocap.schema.facs import UNITS
from emocap.schema.samples import side

PRESENT = 3.0
"""Intensity of a unit that is coded without one, as in :func:`emocap.schema.facs.parse_facs`."""


class RafAu(Layout):
    """``RAFAU_label.txt`` with lines such as ``0001.jpg 1+2+L12`` or ``0002.jpg null``, and
    ``aligned/0001_aligned.jpg``.
    """

    reader: Literal["raf-au"]
    test: float | None = Field(None, gt=0, lt=1)
    """Share of the pictures that are kept for testing, chosen by a hash of their names; null: all."""

    def read(self, root: Path) -> Iterator[Example]:
        """A unit of one side counts as shown; what is not written is absent, and null is nothing (our reading)."""
        listed = root / "RAFAU_label.txt"
        for number, line in numbered_lines(listed):
            found = re.fullmatch(r"(\w+)\.jpg\s+([\w+]+)", line)
            if found is None:
                raise UserError(f"{listed}, line {number}: {line!r} is not a picture and its units, 1+2+L12")
            codes = [] if found[2] == "null" else found[2].split("+")
            shown = [_unit(code, f"{listed}, line {number}") for code in codes]
            units = dict.fromkeys(UNITS, 0.0) | dict.fromkeys(shown, PRESENT)
            picture = root / "aligned" / f"{found[1].zfill(4)}_aligned.jpg"
            name = picture.relative_to(root).as_posix()
            split = "test" if self.test is None else side(picture.name, self.test)
            yield Example(name, Picture(picture), (split,), units=units)


def _unit(code: str, where: str) -> int:
    """``L12`` → 12. Sides are left, right, top and bottom; RAF-AU has numbers beyond those of UNITS."""
    found = re.fullmatch(r"[LRTB]?([1-9]\d?)", code)
    if found is None:
        raise UserError(f"{where}: {code!r} is not an action unit, such as 12 or L12")
    return int(found[1])


READER = RafAu
