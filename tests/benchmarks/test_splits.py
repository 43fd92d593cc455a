from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import divide, inner
from emocap.core.errors import UserError
from emocap.io.media import Picture


def card(split: dict[str, Any] | None = None, **parts: Any) -> Card:
    base = {"title": "T", "task": "emotion", "layout": {"reader": "build"}, "classes": {"a": ["a"], "b": ["b"]}}
    return Card.model_validate({**base, "split": split or {}, **parts})


def example(number: int, subject: str | None = None, splits: tuple[str, ...] = ("test",)) -> Example:
    return Example(f"{number}", Picture(Path("x")), splits, "a", subject=subject)


PEOPLE = [example(n, subject) for n, subject in enumerate("aaaaaabbbbcccddde")]


def test_official_folds_are_a_result_each() -> None:
    sides = [("train", "test"), ("val", "train"), ("test", ""), ("train", "train")]
    first, second = divide(card(), [example(n, splits=one) for n, one in enumerate(sides)])
    assert [side.tolist() for fold in first for side in (fold.train, fold.val, fold.test)] == [[0, 3], [1], [2]]
    assert [side.tolist() for fold in second for side in (fold.train, fold.val, fold.test)] == [[1, 3], [], [0]]


def test_folds_by_subject_are_pooled_apart_balanced_and_repeat() -> None:
    (folds,) = divide(card({"by": "subjects", "folds": 3}), PEOPLE)
    tested = [{str(PEOPLE[row].subject) for row in fold.test} for fold in folds]
    assert tested == [{"a"}, {"b", "e"}, {"c", "d"}]
    assert sorted(row for fold in folds for row in fold.test) == list(range(17))
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == list(range(17))
        assert not {PEOPLE[row].subject for row in fold.train} & {PEOPLE[row].subject for row in fold.test}
    moved = PEOPLE[::-1]
    (again,) = divide(card({"by": "subjects", "folds": 3}), moved)
    assert [{str(moved[row].subject) for row in fold.test} for fold in again] == tested


def test_one_may_be_left_out_at_a_time() -> None:
    (folds,) = divide(card({"by": "subjects"}), PEOPLE)
    assert [sorted({str(PEOPLE[row].subject) for row in fold.test}) for fold in folds] == [[one] for one in "abcde"]


def test_people_may_be_written_out() -> None:
    # Somebody who is not there, as in a part of the data, is nobody's fold.
    (folds,) = divide(card({"by": "subjects", "people": [["a", "e"], ["b", "c", "d", "x"]]}), PEOPLE)
    assert [len(fold.test) for fold in folds] == [7, 10]


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ({"people": [["a", "e"], ["b", "c"]]}, "does not say where d belong"),
        ({"people": [["a", "e"], ["b", "c", "d", "a"]]}, "has a in more than one fold"),
        ({"people": [["a", "b", "c", "d", "e"], []]}, "nobody is tested in fold 2"),
        ({"people": [["a", "b", "c", "d", "e"]]}, "need two people at least"),
        ({"folds": 6}, "6 folds of 5 people"),
    ],
)
def test_people_that_do_not_fit_the_data_are_told(split: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        divide(card({"by": "subjects", **split}), PEOPLE)


def test_the_nameless_cannot_be_kept_apart() -> None:
    with pytest.raises(UserError, match="nobody is named for 99"):
        divide(card({"by": "subjects"}), [*PEOPLE, example(99)])


def test_wrong_official_sides_are_told() -> None:
    both = [example(0, "p", ("train",)), example(1, "p", ("test",))]
    with pytest.raises(UserError, match="p is in train and in test"):
        divide(card(), both)
    with pytest.raises(UserError, match="nothing is for testing in fold 2"):
        divide(card(), [example(0, None, ("test", "train"))])
    with pytest.raises(UserError, match="1 is in 1 folds, others in another number"):
        divide(card(), [example(0, None, ("test", "test")), example(1), example(2, None, ("test", "test"))])
    counts = {"train": 3, "test": {"a": 1}}
    right = [example(n, None, ("train",)) for n in range(3)] + [example(3)]
    divide(card(counts=counts), right)
    swapped = [example(n) for n in range(3)] + [example(3, None, ("train",))]
    with pytest.raises(UserError, match="train and test are swapped: 1 are to train on, 3 to test on"):
        divide(card(counts=counts), swapped)


def test_inner_folds_keep_groups_together() -> None:
    groups = [str(one.subject) for one in PEOPLE]
    folds = inner(groups, 3)
    assert len(folds) == 3
    for kept, held in folds:
        assert not {groups[row] for row in kept} & {groups[row] for row in held}
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(17))
    assert inner(["a", "a"], 3) == []
