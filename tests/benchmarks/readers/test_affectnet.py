from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples
from emocap.io.media import Picture

HEADER = [
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
]


def stored(root: Path, folder: str, key: str, **values: Any) -> Path:
    annotations = root / folder / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        np.save(annotations / f"{key}_{name}.npy", np.array(value))
    return root


def listed(root: Path, validation: str, training: str | None = None, encoding: str = "utf-8") -> Path:
    lists = root / "Manually_Annotated_file_lists"
    lists.mkdir(parents=True)
    (root / "Manually_Annotated_Images").mkdir()
    (lists / "validation.csv").write_bytes(validation.encode(encoding))
    if training is not None:
        (lists / "training.csv").write_bytes(training.encode(encoding))
    return root


def test_values_stored_as_text_and_as_numbers_are_the_same(tmp_path: Path) -> None:
    stored(tmp_path, "train_set", "10", exp="1", val="0.5", aro="-0.25")
    stored(tmp_path, "train_set", "9", exp=7, val=-0.5, aro=0.25)
    root = stored(tmp_path, "val_set", "0", exp="3", val="0.1", aro="0.2")
    nine, ten, test = read_examples(load(Card, "benchmarks", "affectnet-8"), root)
    assert (nine.name, nine.label, nine.splits) == ("train_set/images/9.jpg", "contempt", ("train",))
    assert (ten.label, test.label, test.splits) == ("happiness", "surprise", ("test",))
    rated = read_examples(load(Card, "benchmarks", "affectnet-va"), root)
    assert [example.values for example in rated] == [
        {"valence": -0.5, "arousal": 0.25},
        {"valence": 0.5, "arousal": -0.25},
        {"valence": 0.1, "arousal": 0.2},
    ]


def test_seven_classes_leave_contempt_out(tmp_path: Path) -> None:
    stored(tmp_path, "val_set", "0", exp="7")
    root = stored(tmp_path, "val_set", "1", exp="6")
    assert [example.label for example in read_examples(load(Card, "benchmarks", "affectnet-7"), root)] == ["anger"]
    assert len(read_examples(load(Card, "benchmarks", "affectnet-8"), root)) == 2


def test_appledouble_files_are_no_annotations(tmp_path: Path) -> None:
    root = stored(tmp_path, "val_set", "0", exp="0")
    (root / "val_set" / "annotations" / "._0_exp.npy").write_bytes(b"resource fork")
    assert len(read_examples(load(Card, "benchmarks", "affectnet-7"), root)) == 1


def test_lists_are_read_with_and_without_a_header(tmp_path: Path) -> None:
    face = "689/a.jpg,10,20,30,40,1.5;2.5;3.5;4.5,1,0.785714,-0.055556"
    root = listed(tmp_path, face + "\n", ",".join(HEADER) + "\n" + face.replace("/a", "/b") + "\n")
    train, test = read_examples(load(Card, "benchmarks", "affectnet-8"), root)
    assert (train.splits, test.splits, test.label) == (("train",), ("test",), "happiness")
    assert test.media == Picture(root / "Manually_Annotated_Images" / "689" / "a.jpg", (10, 20, 40, 60))
    assert test.name == "Manually_Annotated_Images/689/a.jpg"


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    turned = dict(zip(HEADER, ["1/a.jpg", "1", "2", "3", "4", "", "5", "-0.5", "0.25"], strict=True))
    columns = HEADER[::-1]
    text = ",".join(columns) + "\n" + ",".join(turned[column] for column in columns) + "\n"
    root = listed(tmp_path, text, encoding="utf-8-sig")
    (example,) = read_examples(load(Card, "benchmarks", "affectnet-8"), root)
    assert example.label == "disgust"
    assert example.media == Picture(root / "Manually_Annotated_Images" / "1" / "a.jpg", (1, 2, 4, 6))
    (rated,) = read_examples(load(Card, "benchmarks", "affectnet-va"), root)
    assert rated.values == {"valence": -0.5, "arousal": 0.25}


def test_faces_without_an_expression_are_left_out_and_not_rated(tmp_path: Path) -> None:
    rows = ["1/a.jpg,1,2,3,4,,0,0,0", "1/b.jpg,1,2,3,4,,8,0.1,0.1", "1/c.jpg,NULL,,,,,10,-2,-2"]
    root = listed(tmp_path, "\n".join(rows))
    for name in ("affectnet-8", "affectnet-va"):
        assert [example.name for example in read_examples(load(Card, "benchmarks", name), root)] == [
            "Manually_Annotated_Images/1/a.jpg"
        ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1/b.jpg,1,2,3,4,,happy,0,0", "line 2: 'happy' is not a number"),
        ("/b.jpg,1,2,3,4,,1,0,0", "line 2: '/b.jpg' is not a name below"),
        ("1/b.jpg,x,2,3,4,,1,0,0", "line 2: 'x' is not a number"),
        ("1/b.jpg,1,2,3,4,1,0,0", "line 2: 8 values where there should be 9"),
        ("1/b.jpg,1,2,3,4,,1,-2,0", "line 2: -2.0 is not in"),
        ("1/b.jpg,1,2,3,4,,1,nan,0", "line 2: 'nan' is not a number"),
    ],
)
def test_wrong_rows_are_told_with_their_line(tmp_path: Path, row: str, told: str) -> None:
    root = listed(tmp_path, f"1/a.jpg,1,2,3,4,,0,0,0\n{row}\n")
    with pytest.raises(UserError, match=rf"validation\.csv, {told}"):
        read_examples(load(Card, "benchmarks", "affectnet-va"), root)


def test_missing_annotation_is_told(tmp_path: Path) -> None:
    card = load(Card, "benchmarks", "affectnet-va")
    with pytest.raises(UserError, match="has no folder Manually_Annotated_file_lists"):
        read_examples(card, tmp_path)
    (tmp_path / "Manually_Annotated_file_lists").mkdir()
    with pytest.raises(UserError, match=r"neither training\.csv nor validation\.csv"):
        read_examples(card, tmp_path)
    root = stored(tmp_path, "val_set", "0", exp="0", val="0")
    with pytest.raises(UserError, match=r"0_aro\.npy: No such file"):
        read_examples(card, root)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    root = stored(tmp_path, "val_set", "0", exp="0")
    np.save(root / "val_set" / "annotations" / "0_exp.npy", np.array({"a": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"0_exp\.npy is not a plain \.npy file"):
        read_examples(load(Card, "benchmarks", "affectnet-8"), root)


def test_a_code_without_a_class_is_told(tmp_path: Path) -> None:
    root = stored(tmp_path, "val_set", "0", exp="11")
    with pytest.raises(UserError, match=r"labels that the card has no class for: '11' \(1\)"):
        read_examples(load(Card, "benchmarks", "affectnet-8"), root)
