from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.evaluation.registry import check_card, read_examples

CLASSES: dict[str, Any] = {
    **{name: [name] for name in ("neutral", "sadness", "anger", "fear", "surprise", "disgust")},
    "happiness": {"words": ["happy"], "aliases": ["smiling"]},
}


def card(**parts: Any) -> Card:
    base: dict[str, Any] = {
        "title": "T",
        "task": "emotion",
        "layout": {"reader": "build"},
        "classes": CLASSES,
        "prompts": ["a {c} face"],
    }
    return Card.model_validate({**base, **parts})


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for folder in ("neutral", "smiling"):
        (tmp_path / folder).mkdir()
        for person in range(30):
            shade = Image.fromarray(np.full((8, 8, 3), person * 8, dtype=np.uint8))
            shade.save(tmp_path / folder / f"{person:03d}.png")
    (tmp_path / "neutral" / "._000.png").write_bytes(b"resource fork")
    (tmp_path / "neutral" / "notes.txt").write_text("x")
    return tmp_path


LAYOUT = {"reader": "paths", "pattern": r"^(?P<label>\w+)/(?P<subject>\d+)\."}


def test_a_build_is_read_with_labels_split_and_subject(drawn_build: Path) -> None:
    examples = read_examples(card(), drawn_build)
    assert len(examples) == 120
    assert {example.splits for example in examples} == {("train",), ("test",)}
    assert all(example.label and example.subject and example.units is not None for example in examples)
    (pixels,) = examples[0].media.pictures(1)
    assert pixels.shape == (48, 48, 3)


def test_class_folders_are_read_in_order(folders: Path) -> None:
    examples = read_examples(card(layout=LAYOUT), folders)
    assert len(examples) == 60
    assert examples[0].name == "neutral/000.png"
    assert examples[-1].name == "smiling/029.png"
    assert examples[-1].label == "happiness"
    assert {example.splits for example in examples} == {("test",)}


def test_a_subject_is_on_one_side_in_every_folder(folders: Path) -> None:
    examples = read_examples(card(layout={**LAYOUT, "test": 0.4}), folders)
    sides: dict[str, set[str]] = {}
    for example in examples:
        sides.setdefault(str(example.subject), set()).add(example.splits[0])
    assert all(len(side) == 1 for side in sides.values())
    assert set().union(*sides.values()) == {"train", "test"}


def test_labels_without_a_class_are_told(drawn_build: Path) -> None:
    some = {name: words for name, words in CLASSES.items() if name != "fear"}
    with pytest.raises(UserError, match="labels that the card has no class for: 'fear'"):
        read_examples(card(classes=some), drawn_build)


def test_missing_data_is_told(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        read_examples(card(), tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a finished build"):
        read_examples(card(), folders)
    with pytest.raises(UserError, match=r"no file below .* has a path in which 'nothing' is found"):
        read_examples(card(layout={**LAYOUT, "pattern": "nothing"}), folders)


@pytest.mark.parametrize(
    "parts",
    [
        {"classes": {"one": ["one"]}},
        {"task": "action_units"},
        {"prompts": ["a face"]},
        {"layout": {"reader": "sheets"}},
    ],
)
def test_incomplete_cards_are_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least two|action_units|prompts|there is no reader"):
        check_card(card(**parts))
