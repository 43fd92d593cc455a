"""AFEW-VA: valence and arousal of every frame of clips from films."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, natural
from emocap.benchmarks.readers.documents import document
from emocap.core.errors import UserError
from emocap.io.media import Picture

_Rating = Annotated[float, Field(ge=-10, le=10)]


class _Frame(BaseModel):
    valence: _Rating
    arousal: _Rating


class _Clip(BaseModel):
    frames: dict[str, _Frame]
    actor: str | None = None


class AfewVA(Layout):
    """``<part>/<clip>/<clip>.json`` with the ratings of every frame, beside ``<part>/<clip>/00000.png``; the folders
    of clips may also lie in the data itself. A person is the actor where the file names one, or else the clip.
    """

    reader: Literal["afew-va"]

    def read(self, root: Path) -> Iterator[Example]:
        """From the JSON files, by clip and frame."""
        files = [path for path in root.rglob("*.json") if path.stem == path.parent.name]
        if not files:
            raise UserError(f"data: {root} has no annotation such as 01/001/001.json")
        for path in sorted(files, key=lambda path: natural(path.relative_to(root).as_posix())):
            clip = document(path, _Clip)
            for number, frame in sorted(clip.frames.items()):
                picture = path.parent / f"{number}.png"
                yield Example(
                    name=picture.relative_to(root).as_posix(),
                    media=Picture(picture),
                    values={"valence": frame.valence, "arousal": frame.arousal},
                    subject=clip.actor or path.stem,
                )


READER = AfewVA
