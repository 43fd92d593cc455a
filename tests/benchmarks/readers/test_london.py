from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples

HEADER = "face_id,face_age,face_gender,face_eth"


def written(root: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    for folder in ("neutral", "smiling"):
        (root / folder).mkdir()
        for person in ("001", "002"):
            (root / folder / f"{person}.jpg").touch()
        (root / folder / "._001.jpg").touch()
    (root / "london_info.csv").write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return root


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_people_are_in_the_groups_of_the_table(tmp_path: Path, encoding: str) -> None:
    root = written(tmp_path, "001,24,female,白人", "002,NA,male,black", "003,30,male,black", encoding=encoding)
    examples = read_examples(load(Card, "benchmarks", "london-photos"), root)
    assert [(example.name, example.label, example.subject) for example in examples] == [
        ("neutral/001.jpg", "neutral", "001"),
        ("neutral/002.jpg", "neutral", "002"),
        ("smiling/001.jpg", "happiness", "001"),
        ("smiling/002.jpg", "happiness", "002"),
    ]
    assert examples[0].groups == {"gender": "female", "ethnicity": "白人", "age": "under 25"}
    assert examples[3].groups == {"gender": "male", "ethnicity": "black"}


@pytest.mark.parametrize(
    ("age", "group"), [(24, "under 25"), (25, "25 to 34"), (34, "25 to 34"), (35, "35 and over"), (54, "35 and over")]
)
def test_ages_are_put_into_bands(tmp_path: Path, age: int, group: str) -> None:
    root = written(tmp_path, f"001,{age},female,white", "002,NA,male,black")
    assert read_examples(load(Card, "benchmarks", "london-photos"), root)[0].groups["age"] == group


def test_londons_photographs_are_read(shared: Callable[[str], Path]) -> None:
    examples = read_examples(load(Card, "benchmarks", "london-photos"), shared("data/london"))
    assert Counter(example.label for example in examples) == {"neutral": 66, "happiness": 66}
    assert len({example.subject for example in examples}) == 66
    assert {example.groups["gender"] for example in examples} == {"female", "male"}
    (pixels,) = examples[0].media.pictures(1)
    assert pixels.ndim == 3


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        (["001,24,female,white"], HEADER, r"london_info\.csv has no row for 002, who is in .*neutral.*002\.jpg"),
        (["001,young,female,white"], HEADER, "the age of 001 is 'young'"),
        (["001,24,female"], "face_id,face_age,face_gender", "has no column face_eth"),
    ],
)
def test_a_wrong_table_is_told(tmp_path: Path, rows: list[str], header: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_examples(load(Card, "benchmarks", "london-photos"), written(tmp_path, *rows, header=header))


def test_missing_parts_are_told(tmp_path: Path) -> None:
    card = load(Card, "benchmarks", "london-photos")
    with pytest.raises(UserError, match=r"london_info\.csv: No such file"):
        read_examples(card, tmp_path)
    (tmp_path / "london_info.csv").write_text(f"{HEADER}\n")
    with pytest.raises(UserError, match="has no folder neutral"):
        read_examples(card, tmp_path)
