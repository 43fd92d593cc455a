"""The errors that a model was surest of, from predictions/*.parquet, with their pictures where that is asked for."""

# Tested in tests/reports/sections/test_details.py.

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from emocap.core.numbers import finite
from emocap.evaluation.registry import display_of
from emocap.reports.pictures import thumbnail
from emocap.reports.results import Result

_MOST = 12
_SIDE = 112
_COLUMNS = ("name", "path", "true", "predicted", "score", "reply")
_LONGEST = 160
"""Characters of a reply that are shown."""
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


@dataclass(frozen=True)
class Failure:
    """An example that the model got wrong."""

    name: str
    true: str
    predicted: str
    score: float | None
    """How sure the model was; None of ratings, action units and words."""
    picture: str
    """data: URL; empty where pictures are not asked for, or where there is none."""
    reply: str = ""
    """What a model wrote, shortened."""


def failures(results: Sequence[Result], pictures: bool) -> list[Failure]:
    """Up to 12 errors over the predictions of all ``results``, in the order that their task gives them: the surest
    first, of ratings those that are farthest off, and so on.

    Rows whose predictions are gone have none. ``pictures``: look for them below the ``data`` of each row.
    """
    errors = [(weight, row, result) for result in results for weight, row in _errors(result)]
    errors.sort(key=lambda error: -error[0])
    return [
        Failure(
            name=str(row["name"]),
            true=row["true"] or "none",
            predicted=row["predicted"] or "none",
            score=None if display_of(result.row.task).errors == "some" else finite(row.get("score")),
            picture=_picture(result.row.data, row.get("path")) if pictures else "",
            reply=_shortened(row.get("reply") or ""),
        )
        for _, row, result in errors[:_MOST]
    ]


def heading(task: str | None, examples: Sequence[Failure]) -> str:
    """What these errors are."""
    kind = display_of(task).errors
    if kind == "surest" and examples[0].score is not None:
        return "The errors it was surest of"
    return "The largest errors" if kind == "largest" else "Some of its errors"


def _errors(result: Result) -> Iterable[tuple[float, dict[str, Any]]]:
    """Weight and row of the errors in one file of predictions."""
    if not (result.row.predictions and (path := result.folder / result.row.predictions).is_file()):
        return
    having = pq.read_schema(path).names
    if not {"name", "true", "predicted"} <= set(having):
        return
    weigh = display_of(result.row.task).error_weight
    for row in pq.read_table(path, columns=[column for column in _COLUMNS if column in having]).to_pylist():
        true, predicted = str(row["true"] or ""), str(row["predicted"] or "")
        if true != predicted and (weight := weigh(true, predicted, finite(row.get("score")))) is not None:
            yield weight, row


def _shortened(reply: str) -> str:
    """On one line, cut between words where it has any."""
    words = " ".join(reply.split())
    if len(words) <= _LONGEST:
        return words
    cut = words[:_LONGEST]
    return (cut.rpartition(" ")[0] or cut) + " …"


def _picture(root: str | None, path: str | None) -> str:
    """A data: URL of a picture below the data's root, of a folder of frames the middle one; empty where none opens."""
    if not (root and path) or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        return ""
    place = Path(root) / path
    try:
        if place.is_dir():
            frames = sorted(file for file in place.iterdir() if file.suffix.lower() in _PICTURES)
            place = frames[len(frames) // 2] if frames else place
        return thumbnail(place.read_bytes(), _SIDE)
    except (OSError, ValueError, Image.DecompressionBombError):
        return ""
