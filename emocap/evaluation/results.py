"""What a measurement leaves: rows in results.jsonl, and the predictions of each in a parquet file."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.benchmarks.examples import Example
from emocap.core.files import replacing
from emocap.evaluation.outcomes import Outcome
from emocap.io.media import Film, Frames, Picture, Several, Sound

_IDENTITY = ("benchmark", "protocol", "fold", "shots", "model")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("name", "path", "subject", "true", "predicted")),
        ("score", pa.float64()),
        ("reply", pa.string()),
    ]
)


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.jsonl; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:  # not splitlines: what a model said may hold more than line ends
        return [json.loads(line) for line in file]


def store(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows; those of the same benchmark, protocol, fold, shots and model are replaced."""
    new = {_identity(row) for row in rows}
    kept = [row for row in read_results(path) if _identity(row) not in new]
    with replacing(path) as scratch:
        lines = [json.dumps(row, allow_nan=False, ensure_ascii=False) + "\n" for row in (*kept, *rows)]
        scratch.write_text("".join(lines), encoding="utf-8")


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(part) for part in _IDENTITY)


def write_predictions(
    out: Path, row: dict[str, Any], data: Path, examples: Sequence[Example], outcome: Outcome
) -> str:
    """The file of a row's predictions, one line per test example; its path relative to ``out``."""
    digest = hashlib.sha256(repr(_identity(row)).encode()).hexdigest()[:12]
    name = f"predictions/{row['benchmark']}-{row['protocol']}-{digest}.parquet"
    tested = [examples[place] for place in outcome.rows]
    columns = {
        "name": [example.name for example in tested],
        "path": [_path(example, data) for example in tested],
        "subject": [example.subject for example in tested],
        "true": outcome.true,
        "predicted": outcome.predicted,
        "score": outcome.score,
        "reply": outcome.replies or [None] * len(tested),
    }
    with replacing(out / name) as scratch:
        pq.write_table(pa.table(columns, schema=_SCHEMA), scratch)
    return name


def _path(example: Example, data: Path) -> str | None:
    """Of the picture, the middle one of a clip or the first of several, below ``data``; None where it lies in no file
    of its own.
    """
    match example.media:
        case Picture(path=path) | Film(path=path) | Sound(path=path):
            pass
        case Frames(paths=paths) if paths:
            path = paths[len(paths) // 2]
        case Several(paths=paths) if paths:
            path = paths[0]
        case _:
            return None
    return path.relative_to(data).as_posix() if path.is_relative_to(data) else None
