from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples


def written(root: Path, sequence: str, frames: int, code: str | None) -> Path:
    folder = root / "cohn-kanade-images" / sequence
    folder.mkdir(parents=True)
    stem = sequence.replace("/", "_")
    for frame in range(1, frames + 1):
        (folder / f"{stem}_{frame:08d}.png").touch()
    labels = root / "Emotion" / sequence
    labels.mkdir(parents=True)
    if code is not None:
        (labels / f"{stem}_{frames:08d}_emotion.txt").write_text(code)
    return root


def test_the_last_three_frames_carry_the_label(tmp_path: Path) -> None:
    written(tmp_path, "S005/001", 11, "   3.0000000e+00\n")
    root = written(tmp_path, "S010/002", 9, None)
    examples = read_examples(load(Card, "benchmarks", "ck-plus"), root)
    assert [example.name for example in examples] == [
        f"cohn-kanade-images/S005/001/S005_001_{frame:08d}.png" for frame in (9, 10, 11)
    ]
    assert {(example.label, example.subject, example.splits) for example in examples} == {
        ("disgust", "S005", ("test",))
    }


def test_the_first_frame_is_neutral_where_that_is_wanted(tmp_path: Path) -> None:
    root = written(tmp_path, "S005/001", 11, "   3.0000000e+00\n")
    overrides = ["layout.neutral=true", "exclude_labels=[]", "classes.neutral={words: [neutral], aliases: ['0']}"]
    examples = read_examples(load(Card, "benchmarks", "ck-plus", overrides), root)
    assert [(example.name[-6:-4], example.label) for example in examples] == [
        ("01", "neutral"),
        ("09", "disgust"),
        ("10", "disgust"),
        ("11", "disgust"),
    ]


def test_a_labelled_frame_that_is_missing_is_given_all_the_same(tmp_path: Path) -> None:
    root = written(tmp_path, "S005/001", 4, "   7.0000000e+00\n")
    apex = root / "cohn-kanade-images" / "S005" / "001" / "S005_001_00000004.png"
    apex.unlink()
    (apex.parent / "._S005_001_00000003.png").touch()
    names = [example.name[-6:-4] for example in read_examples(load(Card, "benchmarks", "ck-plus"), root)]
    assert names == ["02", "03", "04"]


def test_wrong_labels_are_told(tmp_path: Path) -> None:
    card = load(Card, "benchmarks", "ck-plus")
    with pytest.raises(UserError, match="has no folder Emotion"):
        read_examples(card, tmp_path)
    root = written(tmp_path, "S005/001", 4, None)
    with pytest.raises(UserError, match=r"has no S005/001/S005_001_00000011_emotion\.txt or the like"):
        read_examples(card, root)
    written(root, "S005/002", 4, "happy")
    with pytest.raises(UserError, match=r"S005_002_00000004_emotion\.txt: 'happy' is not the code"):
        read_examples(card, root)


def test_a_code_without_a_class_is_told(tmp_path: Path) -> None:
    root = written(tmp_path, "S005/001", 4, "8.0000000e+00")
    with pytest.raises(UserError, match=r"labels that the card has no class for: '8' \(3\)"):
        read_examples(load(Card, "benchmarks", "ck-plus"), root)
