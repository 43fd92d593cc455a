"""FaceXBench: questions with one picture each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from emocap.errors import UserError
from emocap.evaluate.examples import Example, Picture, Question
from emocap.evaluate.layouts.base import Layout, natural
from emocap.evaluate.layouts.documents import document


class _Asked(BaseModel):
    image_paths: list[str]
    question_text: str
    options: Annotated[list[str], Field(min_length=2)]
    correct_answer_option: str
    answer: str


class _File(BaseModel):
    questions: dict[str, _Asked]


class FaceXBench(Layout):
    """``benchmark/<file>.json`` with questions, options and the letter of the right one, and ``benchmark/images``;
    both may also lie in the data itself. The file is a group.
    """

    reader: Literal["facexbench"]
    files: Annotated[list[str], Field(min_length=1)]
    """Names of the JSON files that are read, without their ending; of questions with one picture each."""

    def read(self, root: Path) -> Iterator[Example]:
        """From the files in the card's order, by the number of the question."""
        below = "benchmark/" if (root / "benchmark").is_dir() else ""
        for file in self.files:
            path = root / f"{below}{file}.json"
            for number, asked in sorted(document(path, _File).questions.items(), key=lambda item: natural(item[0])):
                where = f"{path}: question {number}"
                if len(asked.image_paths) != 1:
                    raise UserError(f"{where} has {len(asked.image_paths)} pictures; only one can be looked at")
                (picture,) = asked.image_paths
                yield Example(
                    name=f"{below}{picture}",
                    media=Picture(root / f"{below}{picture}"),
                    question=Question(asked.question_text, tuple(asked.options), _right(asked, where)),
                    groups={"file": file},
                )


def _right(asked: _Asked, where: str) -> int:
    """The place of the option that both the letter and the text of the answer mean."""
    if asked.answer not in asked.options:
        raise UserError(f"{where}: the answer {asked.answer!r} is not among its options, {', '.join(asked.options)}")
    place = asked.options.index(asked.answer)
    if asked.correct_answer_option != chr(ord("A") + place):
        raise UserError(f"{where}: option {asked.correct_answer_option} is not {asked.answer!r}, the answer")
    return place
