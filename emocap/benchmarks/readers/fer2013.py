"""FER2013 as it was released for the challenge: one csv file with the pixels in it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.core.errors import UserError
from emocap.io.media import Stored
from emocap.io.tables import rows_of

USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
SIDE = 48
_FILES = ("fer2013.csv", "icml_face_data.csv")


class Fer2013(Layout):
    """``fer2013.csv``, or ``icml_face_data.csv`` as Kaggle calls it since, with columns ``emotion,pixels,Usage``: a
    code, 48 x 48 grey values, and the split.
    """

    reader: Literal["fer2013"]

    def read(self, root: Path) -> Iterator[Example]:
        """Names are the split and the place in it, ``PrivateTest/00000``; labels are the codes, from 0."""
        path = next((root / name for name in _FILES if (root / name).is_file()), root / _FILES[0])
        if not path.exists() and (root / "train").is_dir() and (root / "test").is_dir():
            raise UserError(
                f"{root} has the copy of FER2013 in class folders, whose test half is PublicTest and PrivateTest "
                f"together; {' or '.join(_FILES)} tells the two apart"
            )
        rows = rows_of(path)
        columns = next(rows, (1, []))[1]
        if missing := [column for column in ("emotion", "pixels", "Usage") if column not in columns]:
            raise UserError(f"{path} has no column {', '.join(missing)}")
        places: Counter[str] = Counter()
        for number, row in rows:
            if len(row) != len(columns):
                raise UserError(f"{path}, line {number}: {len(row)} values where there should be {len(columns)}")
            known = dict(zip(columns, row, strict=True))
            usage, label = known["Usage"], known["emotion"]
            if usage not in USAGES:
                raise UserError(f"{path}, line {number}: {usage!r} is none of {', '.join(USAGES)}")
            if not label.isdecimal():
                raise UserError(f"{path}, line {number}: {label!r} is not the code of an emotion")
            picture = _picture(known["pixels"], f"{path}, line {number}")
            yield Example(f"{usage}/{places[usage]:05d}", Stored(picture), (USAGES[usage],), label)
            places[usage] += 1


def _picture(pixels: str, where: str) -> bytes:
    """Grey values as text → a picture file, in a format that is little more than the values themselves."""
    try:
        values = bytes(map(int, pixels.split()))
    except ValueError:
        raise UserError(f"{where}: the pixels are not all numbers from 0 to 255") from None
    if len(values) != SIDE * SIDE:
        raise UserError(f"{where}: {len(values)} pixels where there should be {SIDE} x {SIDE}")
    return f"P5 {SIDE} {SIDE} 255\n".encode() + values


READER = Fer2013
