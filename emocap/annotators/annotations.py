"""From the cells of a table to one matrix of labels, and what was odd on the way, counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emocap.annotators.spelling import Spelling, key_of
from emocap.annotators.table_formats import Cell
from emocap.core.errors import UserError, few
from emocap.metrics.arrays import Labels

MOST_ANNOTATORS = 100
"""With more, a matrix of all pairs is neither read nor quickly resampled."""
_EXAMPLES = 3


@dataclass(frozen=True)
class Note:
    """Something that was counted, and the first few places of it."""

    count: int
    text: str
    examples: list[str]


@dataclass(frozen=True)
class Annotations:
    """The labels of one task."""

    items: list[str]
    annotators: list[str]
    labels: list[str]
    """In the order of their numbers, or as they were named, or by the alphabet."""
    given_NA: Labels
    """Place of the label in ``labels``; −1: none."""
    predicted_NA: Labels | None
    """What a model predicts of each annotator; None where there are no predictions."""
    notes: list[Note]


@dataclass(frozen=True)
class Reading:
    """How labels are to be read."""

    labels: Sequence[str] = ()
    """All that there are, in their order; empty: those that occur."""
    missing: Sequence[str] = ()
    """What is written where there is no label, besides nothing."""
    ties_count: bool = False
    """Whether a tie, such as A:D where A and D are labels, is a label of its own; else it is missing."""


def gather(cells: Sequence[Cell], predictions: Sequence[Cell] | None, reading: Reading) -> Annotations:
    """The labels of one task in one matrix.

    Labels that differ in case or space alone are one. An annotator who labels an item twice and differently has no
    label of it. Raises UserError for fewer than two annotators with labels, for more than MOST_ANNOTATORS or
    MOST_LABELS, and for a label that ``reading.labels`` does not name.
    """
    spelling = Spelling(reading.labels, [cell.text for cell in (*cells, *(predictions or ()))])
    notes = _Notes()
    given = _single(_labelled(cells, reading, spelling, notes, "labels"), notes, "labels")
    labelled, active = {item for item, _ in given}, {who for _, who in given}
    every_item, everybody = (
        dict.fromkeys(names) for names in zip(*((c.item, c.annotator) for c in cells), strict=True)
    )
    items = [item for item in every_item if item in labelled]
    annotators = [who for who in everybody if who in active]
    _check_annotators(annotators)
    notes.add("annotators without any label, who are left out", [who for who in everybody if who not in active])
    notes.add("items without any label, which are left out", [item for item in every_item if item not in labelled])

    predicted = None
    if predictions is not None:
        each = _single(_labelled(predictions, reading, spelling, notes, "predictions"), notes, "predictions")
        predicted = {(item, who): key for (item, who), key in each.items() if item in labelled and who in active}
        notes.add("predictions of items or annotators without any label, which are left out", _named(each, predicted))
        if not predicted:
            raise UserError("no prediction is of an item and an annotator that the table of labels has")
        notes.add(
            "predictions of labels that were not given, which count in the consensus alone", _named(predicted, given)
        )
        notes.add("labels without a prediction, left out where the two are compared", _named(given, predicted))

    labels = spelling.order({*given.values(), *(predicted or {}).values()})
    if not reading.labels:
        foreign = sorted({*(predicted or {}).values()} - {*given.values()})
        notes.add("labels that are predicted and that nobody gave", [spelling.display(key) for key in foreign])
    notes.add(
        "labels written otherwise than shown, in case or space, and taken for the same",
        spelling.otherwise(set(labels)),
    )
    return Annotations(
        items,
        annotators,
        [spelling.display(key) for key in labels],
        _matrix(given, items, annotators, labels),
        None if predicted is None else _matrix(predicted, items, annotators, labels),
        notes.kept,
    )


class _Notes:
    """Notes as they come."""

    def __init__(self) -> None:
        self.kept: list[Note] = []

    def add(self, text: str, examples: Iterable[str]) -> None:
        """Keep a note of what was found, if anything was."""
        if listed := list(examples):
            self.kept.append(Note(len(listed), text, listed[:_EXAMPLES]))


def _labelled(
    cells: Iterable[Cell], reading: Reading, spelling: Spelling, notes: _Notes, what: str
) -> list[tuple[Cell, str]]:
    """The cells that hold a label, each with its key."""
    missing = {key_of(text) for text in reading.missing} | {""}
    kept, tied, empty = [], [], 0
    for cell in cells:
        key = key_of(cell.text)
        if key in missing:
            empty += 1
        elif not reading.ties_count and spelling.tied(key):
            tied.append(f"{cell.text.strip()} ({cell.annotator}, {cell.where})")
        elif not spelling.named(key):
            raise UserError(
                f"{what}, {cell.where}: {cell.text.strip()!r} of {cell.annotator} is not one of the labels; "
                "add it to labels, or to missing"
            )
        else:
            kept.append((cell, key))
    notes.add(f"{what} that are ties, taken as missing", tied)
    if empty:
        notes.kept.append(Note(empty, f"{what} that are missing", []))
    return kept


def _single(labelled: Iterable[tuple[Cell, str]], notes: _Notes, what: str) -> dict[tuple[str, str], str]:
    """Item and annotator → their label; what is there twice counts once, or not at all where it is contradictory."""
    found: dict[tuple[str, str], list[tuple[Cell, str]]] = {}
    for cell, key in labelled:
        found.setdefault((cell.item, cell.annotator), []).append((cell, key))
    several = {pair: some for pair, some in found.items() if len(some) > 1}
    opposed = {pair: some for pair, some in several.items() if len({key for _, key in some}) > 1}
    again = [cell.where for pair, some in several.items() if pair not in opposed for cell, _ in some[1:]]
    notes.add(f"{what} that are there twice, and count once", again)
    repeated = [
        f"{item}, {who}: {' and '.join(cell.text.strip() for cell, _ in some)}"
        for (item, who), some in opposed.items()
    ]
    notes.add(f"{what} of which an annotator has several for an item, taken as missing", repeated)
    return {pair: some[0][1] for pair, some in found.items() if pair not in opposed}


def _check_annotators(annotators: Sequence[str]) -> None:
    if len(annotators) < 2:
        raise UserError(f"agreement is between annotators, and {few(annotators) or 'nobody'} alone has labels")
    if len(annotators) > MOST_ANNOTATORS:
        raise UserError(
            f"{len(annotators):,} annotators, and at most {MOST_ANNOTATORS} can be compared in pairs: "
            "keep the rows of those with the most labels"
        )
    alike: dict[str, str] = {}
    for name in annotators:
        if (other := alike.setdefault(name.casefold(), name)) != name:
            raise UserError(f"annotators {other} and {name} differ in case alone: write them alike or rename one")


def _named(these: Mapping[tuple[str, str], str], but: Mapping[tuple[str, str], str]) -> list[str]:
    return [f"{item}, {who}" for item, who in these if (item, who) not in but]


def _matrix(
    label_of: Mapping[tuple[str, str], str], items: Sequence[str], annotators: Sequence[str], labels: Sequence[str]
) -> Labels:
    row, column = ({name: place for place, name in enumerate(names)} for names in (items, annotators))
    place = {key: number for number, key in enumerate(labels)}
    matrix_NA = np.full((len(items), len(annotators)), -1, dtype=np.int64)
    for (item, who), key in label_of.items():
        matrix_NA[row[item], column[who]] = place[key]
    return matrix_NA
