"""Visual Room: pictures and clips with a text, questions about what is to be seen, and whether sarcasm is meant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.readers.base import Layout, within
from emocap.core.errors import UserError
from emocap.io.media import Film, Picture
from emocap.io.text import numbered_lines


class _Question(BaseModel):
    question: str
    answer: str


class _Row(BaseModel):
    id: str
    media: str
    media_type: Literal["image", "video"]
    text: str = ""
    perception: list[_Question] = []
    sarcasm: Literal[0, 1]


class VisualRoom(Layout):
    """A file of JSON lines, ``{id, media, media_type, text, perception: [{question, answer}], sarcasm}``: media is a
    path below the data, media_type image or video, sarcasm 0 or 1. The form is our proposal; MMSar has none that is
    public. The kind of media is a group.
    """

    reader: Literal["visual-room"]
    file: str = "mmsar.jsonl"

    def read(self, root: Path) -> Iterator[Example]:
        """From the lines, in their order."""
        path = root / self.file
        for number, line in numbered_lines(path):
            where = f"{path}, line {number}"
            try:
                row = _Row.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                raise UserError(f"{where}: {'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}") from None
            if empty := [one.question for one in row.perception if not one.answer.strip()]:
                raise UserError(f"{where}: {empty[0]!r} has no answer")
            place = within(root, row.media, where)
            yield Example(
                row.id,
                Film(place) if row.media_type == "video" else Picture(place),
                label=str(row.sarcasm),
                text=row.text,
                perception=tuple(Question(one.question, (one.answer,), 0) for one in row.perception),
                groups={"media": row.media_type},
            )


READER = VisualRoom
