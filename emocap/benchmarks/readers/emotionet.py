"""EmotioNet: the addresses of pictures, and the action units that experts saw in them."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.tables import rows_of
from emocap.schema.samples import side

CODED = {"0": 0.0, "1": 3.0, "999": None}
"""Absent, present (without an intensity, so C), and not coded."""


class EmotioNet(Layout):
    """A csv file with the columns ``URL`` and ``AU 1`` to ``AU 60``, in quotes or not, and ``images/`` with the
    pictures under the last part of their addresses.
    """

    reader: Literal["emotionet"]
    file: str = "EmotioNet_FACS_aws_2020_24600.csv"
    """Name of the csv file."""
    test: float | None = Field(None, gt=0, lt=1)
    """Share of the pictures that are kept for testing, chosen by a hash of their names; null: all."""

    def read(self, root: Path) -> Iterator[Example]:
        """Units with 999 are unknown, and so not among the units of that picture."""
        path = root / self.file
        rows = rows_of(path)
        columns = [_bare(column) for column in next(rows, (1, []))[1]]
        units_of = [(place, re.fullmatch(r"AU ?(\d+)", name)) for place, name in enumerate(columns)]
        coded = {place: int(found[1]) for place, found in units_of if found}
        if "URL" not in columns or not coded:
            raise UserError(f"{path} has no column URL, or none such as AU 1; there are {', '.join(columns)}")
        for number, row in rows:
            where = f"{path}, line {number}"
            if len(row) != len(columns):
                raise UserError(f"{where}: {len(row)} values where there should be {len(columns)}")
            file = PurePosixPath(urlsplit(_bare(row[columns.index("URL")])).path).name
            if not file:
                raise UserError(f"{where}: the address does not end in the name of a picture")
            units = {unit: _intensity(row[place], where) for place, unit in coded.items()}
            picture = root / "images" / file
            yield Example(
                picture.relative_to(root).as_posix(),
                Picture(picture),
                ("test" if self.test is None else side(file, self.test),),
                units={unit: value for unit, value in units.items() if value is not None},
            )


def _bare(text: str) -> str:
    return text.strip().strip("'\"").strip()


def _intensity(text: str, where: str) -> float | None:
    code = text.strip().removesuffix(".0")
    if code not in CODED:
        raise UserError(f"{where}: a unit is {text!r}, which is none of {', '.join(CODED)}")
    return CODED[code]


READER = EmotioNet
