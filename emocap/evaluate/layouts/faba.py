"""FABA-Instruct, the data of FABA-Bench: emotions and action units of photos from AffectNet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from emocap.errors import UserError
from emocap.evaluate.examples import Example, Picture
from emocap.evaluate.layouts.base import Layout
from emocap.evaluate.layouts.coded import PRESENT
from emocap.evaluate.layouts.documents import document

_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
"""The units that the annotation knows, as in the evaluation of EmoLA; others that it names are no part of it."""


class _Entry(BaseModel):
    image: str
    label: str | int


class FABA(Layout):
    """``eval/eval_emotion_anno.json`` or ``eval/eval_au_anno.json``: a list of entries whose ``image`` is a path that
    begins with FABAInstruct, the data itself, and whose ``label`` is an emotion or the numbers of the units that are
    shown, ``"4, 9, 15, 17"``. The entries for training are descriptions without labels, and not read.
    """

    reader: Literal["faba"]
    task: Literal["emotion", "au"]

    def read(self, root: Path) -> Iterator[Example]:
        """From the entries for evaluation, in their order."""
        path = root / "eval" / f"eval_{self.task}_anno.json"
        for place, entry in enumerate(document(path, list[_Entry])):
            name = entry.image.removeprefix("FABAInstruct/")
            picture, label = Picture(root / name), str(entry.label).strip()
            if self.task == "emotion":
                yield Example(name, picture, label=label)
            else:
                yield Example(name, picture, units=_shown(label, f"{path}: {place}"))


def _shown(label: str, where: str) -> dict[int, float]:
    numbers = [number.strip() for number in label.split(",") if number.strip()]
    if not all(number.isdecimal() for number in numbers):
        raise UserError(f"{where}: {label!r} is not a list of action units such as '4, 9, 15, 17'")
    shown = {int(number) for number in numbers}
    return {unit: PRESENT * (unit in shown) for unit in _UNITS}
