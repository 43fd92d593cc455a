"""MMAR: questions about recordings of speech, music, sounds and their mixtures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.readers.base import Layout, within
from emocap.benchmarks.readers.documents import document, documents
from emocap.core.errors import UserError
from emocap.io.media import Sound


class _Point(BaseModel):
    name: str = ""
    scoring_point: str
    note: str | None = None
    choices: list[int] = [0, 1]


class _Question(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str
    audio_path: str
    question: str
    choices: Annotated[list[str], Field(min_length=2)]
    answer: str
    modality: str
    category: str
    sub_category: Annotated[str, Field(alias="sub-category")]
    rubric: list[_Point] = []


class MMAR(Layout):
    """``MMAR-meta.jsonl``, a question a line, or ``MMAR-meta.json``, a list of them, and the recordings that their
    ``audio_path`` names, ``./audio/ID.wav``. Its layers (category), sub-categories and modalities are groups.
    """

    reader: Literal["mmar"]

    def read(self, root: Path) -> Iterator[Example]:
        """In the order of the file."""
        for where, question in _asked(root):
            if question.answer not in question.choices:
                raise UserError(f"{where}: the answer {question.answer!r} is none of {', '.join(question.choices)}")
            yield Example(
                name=question.id,
                media=Sound(within(root, question.audio_path, where)),
                question=Question(question.question, tuple(question.choices), question.choices.index(question.answer)),
                groups={
                    "category": question.category,
                    "sub-category": question.sub_category,
                    "modality": question.modality,
                },
                rubric=tuple(_groups(point, where) for point in question.rubric),
            )


def _asked(root: Path) -> Iterator[tuple[str, _Question]]:
    lines, listed = root / "MMAR-meta.jsonl", root / "MMAR-meta.json"
    if lines.is_file() or not listed.is_file():
        yield from documents(lines, _Question)
        return
    for place, question in enumerate(document(listed, list[_Question])):
        yield f"{listed}: {place}", question


def _groups(point: _Point, where: str) -> str:
    if sorted(point.choices) != [0, 1]:
        raise UserError(f"{where}: rubric: {point.name!r} is worth one of {point.choices}; only 0 and 1 can be scored")
    name = f"{point.name}: " if point.name else ""
    return f"{name}{point.scoring_point}" + (f" ({point.note})" if point.note else "")


READER = MMAR
