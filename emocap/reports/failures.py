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
    """How sure the model was; of ratings None."""
    picture: str
    """data: URL; empty where pictures are not asked for, or where there is none."""


def failures(results: Sequence[Result], pictures: bool) -> list[Failure]:
    """Up to 12 errors over the predictions of all ``results``: the surest first, of ratings the farthest off.

    Rows whose predictions are gone have none. ``pictures``: look for them below the ``data`` of each row.
    """
    errors = [(weight, row, result) for result in results for weight, row in _errors(result)]
    errors.sort(key=lambda error: -error[0])
    return [
        Failure(
            name=str(row["name"]),
            true=_told(row["true"]),
            predicted=_told(row["predicted"]),
            score=None if number(row["true"]) is not None else number(row.get("score")),
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
    for row in pq.read_table(path, columns=[column for column in _COLUMNS if column in having]).to_pylist():
        true, predicted = number(row["true"]), number(row["predicted"])
        if true is not None and predicted is not None and not result.labels:
            yield abs(true - predicted), row
        elif row["true"] != row["predicted"]:
            yield number(row.get("score")) or 0.0, row


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_told(one) for one in value) or "none"
    if isinstance(value, float):
        return f"{value:.2f}".replace("-", "−")
    return "none" if value is None else str(value)


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
