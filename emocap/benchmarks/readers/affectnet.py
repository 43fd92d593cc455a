"""AffectNet: the release of 2021 (one .npy file per value) and the one of 2017 (lists of boxes in large pictures)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of, natural, within
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.tables import rows_of
from emocap.io.text import number_of

COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
EXPRESSIONS = range(8)
"""Codes of faces that show something; 8, 9 and 10 are none, uncertain and no face."""


class AffectNet(Layout):
    """``train_set/`` and ``val_set/`` with ``images/<id>.jpg`` and ``annotations/<id>_exp.npy``; or, where neither is
    there, ``Manually_Annotated_file_lists/{training,validation}.csv`` and ``Manually_Annotated_Images/``.
    """

    reader: Literal["affectnet"]
    ratings: bool = False
    """Whether valence and arousal are read too, of the faces with one of the eight expressions."""

    def read(self, root: Path) -> Iterator[Example]:
        """The official validation set is for testing; labels are the codes, from 0."""
        sets = {"train": root / "train_set", "test": root / "val_set"}
        if any(folder.is_dir() for folder in sets.values()):
            for split, folder in sets.items():
                if folder.is_dir():
                    yield from self._folder(root, folder, split)
            return
        lists = folder_of(root, "Manually_Annotated_file_lists")
        named = {"train": lists / "training.csv", "test": lists / "validation.csv"}
        if not any(path.is_file() for path in named.values()):
            raise UserError(f"data: {lists} has neither training.csv nor validation.csv")
        images = folder_of(root, "Manually_Annotated/Manually_Annotated_Images", "Manually_Annotated_Images")
        for split, path in named.items():
            if path.is_file():
                yield from self._list(root, path, images, split)

    def _folder(self, root: Path, folder: Path, split: str) -> Iterator[Example]:
        annotations = folder_of(folder, "annotations")
        found = [path for path in annotations.glob("*_exp.npy") if not path.name.startswith("._")]
        for path in sorted(found, key=lambda path: natural(path.name)):
            key = path.name.removesuffix("_exp.npy")
            picture = folder / "images" / f"{key}.jpg"
            code = int(number_of(_stored(path), str(path)))
            values = None
            if self.ratings and code in EXPRESSIONS:
                files = {"valence": annotations / f"{key}_val.npy", "arousal": annotations / f"{key}_aro.npy"}
                values = {name: _rating(_stored(file), str(file)) for name, file in files.items()}
            yield Example(picture.relative_to(root).as_posix(), Picture(picture), (split,), str(code), values=values)

    def _list(self, root: Path, path: Path, images: Path, split: str) -> Iterator[Example]:
        columns = list(COLUMNS)
        for number, row in rows_of(path):
            where = f"{path}, line {number}"
            if number == 1 and COLUMNS[0] in row:
                columns = row
                if missing := [column for column in COLUMNS if column not in row]:
                    raise UserError(f"{where}: there is no column {', '.join(missing)}")
                continue
            if len(row) != len(columns):
                raise UserError(f"{where}: {len(row)} values where there should be {len(columns)}")
            known = dict(zip(columns, row, strict=True))
            picture = within(images, known[COLUMNS[0]], where)
            code = int(number_of(known["expression"], where))
            box = values = None
            if code in EXPRESSIONS:
                left, top, width, height = (int(number_of(known[column], where)) for column in COLUMNS[1:5])
                box = (left, top, left + width, top + height)
                if self.ratings:
                    values = {name: _rating(known[name], where) for name in ("valence", "arousal")}
            name = picture.relative_to(root).as_posix()
            yield Example(name, Picture(picture, box), (split,), str(code), values=values)


def _stored(path: Path) -> str:
    """The single value of a .npy file, which AffectNet stores as a number or as text."""
    try:
        value = np.load(path, allow_pickle=False)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} is not a plain .npy file: {error}") from None
    if value.size != 1:
        raise UserError(f"{path} has {value.size} values where there should be one")
    return str(value.item())


def _rating(text: str, where: str) -> float:
    value = number_of(text, where)
    if not -1 <= value <= 1:
        raise UserError(f"{where}: {value} is not in −1 to 1, the scale of valence and arousal")
    return value


READER = AffectNet
