"""What a source knows of its faces beforehand: label tables, patterns over paths, and the split."""

import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.dataset.label_rows import FIELDS, NUMBERS, PLACES, rows
from emocap.dataset.recipe import SourceRecipe, SplitRecipe
from emocap.faces.detectors.base import Detection
from emocap.io.text import number_of
from emocap.schema.facs import parse_facs
from emocap.schema.samples import Labels, side


@dataclass(frozen=True)
class Known:
    """A face that is known beforehand: its labels and, where the source says so, where it is (pixels)."""

    labels: Labels
    point: tuple[float, float] | None = None
    face: Detection | None = None

    @property
    def where(self) -> tuple[float, float] | None:
        """A point in the face, where the source says so."""
        return self.face.centre if self.face else self.point


class LabelTable:
    """Path below the source's folder → the faces known there. It lies on disk and takes no memory to speak of."""

    def __init__(self, path: Path) -> None:
        # Nobody writes to it any more, so that readers in any number of threads and machines need no locks.
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._rows = sqlite3.connect(address, uri=True, check_same_thread=False)

    @classmethod
    def write(cls, source: SourceRecipe, path: Path) -> Self:
        """Check every row of a source's label table and keep it at ``path``; an empty one where it has none.

        Raises UserError naming file, line and column.
        """
        with replacing(path) as scratch:
            database = sqlite3.connect(scratch)
            try:
                database.execute("PRAGMA journal_mode = OFF")
                database.execute("CREATE TABLE known (path TEXT NOT NULL, face TEXT NOT NULL)")
                if source.labels is not None:
                    database.executemany("INSERT INTO known VALUES (?, ?)", _checked(source))
                database.execute("CREATE INDEX by_path ON known (path)")
                database.commit()
            finally:
                database.close()
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A table that ``write`` made. Raises sqlite3.OperationalError where there is none."""
        return cls(path)

    def known(self, below: str) -> list[Known]:
        """The faces at a path, in the order of the table."""
        rows = self._rows.execute("SELECT face FROM known WHERE path = ? ORDER BY rowid", (below,))
        return [_from_json(face) for (face,) in rows]


def known_faces(source: SourceRecipe, table: LabelTable, below: str) -> list[Known]:
    """The faces known of the input ``below`` the source's folder: from its table, else from its pattern.

    Raises UserError where the pattern's groups are no labels.
    """
    if known := table.known(below):
        return known
    found = re.search(source.pattern, below) if source.pattern else None
    named = {name: text for name, text in (found.groupdict() if found else {}).items() if text}
    return [parse(named, source.rename)] if named else []


def parse(cells: Mapping[str, Any], rename: Mapping[str, str]) -> Known:
    """One row of labels: column → cell, as text or as Parquet has it. Raises UserError naming the column."""
    try:
        return _known(_filled(cells), rename)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from None


def _checked(source: SourceRecipe) -> Iterator[tuple[str, str]]:
    assert source.labels is not None
    for where, row in rows(source.labels, source.columns, source.rename):
        try:
            path = _filled(row).get("path")
            if path is None:
                raise UserError("no path")
            yield path, _to_json(parse({name: cell for name, cell in row.items() if name != "path"}, source.rename))
        except UserError as error:
            raise UserError(f"{source.labels}, {where}: {error}") from None


def _filled(cells: Mapping[str, Any]) -> dict[str, str]:
    """The cells that hold something, as text."""
    texts = {
        name: "" if cell is None or cell != cell else str(cell).strip()  # not a number: pandas' empty cell
        for name, cell in cells.items()
        if name and not isinstance(cell, bytes | list | dict)
    }
    return {name: text for name, text in texts.items() if text}


def _known(cells: dict[str, str], rename: Mapping[str, str]) -> Known:
    spot = {name: number_of(cells.pop(name), name) for name in PLACES if name in cells}
    weights = [entry.partition(":") for entry in cells.pop("emotions", "").split(";") if entry.strip()]
    emotions = {
        rename.get(name.strip(), name.strip()): number_of(weight or "1", "emotions") for name, _, weight in weights
    }
    units = cells.pop("action_units", None)
    texts = {name: cells.pop(name) for name in FIELDS if name in cells}
    if "emotion" in texts:
        texts["emotion"] = rename.get(texts["emotion"], texts["emotion"])
    numbers = {name: number_of(cells.pop(name), name) for name in NUMBERS if name in cells}
    total = sum(emotions.values())
    if emotions and total <= 0:
        raise UserError("emotions: the weights add up to nothing")
    labels = Labels.model_validate(
        {
            **texts,
            **numbers,
            "emotions": {name: weight / total for name, weight in emotions.items()} or None,
            # FACS codes a face on which nothing moves as 0.
            "action_units": None if units is None else _units(units) if units != "0" else {},
            "other": cells,
        }
    )
    box = tuple(spot[name] for name in ("x0", "y0", "x1", "y1") if name in spot)
    face = Detection(box, 1.0) if len(box) == 4 else None
    point = (spot["x"], spot["y"]) if {"x", "y"} <= spot.keys() else None
    return Known(labels, point, face)


def _units(text: str) -> dict[str, float]:
    try:
        return parse_facs(text)
    except (UserError, ValueError) as error:
        raise UserError(f"action_units: {error}") from None


def _to_json(known: Known) -> str:
    box = known.face.bbox if known.face else None
    return json.dumps([known.labels.model_dump(exclude_none=True), known.point, box])


def _from_json(text: str) -> Known:
    labels, point, box = json.loads(text)
    face = Detection(tuple(box), 1.0) if box else None
    return Known(Labels.model_validate(labels), tuple(point) if point else None, face)


def match(known: list[Known], found: list[Detection]) -> tuple[list[Labels | None], list[Known]]:
    """Labels for every detection, and the known faces that no detection is.

    A known face with a point or a box is the detection that contains it, the one with the nearest centre if several
    do; one without is the largest detection. Every detection takes at most one.
    """
    labels: list[Labels | None] = [None] * len(found)
    missed = []
    for face in known:
        free = [i for i, taken in enumerate(labels) if taken is None]
        if face.where is None:
            best = max(free, key=lambda i: found[i].area, default=None)
        else:
            distance = [math.dist(face.where, detection.centre) for detection in found]
            best = min((i for i in free if found[i].contains(*face.where)), key=distance.__getitem__, default=None)
        if best is None:
            missed.append(face)
        else:
            labels[best] = face.labels
    return labels, missed


def with_split(labels: Labels | None, split: SplitRecipe | None, source_sha256: str) -> Labels | None:
    """Labels with train or test filled in where the recipe splits and the source did not."""
    if split is None or (labels and labels.split):
        return labels
    group = (labels.subject if labels and split.by == "subject" else None) or source_sha256
    return (labels or Labels()).model_copy(update={"split": side(group, split.test, split.seed)})
