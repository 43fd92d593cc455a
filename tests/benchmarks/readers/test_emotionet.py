from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples


def card(test: str = "null") -> Card:
    return load(Card, "benchmarks", "emotionet", [f"layout.test={test}"])


def written(
    root: Path, *rows: str, header: str = "URL,URL orig,'AU 1', 'AU 2',AU 12", encoding: str = "utf-8"
) -> Path:
    (root / "EmotioNet_FACS_aws_2020_24600.csv").write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return root


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_pictures_are_named_by_their_address_and_unknown_units_are_absent(tmp_path: Path, encoding: str) -> None:
    root = written(
        tmp_path,
        "'https://example.org/N_1/N_0000000001_00001.jpg?v=1','http://example.com/脸.jpg',1,0,999",
        '"https://example.org/b.jpg",x,0,1.0,0',
        encoding=encoding,
    )
    first, second = read_examples(card(), root)
    assert (first.name, first.units) == ("images/N_0000000001_00001.jpg", {1: 3.0, 2: 0.0})
    assert (second.name, second.units) == ("images/b.jpg", {1: 0.0, 2: 3.0, 12: 0.0})


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    root = written(tmp_path, "0,1,https://example.org/a.jpg", header="AU 12,AU 1,URL")
    (example,) = read_examples(card(), root)
    assert example.units == {12: 0.0, 1: 3.0}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("https://example.org/b.jpg,x,2,0,0", "a unit is '2'"),
        ("https://example.org/b.jpg,x,1,0", "4 values where there should be 5"),
        ("https://example.org/,x,1,0,0", "does not end in the name of a picture"),
    ],
)
def test_wrong_rows_are_told_with_their_line(tmp_path: Path, row: str, told: str) -> None:
    root = written(tmp_path, "https://example.org/a.jpg,x,0,0,0", row)
    with pytest.raises(UserError, match=rf"24600\.csv, line 3: .*{told}"):
        read_examples(card(), root)


def test_missing_files_and_columns_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"24600\.csv: No such file"):
        read_examples(card(), tmp_path)
    with pytest.raises(UserError, match="has no column URL"):
        read_examples(card(), written(tmp_path, header="address,AU 1"))


def test_two_pictures_of_one_name_are_told(tmp_path: Path) -> None:
    root = written(tmp_path, "https://example.org/a.jpg,x,0,0,0", "https://example.com/a.jpg,x,1,0,0")
    with pytest.raises(UserError, match="is annotated more than once"):
        read_examples(card(), root)
