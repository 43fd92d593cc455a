"""FaceXBench: questions with one picture or several."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.readers.base import Layout, natural
from emocap.benchmarks.readers.documents import document
from emocap.core.errors import UserError
from emocap.io.media import Picture, Several


class _Question(BaseModel):
    image_paths: Annotated[list[str], Field(min_length=1)]
    question_text: str
    options: Annotated[list[str | int], Field(min_length=2)]
    """Numbers where it is asked how many."""
    correct_answer_option: str
    answer: str | int


class _File(BaseModel):
    questions: dict[str, _Question]


class FaceXBench(Layout):
    """``benchmark/<file>.json`` with questions, options and the letter of the right one, and ``benchmark/images``;
    both may also lie in the data itself. The file is a group. Of several pictures the first gives the name.
    """

    reader: Literal["facexbench"]
    files: Annotated[list[str], Field(min_length=1)]
    """Names of the JSON files that are read, without their ending. Options are kept in the order of the file."""

    def read(self, root: Path) -> Iterator[Example]:
        """From the files in the card's order, by the number of the question."""
        below = "benchmark/" if (root / "benchmark").is_dir() else ""
        for file in self.files:
            path = root / f"{below}{file}.json"
            for number, question in sorted(document(path, _File).questions.items(), key=lambda item: natural(item[0])):
                where = f"{path}: question {number}"
                names = [f"{below}{path}" for path in question.image_paths]
                paths = [root / name for name in names]
                yield Example(
                    name=names[0],
                    media=Picture(paths[0]) if len(paths) == 1 else Several(paths),
                    question=Question(
                        question.question_text, tuple(map(str, question.options)), _right(question, where)
                    ),
                    groups={"file": file},
                )


def _right(question: _Question, where: str) -> int:
    """The place of the option that both the letter and the text of the answer mean."""
    if question.answer not in question.options:
        options = ", ".join(map(str, question.options))
        raise UserError(f"{where}: the answer {question.answer!r} is not among its options, {options}")
    place = question.options.index(question.answer)
    if question.correct_answer_option != chr(ord("A") + place):
        raise UserError(f"{where}: option {question.correct_answer_option} is not {question.answer!r}, the answer")
    return place


READER = FaceXBench
