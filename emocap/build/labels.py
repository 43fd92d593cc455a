"""What a source knows of its faces beforehand: label tables, patterns over paths, and the split."""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from emocap.build.recipe import SourceRecipe, SplitRecipe
from emocap.errors import UserError
from emocap.faces.detectors import Detection
from emocap.facs import parse_facs
from emocap.samples import Labels, side


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


Table = dict[str, list[Known]]
"""Path below the source's folder → the faces known there."""

_FIELDS = ("emotion", "subject", "split")
_NUMBERS = ("intensity", "valence", "arousal")
_PLACES = ("x", "y", "x0", "y0", "x1", "y1")


def read_table(source: SourceRecipe) -> Table:
    """The label table of a source; empty where it has none. Raises UserError naming file, line and column."""
    if source.labels is None:
        return {}
    table: Table = {}
    path = Path(source.labels)
    if not path.is_file():
        raise UserError(f"sources: there is no label table {path}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if "path" not in (rows.fieldnames or ()):
            raise UserError(f"{path} has no column path; its columns are {', '.join(rows.fieldnames or ()) or 'none'}")
        for row in rows:
            filled = {column: cell.strip() for column, cell in row.items() if column and cell and cell.strip()}
            try:
                table.setdefault(filled.pop("path"), []).append(_known(filled, source.rename))
            except KeyError:
                raise UserError(f"{path}, line {rows.line_num}: no path") from None
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                raise UserError(f"{path}, line {rows.line_num}: {where}: {first['msg'].lower()}") from None
            except (UserError, ValueError) as error:
                raise UserError(f"{path}, line {rows.line_num}: {error}") from None
    return table


def known_faces(source: SourceRecipe, table: Table, below: str) -> list[Known]:
    """The faces known of the input ``below`` the source's folder: from its table, else from its pattern."""
    if below in table:
        return table[below]
    found = re.search(source.pattern, below) if source.pattern else None
    named = {name: text for name, text in (found.groupdict() if found else {}).items() if text}
    return [_known(named, source.rename)] if named else []


def _known(cells: dict[str, str], rename: dict[str, str]) -> Known:
    place = {name: float(cells.pop(name)) for name in _PLACES if name in cells}
    weights = [entry.partition(":") for entry in cells.pop("emotions", "").split(";") if entry.strip()]
    emotions = {rename.get(name.strip(), name.strip()): float(weight or 1) for name, _, weight in weights}
    units = cells.pop("action_units", None)
    texts = {name: cells.pop(name) for name in _FIELDS if name in cells}
    if "emotion" in texts:
        texts["emotion"] = rename.get(texts["emotion"], texts["emotion"])
    numbers = {name: float(cells.pop(name)) for name in _NUMBERS if name in cells}
    labels = Labels.model_validate(
        {
            **texts,
            **numbers,
            "emotions": {name: weight / sum(emotions.values()) for name, weight in emotions.items()} or None,
            # FACS codes a face on which nothing moves as 0.
            "action_units": None if units is None else parse_facs(units) if units != "0" else {},
            "other": cells,
        }
    )
    box = tuple(place[name] for name in ("x0", "y0", "x1", "y1") if name in place)
    face = Detection(box, 1.0) if len(box) == 4 else None
    point = (place["x"], place["y"]) if {"x", "y"} <= place.keys() else None
    return Known(labels, point, face)


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
