from collections.abc import Sequence

import pytest

from emocap.annotators.annotations import Annotations, Reading, gather
from emocap.annotators.table_formats import Cell
from emocap.core.errors import UserError


def cells(*rows: str) -> list[Cell]:
    """Each "item annotator label", the label with whatever space is around it."""
    parts = [row.split(" ", 2) for row in rows]
    return [Cell(item, who, text, f"line {number}") for number, (item, who, text) in enumerate(parts, 2)]


def counted(found: Annotations) -> dict[str, int]:
    return {note.text: note.count for note in found.notes}


def gathered(rows: Sequence[str], predictions: Sequence[str] | None = None, **reading: object) -> Annotations:
    return gather(cells(*rows), None if predictions is None else cells(*predictions), Reading(**reading))  # type: ignore[arg-type]


def test_labels_become_a_matrix_in_the_order_of_the_table() -> None:
    found = gathered(["b 2 sad", "a 1 happy", "b 1 sad", "a 3 calm"])
    assert (found.items, found.annotators, found.labels) == (["b", "a"], ["2", "1", "3"], ["calm", "happy", "sad"])
    assert found.given_NA.tolist() == [[2, 2, -1], [-1, 1, 0]]
    assert found.predicted_NA is None
    assert found.notes == []


def test_numbers_stand_in_their_order() -> None:
    assert gathered(["a 1 10", "a 2 9", "b 1 -1", "b 2 2.5"]).labels == ["-1", "2.5", "9", "10"]


def test_case_and_space_make_no_other_label() -> None:
    found = gathered(["a 1 Happy", "a 2 happy", "b 1  happy ", "b 2 HAPPY", "c 1 3.0", "c 2 3"])
    assert found.labels == ["3", "happy"]
    assert found.given_NA.tolist() == [[1, 1], [1, 1], [0, 0]]
    (note,) = found.notes
    assert (note.count, note.examples) == (4, ["'Happy'", "' happy '", "'HAPPY'"])
    assert "written otherwise" in note.text


def test_ties_are_missing_unless_they_are_labels() -> None:
    rows = ["a 1 A", "a 2 D", "b 1 A:D", "b 2 A", "c 1 D:A:X", "c 2 D"]
    found = gathered(rows)
    assert found.labels == ["A", "D", "D:A:X"]
    assert counted(found)["labels that are ties, taken as missing"] == 1
    assert found.given_NA[1].tolist() == [-1, 0]
    found = gathered(rows, ties_count=True)
    assert found.labels == ["A", "A:D", "D", "D:A:X"]
    assert found.notes == []


def test_what_is_missing_can_be_named() -> None:
    rows = ["a 1 x", "a 2 NA", "b 1 y", "b 2 x", "c 1 na", "c 2 "]
    found = gathered(rows, missing=["NA"])
    assert found.labels == ["x", "y"]
    assert found.items == ["a", "b"]
    assert counted(found) == {"labels that are missing": 3, "items without any label, which are left out": 1}


def test_a_label_twice_counts_once_and_a_contradiction_not_at_all() -> None:
    found = gathered(["a 1 x", "a 1 X", "a 2 x", "b 1 x", "b 1 y", "b 2 y"])
    assert found.given_NA.tolist() == [[0, 0], [-1, 1]]
    assert counted(found)["labels that are there twice, and count once"] == 1
    (note,) = [note for note in found.notes if "several" in note.text]
    assert (note.count, note.examples) == (1, ["b, 1: x and y"])


def test_annotators_without_labels_are_left_out() -> None:
    found = gathered(["a 1 x", "a 2 y", "a 3 ", "b 3 "])
    assert found.annotators == ["1", "2"]
    assert counted(found)["annotators without any label, who are left out"] == 1


def test_all_labels_can_be_named_in_their_order() -> None:
    found = gathered(["a 1 High", "a 2 low"], labels=["low", "middle", "high"])
    assert found.labels == ["low", "middle", "high"]
    assert found.given_NA.tolist() == [[2, 0]]
    with pytest.raises(UserError, match="labels, line 3: 'hihg' of 2 is not one of the labels"):
        gathered(["a 1 high", "a 2 hihg"], labels=["low", "high"])
    with pytest.raises(UserError, match="names a label twice"):
        gathered(["a 1 high", "a 2 high"], labels=["high", "High"])
    with pytest.raises(UserError, match="has an empty name"):
        gathered(["a 1 high", "a 2 high"], labels=["high", ""])


def test_predictions_are_of_what_the_table_knows() -> None:
    rows = ["a 1 x", "a 2 y", "b 1 y", "b 2 ", "c 1 x"]
    found = gathered(rows, ["a 1 x", "a 2 X", "b 2 y", "b 3 y", "z 1 y", "c 1 w"])
    assert found.labels == ["w", "x", "y"]
    assert found.predicted_NA is not None
    assert found.predicted_NA.tolist() == [[1, 1], [-1, 2], [0, -1]]
    told = counted(found)
    assert told["predictions of items or annotators without any label, which are left out"] == 2
    assert told["predictions of labels that were not given, which count in the consensus alone"] == 1
    assert told["labels without a prediction, left out where the two are compared"] == 1
    assert told["labels that are predicted and that nobody gave"] == 1
    with pytest.raises(UserError, match="no prediction is of an item and an annotator"):
        gathered(rows, ["z 1 x", "a 9 x"])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["a 1 x", "b 1 y"], "1 alone has labels"),
        (["a 1 ", "b 2 "], "nobody alone has labels"),
        (["a Ann x", "b ann y"], "Ann and ann differ in case alone"),
        ([f"a {number} x" for number in range(101)], "101 annotators, and at most 100"),
        ([f"{number} {number % 2} l{number}" for number in range(51)], "51 different labels, and at most 50"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_line(rows: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        gathered(rows)
