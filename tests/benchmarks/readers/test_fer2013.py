from pathlib import Path

import numpy as np
import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples

RAMP = " ".join(str(place % 256) for place in range(48 * 48))


def written(root: Path, *rows: str, header: str = "emotion,pixels,Usage", encoding: str = "utf-8") -> Path:
    (root / "fer2013.csv").write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return root


def test_pixels_labels_and_splits_are_those_of_the_row(tmp_path: Path) -> None:
    rows = [f"0,{RAMP},Training", f"3,{RAMP},PublicTest", f"6,{RAMP},PrivateTest", f"4,{RAMP},PrivateTest"]
    examples = read_examples(load(Card, "benchmarks", "fer2013"), written(tmp_path, *rows))
    assert [(example.name, example.splits[0], example.label) for example in examples] == [
        ("Training/00000", "train", "anger"),
        ("PublicTest/00000", "val", "happiness"),
        ("PrivateTest/00000", "test", "neutral"),
        ("PrivateTest/00001", "test", "sadness"),
    ]
    (pixels,) = examples[0].media.pictures(1)
    grey = (np.arange(48 * 48) % 256).reshape(48, 48)
    assert np.array_equal(pixels, np.repeat(grey[:, :, None], 3, axis=2))


def test_columns_are_found_by_name_and_a_mark_does_not_hide_them(tmp_path: Path) -> None:
    root = written(tmp_path, f"PrivateTest,1,{RAMP}", header="Usage,emotion,pixels", encoding="utf-8-sig")
    (example,) = read_examples(load(Card, "benchmarks", "fer2013"), root)
    assert (example.label, example.splits) == ("disgust", ("test",))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"0,{RAMP},Test", "'Test' is none of Training, PublicTest, PrivateTest"),
        (f"sad,{RAMP},Training", "'sad' is not the code of an emotion"),
        ("0,1 2 3,Training", "3 pixels where there should be 48 x 48"),
        ("0,1 2 256,Training", "not all numbers from 0 to 255"),
        ("0,1 2 x,Training", "not all numbers from 0 to 255"),
        (f"0,{RAMP}", "2 values where there should be 3"),
    ],
)
def test_wrong_rows_are_told_with_their_line(tmp_path: Path, row: str, told: str) -> None:
    root = written(tmp_path, f"0,{RAMP},PrivateTest", row)
    with pytest.raises(UserError, match=rf"fer2013\.csv, line 3: .*{told}"):
        read_examples(load(Card, "benchmarks", "fer2013"), root)


def test_a_missing_file_or_column_and_an_unknown_code_are_told(tmp_path: Path) -> None:
    card = load(Card, "benchmarks", "fer2013")
    with pytest.raises(UserError, match=r"fer2013\.csv: No such file"):
        read_examples(card, tmp_path)
    with pytest.raises(UserError, match="has no column Usage"):
        read_examples(card, written(tmp_path, header="emotion,pixels"))
    with pytest.raises(UserError, match=r"labels that the card has no class for: '7' \(1\)"):
        read_examples(card, written(tmp_path, f"7,{RAMP},PrivateTest"))
