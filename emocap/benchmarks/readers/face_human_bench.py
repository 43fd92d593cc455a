"""Face-Human-Bench: the questions about facial expression."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.readers.base import Layout, folder_of
from emocap.benchmarks.readers.documents import document
from emocap.core.errors import UserError
from emocap.io.media import Picture

_SUBSETS = (("basic", "original"), ("basic", "cropped"), ("compound", "cropped"))


class _QA(BaseModel):
    question: str
    options: Annotated[list[str], Field(min_length=2)]
    answer: int


class _Image(BaseModel):
    image_paths: dict[str, str]


class _Entry(BaseModel):
    QA: _QA
    image: _Image


class _Entries(BaseModel):
    data: list[_Entry]


class FaceHumanBench(Layout):
    """``json/en/face_expression_{basic,compound}.json`` of a half (``test`` or ``dev``) of the benchmark, in the data
    or in its ``data/Face-Human-Bench``, and the pictures that its ``prepare_data.py`` makes of RAF-DB: ``eval_data``
    in ``output`` beside ``json``, or in the data itself.

    ``groups`` name the set, basic or compound, and the picture, original or cropped: the published score of expression
    is the mean over them in this order, mean(mean(basic-original, basic-cropped), compound-cropped). The files put the
    right option first in every question, so that a model without a preference would be right: options are rotated by a
    hash of the picture's path, as the benchmark's own evaluation rotates them by lot.
    """

    reader: Literal["face-human-bench"]
    half: Literal["test", "dev"] = "test"

    def read(self, root: Path) -> Iterator[Example]:
        """From the JSON files, by subset, in their order."""
        half = folder_of(root, f"data/Face-Human-Bench/{self.half}", self.half)
        pictures = next((p for p in (half / "output", half, root) if (p / "eval_data").is_dir()), half / "output")
        for kind, version in _SUBSETS:
            path = half / "json" / "en" / f"face_expression_{kind}.json"
            for place, entry in enumerate(document(path, _Entries).data):
                where = f"{path}: data.{place}"
                name = entry.image.image_paths.get(version)
                if name is None:
                    raise UserError(f"{where}: no path of a picture that is {version}")
                yield Example(
                    name=name,
                    media=Picture(pictures / name),
                    question=_rotated(entry.QA, name, where),
                    groups={"set": kind, "picture": version},
                )


def _rotated(asked: _QA, name: str, where: str) -> Question:
    size = len(asked.options)
    if not 0 <= asked.answer < size:
        raise UserError(f"{where}: answer {asked.answer} is none of the {size} options")
    by = int(hashlib.sha256(name.encode()).hexdigest(), 16) % size
    return Question(
        asked.question, (*asked.options[size - by :], *asked.options[: size - by]), (asked.answer + by) % size
    )


READER = FaceHumanBench
