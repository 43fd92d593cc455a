"""What a source knows of its faces beforehand: label tables, patterns over paths, and the split."""

import itertools
import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.dataset.known import Known
from emocap.dataset.label_paths import after_folder, names_of, plain
from emocap.dataset.label_rows import FIELDS, NUMBERS, PLACES, rows
from emocap.dataset.moments import agreed
from emocap.dataset.recipe import SourceRecipe, SplitRecipe
from emocap.faces.detectors.base import Detection
from emocap.io.storage import place
from emocap.io.text import number_of
from emocap.schema.facs import parse_facs
from emocap.schema.samples import Labels, side


class LabelTable:
    """Path below the source's folder → the faces known there. It lies on disk and takes no memory to speak of."""

    def __init__(self, path: Path) -> None:
        # Nobody writes to it any more, so that readers in any number of threads and machines need no locks.
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._rows = sqlite3.connect(address, uri=True, check_same_thread=False)

    @classmethod
    def write(cls, source: SourceRecipe, path: Path) -> Self:
        """Check every row of a source's label table and keep it at ``path``; an empty one where it has none.

        Raises UserError naming file, line and column, and where rows for the same face disagree.
        """
        with replacing(path) as scratch:
            database = sqlite3.connect(scratch)
            try:
                _fill(database, source)
            finally:
                database.close()
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A table that ``write`` made. Raises sqlite3.OperationalError where there is none."""
        return cls(path)

    def known(self, below: str, archive: str = "") -> list[Known]:
        """The faces at a path below the source's folder, in the order of the table; those of a member of an archive,
        where one is named.
        """
        return [_from_json(face) for _, face in self.find(below, archive)]

    def find(self, below: str, archive: str = "") -> list[tuple[int, str]]:
        """Number, from 1, and face of each row that names an input."""
        for name in names_of(below, archive):
            for query in (_BY_PATH, _BY_REST):
                if rows := self._rows.execute(query, (name,)).fetchall():
                    return rows
        return []

    def paths(self) -> Iterator[str]:
        """The path of every row, as it stands in the table."""
        return (path for (path,) in self._rows.execute("SELECT given FROM known ORDER BY rowid"))

    def __len__(self) -> int:
        (count,) = self._rows.execute("SELECT count(*) FROM known").fetchone()
        return int(count)


_BY_PATH = "SELECT rowid, face FROM known WHERE path = ? ORDER BY rowid"
_BY_REST = "SELECT known.rowid, face FROM rest JOIN known ON known.rowid = row WHERE rest.path = ? ORDER BY row"


def _fill(database: sqlite3.Connection, source: SourceRecipe) -> None:
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("CREATE TABLE known (path TEXT NOT NULL, face TEXT NOT NULL, given TEXT NOT NULL, line TEXT)")
    # A table may name files from further up, or from a folder of the same name on another machine.
    database.execute("CREATE TABLE rest (path TEXT NOT NULL, row INTEGER NOT NULL)")
    if source.labels is not None:
        folder = place(str(source.path)).folder()
        for where, given, known in _checked(source):
            path = plain(given)
            row = database.execute("INSERT INTO known VALUES (?, ?, ?, ?)", (path, _to_json(known), given, where))
            rests = [(rest, row.lastrowid) for rest in after_folder(path, folder)]
            database.executemany("INSERT INTO rest VALUES (?, ?)", rests)
    database.execute("CREATE INDEX by_path ON known (path)")
    database.execute("CREATE INDEX by_rest ON rest (path)")
    database.commit()
    if source.labels is not None:
        _agree(database, source.labels)


def _agree(database: sqlite3.Connection, labels: str) -> None:
    """Raises UserError where several rows for one face say different things, naming the first such rows."""
    several = database.execute(
        "SELECT path, face, line FROM known WHERE path IN (SELECT path FROM known GROUP BY path HAVING count(*) > 1)"
        " ORDER BY path, rowid"
    )
    for path, group in itertools.groupby(several, key=lambda row: row[0]):
        rows = [(line, _from_json(face)) for _, face, line in group]
        try:
            agreed([known for _, known in rows])
        except UserError as error:
            spots = [known.spot for _, known in rows]
            lines = [line for line, known in rows if spots.count(known.spot) > 1]
            raise UserError(
                f"{labels}, {', '.join(lines[:5])}: these rows for {path} do not say which face each means, and "
                f"disagree ({error}); give every face x, y or x0, y0, x1, y1, and in a film time or frame, "
                "or join the rows of one face to one, as emotions a:2;b:1"
            ) from None


def known_faces(source: SourceRecipe, table: LabelTable, below: str, archive: str = "") -> list[Known]:
    """The faces known of the input ``below`` the source's folder: from its table, else from its pattern.

    Raises UserError where the pattern's groups are no labels.
    """
    if known := table.known(below, archive):
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


def _checked(source: SourceRecipe) -> Iterator[tuple[str, str, Known]]:
    """Where each row is, its path as it stands there, and its face."""
    assert source.labels is not None
    for where, row in rows(source.labels, source.columns, source.rename):
        try:
            path = _filled(row).get("path")
            if path is None:
                raise UserError("no path")
            yield where, path, parse({name: cell for name, cell in row.items() if name != "path"}, source.rename)
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
    frame = cells.get("frame", "")
    return Known(labels, point, face, _seconds(cells.get("time", "")), int(frame) if frame.isdecimal() else None)


def _seconds(text: str) -> float | None:
    """A time in a film: seconds, or h:mm:ss.s as players show it. None for any other, such as a date."""
    parts = text.split(":")
    if len(parts) > 3 or not all(re.fullmatch(r"\d+(\.\d*)?", part) for part in parts):
        return None
    return math.fsum(float(part) * (1, 60, 3600)[power] for power, part in enumerate(reversed(parts)))


def _units(text: str) -> dict[str, float]:
    try:
        return parse_facs(text)
    except (UserError, ValueError) as error:
        raise UserError(f"action_units: {error}") from None


def _to_json(known: Known) -> str:
    box = known.face.bbox if known.face else None
    return json.dumps([known.labels.model_dump(exclude_none=True), known.point, box, known.time, known.frame])


def _from_json(text: str) -> Known:
    labels, point, box, time, frame = json.loads(text)
    face = Detection(tuple(box), 1.0) if box else None
    return Known(Labels.model_validate(labels), tuple(point) if point else None, face, time, frame)


def match(known: list[Known], detections: list[Detection]) -> tuple[list[Labels | None], list[Known]]:
    """Labels for every detection, and the known faces that no detection is.

    A known face with a point or a box is the detection that contains it, the one with the nearest centre if several
    do; one without is the largest detection. Every detection takes at most one.
    """
    labels: list[Labels | None] = [None] * len(detections)
    missed = []
    for face in known:
        free = [i for i, taken in enumerate(labels) if taken is None]
        if face.where is None:
            best = max(free, key=lambda i: detections[i].area, default=None)
        else:
            distance = [math.dist(face.where, detection.centre) for detection in detections]
            best = min(
                (i for i in free if detections[i].contains(*face.where)), key=distance.__getitem__, default=None
            )
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
