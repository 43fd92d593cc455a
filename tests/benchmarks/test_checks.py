import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import Report, check, refuse
from emocap.core.errors import UserError
from emocap.evaluation.registry import TASKS, read_examples

COUNTS = {"train": {"calm": 3, "happy": 5}, "test": {"calm": 2, "happy": 4}}

NEEDS = TASKS["emotion"].needs


def card(**changes: Any) -> Card:
    content = {
        "title": "Toy",
        "task": "emotion",
        "folder": "toy",
        "layout": {
            "reader": "paths",
            "pattern": r"^(?P<split>train|test)/(?P<label>[a-z]+)/(?P<subject>p\d+)_\d+",
            "splits": {"train": "train", "test": "test"},
        },
        "classes": {"calm": ["calm"], "happy": ["happy"]},
        "counts": COUNTS,
    }
    return Card.model_validate(content | changes)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What the card says, to the last picture."""
    random, person = np.random.default_rng(0), 0
    for split, counts in COUNTS.items():
        for label, number in counts.items():
            folder = tmp_path / "toy" / split / label
            folder.mkdir(parents=True)
            for _ in range(number):
                pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).resize((64, 64)).save(folder / f"p{person}_1.png")
                person += 1
    return tmp_path


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def some(data: Path, pattern: str) -> Path:
    return sorted((data / "toy").glob(pattern))[0]


def test_data_as_it_should_be(data: Path) -> None:
    report = check("toy", card(), data, NEEDS)
    assert report.findings == []
    assert report.counts == COUNTS
    assert not report.wrong
    refuse("toy", card(), read_examples(card(), data), NEEDS)


def lose(data: Path) -> None:
    some(data, "test/calm/*").unlink()


def tear(data: Path) -> None:
    path = some(data, "train/happy/*")
    path.write_bytes(path.read_bytes()[:200])


def empty(data: Path) -> None:
    some(data, "train/happy/*").write_bytes(b"")


def leak(data: Path) -> None:
    some(data, "test/happy/*").write_bytes(some(data, "train/happy/*").read_bytes())


def twice(data: Path) -> None:
    first, second, *_ = sorted((data / "toy/test/happy").iterdir())
    second.write_bytes(first.read_bytes())


def near(data: Path) -> None:
    image = Image.open(some(data, "train/happy/*"))
    image.point(lambda value: value * 0.9).save(some(data, "test/happy/*"))


def share(data: Path) -> None:
    path = some(data, "test/happy/*")
    path.rename(path.with_name("p0_2.png"))


def swap_labels(data: Path) -> None:
    for split in ("train", "test"):
        folder = data / "toy" / split
        (folder / "calm").rename(folder / "kept")
        (folder / "happy").rename(folder / "calm")
        (folder / "kept").rename(folder / "happy")


def swap_splits(data: Path) -> None:
    (data / "toy/train").rename(data / "toy/kept")
    (data / "toy/test").rename(data / "toy/train")
    (data / "toy/kept").rename(data / "toy/test")


@pytest.mark.parametrize(
    ("damage", "kind", "wrong", "refused", "told"),
    [
        (lose, "counts", True, True, r"test has 1 calm \(card: 2\)"),
        (tear, "broken_image", True, False, "1 examples, such as"),
        (empty, "empty_file", True, False, "0 bytes"),
        (leak, "test_in_train", True, False, "1 pictures of test are also in train"),
        (twice, "duplicates", False, False, "1 pictures are twice in a split"),
        (near, "near_duplicates", False, False, "1 of test look as one of train does"),
        (share, "subjects_on_both_sides", True, False, "1 people are in train and in test"),
        (swap_labels, "permuted_labels", True, True, "the label order looks permuted: calm has the count of happy"),
        (swap_splits, "swapped_splits", True, True, "train and test look swapped: 6 and 8"),
    ],
)
def test_each_kind_of_trouble(
    damage: Callable[[Path], None], kind: str, wrong: bool, refused: bool, told: str, data: Path
) -> None:
    damage(data)
    report = check("toy", card(), data, NEEDS)
    (finding,) = [finding for finding in report.findings if finding.kind == kind]
    assert finding.wrong == wrong == report.wrong
    assert set(kinds(report)) - {kind} <= {"counts"}
    assert re.search(told, finding.detail)
    if refused:
        with pytest.raises(UserError, match="emocap benchmarks check toy, or set allow_counts=true"):
            refuse("toy", card(), read_examples(card(), data), NEEDS)
    else:
        refuse("toy", card(), read_examples(card(), data), NEEDS)


def test_a_class_without_test_examples_is_refused_even_without_counts(data: Path) -> None:
    for path in (data / "toy/test/calm").iterdir():
        path.unlink()
    bare = card(counts={})
    assert "class_without_test" in kinds(check("toy", bare, data, NEEDS))
    with pytest.raises(UserError, match="no test examples of calm"):
        refuse("toy", bare, read_examples(bare, data), NEEDS)


def test_people_of_the_folds_who_are_not_there_are_told(data: Path) -> None:
    there = sorted({str(example.subject) for example in read_examples(card(), data)})
    listed = card(split={"by": "subjects", "people": [there[:2], [*there[2:], "somebody"]]}, counts={})
    finding = next(one for one in check("toy", listed, data, NEEDS).findings if one.kind == "absent_people")
    assert finding.wrong
    assert finding.detail == "1 people of the card's folds are not there, such as somebody"
    with pytest.raises(UserError, match="such as somebody; see emocap benchmarks check toy"):
        refuse("toy", listed, read_examples(listed, data), NEEDS)


def test_an_annotation_that_cannot_be_read_is_a_finding(data: Path) -> None:
    (data / "toy/train/calm").rename(data / "toy/train/bored")
    report = check("toy", card(), data, NEEDS)
    assert kinds(report) == ["annotation"]
    assert "'bored' (3)" in report.findings[0].detail
    with pytest.raises(UserError, match="there is no folder"):
        check("toy", card(), data / "nowhere", NEEDS)
