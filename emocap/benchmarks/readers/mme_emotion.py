"""MME-Emotion: clips of eight tasks with a label or several, and a model's description of their sound."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, within
from emocap.benchmarks.readers.documents import document
from emocap.core.errors import UserError
from emocap.io.media import Film


class _Clip(BaseModel):
    video_id: str
    label: str
    label_set: Annotated[list[str], Field(min_length=1)]


class _Clue(BaseModel):
    video_id: str
    audio_clue: str | None


class MMEEmotion(Layout):
    """``ER-Lab/question/ER_Lab.json`` and ``ER-Lab/audio_clue/ER_Lab_qwen2_audio_clues.json``, and the same of every
    other task, in the data or its ``MME-Emotion-Dataset``; a clip by its ``video_id`` below the data, the task's
    folder, or ``video`` in one of them. Without the file of clues a judge gets none.

    Several labels are joined by commas, in FG-ER by semicolons. Where clips come from several datasets, the first part
    of ``video_id``, that is a group.
    """

    reader: Literal["mme-emotion"]
    task: Literal["ER-Lab", "ER-Wild", "Noise-ER", "FG-ER", "ML-ER", "SA", "FG-SA", "IR"]

    def read(self, root: Path) -> Iterator[Example]:
        """From the task's file of questions, in its order."""
        below = root / "MME-Emotion-Dataset" if (root / "MME-Emotion-Dataset").is_dir() else root
        folder, name = below / self.task, self.task.replace("-", "_")
        path, clues = folder / "question" / f"{name}.json", folder / "audio_clue" / f"{name}_qwen2_audio_clues.json"
        listed = document(path, list[_Clip])
        clue_of = {one.video_id: one.audio_clue for one in document(clues, list[_Clue])} if clues.exists() else {}
        sources = {_source(one.video_id) for one in listed}
        places = [place / kind for place in (root, below, folder) for kind in ("", "video")]
        clips = next((place for place in places if any((place / one).is_dir() for one in sources)), root)
        for one in listed:
            labels = tuple(label.strip() for label in re.split("[,;]", one.label) if label.strip())
            if not labels or (unknown := set(labels) - set(one.label_set)):
                what = f"{sorted(unknown)[0]!r} is none of its label_set" if labels else "it has no label"
                raise UserError(f"{path}: {one.video_id}: {what}")
            yield Example(
                one.video_id,
                Film(within(clips, one.video_id, str(path))),
                labels=labels,
                options=tuple(one.label_set),
                clue=clue_of.get(one.video_id),
                groups={"source": _source(one.video_id)} if len(sources) > 1 else {},
            )


def _source(video: str) -> str:
    return PurePosixPath(video).parts[0] if video else ""


READER = MMEEmotion
