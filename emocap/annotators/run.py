"""From a table of labels to annotators.json."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emocap.annotators.annotations import Reading, gather
from emocap.annotators.bootstrap import MAP_ROUNDS
from emocap.annotators.explanations import read_explanations
from emocap.annotators.missing import MINUS_ONE, is_missing
from emocap.annotators.table_formats import Cell, Long, Wide, cells_of, form_of
from emocap.annotators.tables import read_table
from emocap.annotators.task import Method, measure_task
from emocap.core.errors import UserError
from emocap.core.files import write_json
from emocap.core.version import __version__
from emocap.metrics.intervals import ROUNDS

FILE = "annotators.json"


@dataclass(frozen=True)
class Sources:
    """Where labels, predictions and explanations are."""

    labels: Path
    predictions: Path | None = None
    """None: in the column prediction of a long table, if it has one."""
    explanations: Path | None = None
    item: str | None = None
    """The column of items of a wide table that is none of those known."""
    raters: Sequence[str] = ()
    """Its columns of labels."""
    perspective: str | None = None
    """Of several tasks in a table only this one."""

    @property
    def files(self) -> dict[str, Path]:
        """What each file holds, and its path."""
        every = {"labels": self.labels, "predictions": self.predictions, "explanations": self.explanations}
        return {holds: path for holds, path in every.items() if path}


def measure(sources: Sources, method: Method, out: Path, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Measure every task of a table and write annotators.json into ``out``; returns its content.

    tell: is given each task as it is done. Raises UserError for sources that are not as they should be.
    """
    cells, missing = _cells(sources, method.reading)
    method = replace(method, reading=replace(method.reading, missing=(*method.reading.missing, *missing)))
    if sources.explanations and len(cells) > 1:
        raise UserError(f"explanations belong to one task: set perspective to one of {', '.join(cells)}")
    tasks = []
    for name, (labels, predictions) in cells.items():
        found = gather(labels, predictions, method.reading)
        explanations = (
            read_explanations(sources.explanations, found.items, found.annotators) if sources.explanations else None
        )
        tasks.append(measure_task(name, found, explanations, method))
        tell(tasks[-1])
    content = {
        "emocap": __version__,
        "sources": {
            holds: {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for holds, path in sources.files.items()
        },
        "method": {**method.record(), "rounds": ROUNDS, "map_rounds": MAP_ROUNDS},
        "tasks": tasks,
    }
    write_json(out / FILE, content)
    return content


_TaskCells = tuple[list[Cell], list[Cell] | None]


def _cells(sources: Sources, reading: Reading) -> tuple[dict[str, _TaskCells], list[str]]:
    """Task → the cells of its labels and of its predictions; and what stands for no label in such tables."""
    table = read_table(sources.labels)
    form = form_of(table, "label", sources.item, sources.raters)
    labels = cells_of(table, form, "label")
    predictions: dict[str, list[Cell]] = {}
    forms = [form]
    if sources.predictions:
        if isinstance(form, Long) and "prediction" in table.columns:
            raise UserError(f"predictions: {table.path} has a column prediction already; leave one of the two")
        other = read_table(sources.predictions)
        forms.append(form_of(other, "prediction", sources.item, sources.raters))
        predictions = cells_of(other, forms[-1], "prediction")
    elif isinstance(form, Long) and "prediction" in table.columns:
        predictions = cells_of(table, form, "prediction")
    missing = []
    if any(isinstance(one, Wide) and one.minus_one for one in forms):
        texts = (cell.text for cells in (*labels.values(), *predictions.values()) for cell in cells)
        missing = [MINUS_ONE] if is_missing(texts, reading) else []
    if sources.perspective is not None:
        if sources.perspective not in labels:
            others = ", ".join(filter(None, labels)) or "one task without a name"
            raise UserError(f"perspective: {table.path} has no {sources.perspective}, but {others}")
        labels = {sources.perspective: labels[sources.perspective]}
        if set(predictions) == {""}:
            predictions = {sources.perspective: predictions[""]}
    if predictions and (absent := [name for name in labels if name not in predictions]):
        raise UserError(
            f"predictions: {sources.predictions} has no {', '.join(absent)}; set perspective to what they are of"
        )
    return {name: (cells, predictions.get(name)) for name, cells in labels.items()}, missing
