"""FABA-Instruct, the data of FABA-Bench: emotions and action units of photos from AffectNet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.benchmarks.readers.coded import PRESENT
from emocap.benchmarks.readers.documents import document
from emocap.core.errors import UserError
from emocap.io.media import Picture

_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
"""The units that the annotation knows, as in the evaluation of EmoLA; others that it names are no part of it."""


class _Turn(BaseModel):
    # The key is a word of Python's.
    by: str = Field("", alias="from")
    value: str = ""


class _Entry(BaseModel):
    image: str
    label: str | int
    gpt4: str | None = None
    conversations: list[_Turn] = []

    @property
    def reference(self) -> str | None:
        """The description that counts as right: ``gpt4``, which EmoLA's evaluation takes, or the answer's words."""
        answers = [turn.value for turn in self.conversations if turn.by == "gpt"]
        return next((text.strip() for text in (self.gpt4, *answers) if text and text.strip()), None)


class FABA(Layout):
    """``eval/eval_emotion_anno.json`` or ``eval/eval_au_anno.json``: a list of entries whose ``image`` is a path that
    begins with FABAInstruct, the data itself, and whose ``label`` is an emotion or the numbers of the units that are
    shown, ``"4, 9, 15, 17"``. A description, in ``gpt4`` or as the answer in ``conversations``, is the reference. The
    entries for training are descriptions without labels, and not read.
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
                yield Example(name, picture, label=label, reference=entry.reference)
            else:
                units = _picture_path(label, f"{path}: {place}")
                yield Example(name, picture, units=units, reference=entry.reference)


def _picture_path(label: str, where: str) -> dict[int, float]:
    numbers = [number.strip() for number in label.split(",") if number.strip()]
    if not all(number.isdecimal() for number in numbers):
        raise UserError(f"{where}: {label!r} is not a list of action units such as '4, 9, 15, 17'")
    shown = {int(number) for number in numbers}
    return {unit: PRESENT * (unit in shown) for unit in _UNITS}


READER = FABA
