"""The errors that a model was surest of, from predictions/*.parquet, with their pictures where that is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from emocap.reports.measures import number
from emocap.reports.pictures import thumbnail
from emocap.reports.results import Result

_MOST = 12
_SIDE = 112
_COLUMNS = ("name", "path", "true", "predicted", "score")
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


def failures(results: Sequence[Result], pictures: bool) -> list[Failure]:
    """Up to 12 errors over the predictions of all ``results``: the surest first, of ratings the
    farthest off, of action units those with the most units wrong, of words those that are fewest of the true ones.

    Rows whose predictions are gone have none. ``pictures``: look for them below the ``data`` of each row.
    """
    errors = [(weight, row, result) for result in results for weight, row in _errors(result)]
    errors.sort(key=lambda error: -error[0])
    return [
        Failure(
            name=str(row["name"]),
            true=row["true"] or "none",
            predicted=row["predicted"] or "none",
            score=None if result.row.get("task") == "open_vocabulary" else number(row.get("score")),
            picture=_picture(result.row.get("data"), row.get("path")) if pictures else "",
        )
        for _, row, result in errors[:_MOST]
    ]


def _errors(result: Result) -> Iterable[tuple[float, dict[str, Any]]]:
    """Weight and row of the errors in one file of predictions."""
    if not (result.row.get("predictions") and (path := result.folder / result.row["predictions"]).is_file()):
        return
    having = pq.read_schema(path).names
    if not {"name", "true", "predicted"} <= set(having):
        return
    task = result.row.get("task")
    for row in pq.read_table(path, columns=[column for column in _COLUMNS if column in having]).to_pylist():
        true, predicted = str(row["true"] or ""), str(row["predicted"] or "")
        if true == predicted:
            continue
        if task == "open_vocabulary":
            if (reward := number(row.get("score"))) is not None and reward < 1:
                yield 1 - reward, row
        elif task == "sentiment":
            if (float(true) > 0) != (predicted == "positive") and float(true):
                yield abs(float(true)), row
        elif task == "rating":
            yield _distance(true, predicted), row
        elif task == "action_units":
            yield float(len(set(true.split("+")) ^ set(predicted.split("+")))), row
        else:
            yield number(row.get("score")) or 0.0, row


def _distance(true: str, predicted: str) -> float:
    """The sum of what scales are off: ``valence=0.3 arousal=-0.1`` and the same of what was predicted."""
    first, second = (dict(part.partition("=")[::2] for part in text.split()) for text in (true, predicted))
    return sum(abs(float(value) - float(second[scale])) for scale, value in first.items() if scale in second)


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
