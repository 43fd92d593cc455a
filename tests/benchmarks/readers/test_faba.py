import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.faba import FABA
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples

EMOTION, AU = FABA(reader="faba", task="emotion"), FABA(reader="faba", task="au")


def entries(root: Path, task: str, *labels: Any) -> Path:
    (root / "eval").mkdir(exist_ok=True)
    told = [
        {"image": f"FABAInstruct/eval/images/{n}.jpg", "label": label, "gpt4": "A text.", "landmark": "x.npy"}
        for n, label in enumerate(labels)
    ]
    (root / "eval" / f"eval_{task}_anno.json").write_bytes(("\ufeff" + json.dumps(told)).encode("utf-8"))
    return root


def test_emotions_are_names_or_numbers(tmp_path: Path) -> None:
    card = load(Card, "benchmarks", "faba-emotion")
    entries(tmp_path, "emotion", "Fear", 1, "3")
    assert [example.label for example in EMOTION.read(tmp_path)] == ["Fear", "1", "3"]
    assert [example.label for example in read_examples(card, tmp_path)] == ["fear", "sadness", "anger"]


def test_units_are_shown_or_not(tmp_path: Path) -> None:
    entries(tmp_path, "au", "4, 9,15 ,17", "", "12, 28")
    examples = list(AU.read(tmp_path))
    assert examples[0] == Example("eval/images/0.jpg", examples[0].media, units=examples[0].units, reference="A text.")
    shown = [{unit for unit, value in (example.units or {}).items() if value == 5} for example in examples]
    assert shown == [{4, 9, 15, 17}, set(), {12}]  # 28 is none of the units that the benchmark knows
    card = load(Card, "benchmarks", "faba-au")
    assert all(set(card.action_units) <= set(example.units or {}) for example in examples)


def test_the_reference_is_the_description_or_the_answer(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "What?\n<image>"}, {"from": "gpt", "value": " A face. "}]
    told: list[dict[str, Any]] = [{"gpt4": "First.", "conversations": turns}, {"conversations": turns}, {}]
    entries(tmp_path, "emotion")
    content = [{"image": f"{n}.jpg", "label": "Fear", **one} for n, one in enumerate(told)]
    (tmp_path / "eval/eval_emotion_anno.json").write_text(json.dumps(content))
    assert [example.reference for example in EMOTION.read(tmp_path)] == ["First.", "A face.", None]


def test_annotation_that_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"0: 'AU4, AU9' is not a list of action units"):
        list(AU.read(entries(tmp_path, "au", "AU4, AU9")))
    with pytest.raises(UserError, match="No such file"):
        list(EMOTION.read(tmp_path))
    (tmp_path / "eval/eval_emotion_anno.json").write_text('[{"image": "a.jpg", "conversations": []}]')
    with pytest.raises(UserError, match=r"eval_emotion_anno.json: 0.label"):
        list(EMOTION.read(tmp_path))
