from pathlib import Path

import pytest

from emocap.benchmarks.readers.disfa import DISFA
from emocap.core.errors import UserError

LAYOUT = DISFA.model_validate({"reader": "disfa", "folds": [["SN001"], ["SN002"]]})


def units(root: Path, person: str = "SN001", **files: str) -> Path:
    folder = root / "ActionUnit_Labels" / person
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{person}_{name}.txt").write_bytes(text.encode("utf-8"))
    return root


def test_the_files_of_all_units_are_joined_by_frame(tmp_path: Path) -> None:
    units(tmp_path, au1="\ufeff1,0\r\n2,3\r\n", au12="1,5\n2,1\n")
    units(tmp_path, person="SN002", au1="1,2\n")
    first, second, other = LAYOUT.read(tmp_path)
    assert (first.name, first.units, first.splits) == ("img/SN001/0.png", {1: 0.0, 12: 5.0}, ("test", "train"))
    assert (second.name, second.units, second.subject) == ("img/SN001/1.png", {1: 3.0, 12: 1.0}, "SN001")
    assert (other.name, other.units, other.splits) == ("img/SN002/0.png", {1: 2.0}, ("train", "test"))


def test_a_unit_that_is_not_coded_in_a_frame_is_not_there(tmp_path: Path) -> None:
    first, second = LAYOUT.read(units(tmp_path, au1="1,0\n2,3\n", au2="2,1\n"))
    assert first.units == {1: 0.0}
    assert second.units == {1: 3.0, 2: 1.0}


def test_pictures_may_be_numbered_from_one_and_with_zeros(tmp_path: Path) -> None:
    units(tmp_path, au1="1,0\n2,3\n")
    (tmp_path / "img/SN001").mkdir(parents=True)
    (tmp_path / "img/SN001/0001.png").write_bytes(b"x")
    names = [example.name for example in LAYOUT.model_copy(update={"first": 1}).read(tmp_path)]
    assert names == ["img/SN001/0001.png", "img/SN001/2.png"]


def test_apple_double_files_are_passed_over(tmp_path: Path) -> None:
    units(tmp_path, au1="1,0\n")
    (tmp_path / "ActionUnit_Labels" / "._SN001").write_bytes(b"\0\5\26\7")
    (tmp_path / "ActionUnit_Labels" / "SN001" / "._SN001_au1.txt").write_bytes(b"\0\5\26\7")
    assert len([*LAYOUT.read(tmp_path)]) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,0\n2,6\n", "line 2: '2,6' is not a frame, counted from 1, and an intensity, 0 to 5"),
        ("1\n", "line 1: '1' is not a frame"),
        ("1,0,0\n", "line 1: '1,0,0' is not a frame"),
        ("0,0\n", "line 1: '0,0' is not a frame, counted from 1"),
        ("1,0\n1,2\n", "line 2: frame 1 comes twice"),
    ],
)
def test_lines_that_are_wrong_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        list(LAYOUT.read(units(tmp_path, au1=text)))


def test_missing_annotation_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no folder ActionUnit_Labels"):
        list(LAYOUT.read(tmp_path))
    (tmp_path / "ActionUnit_Labels").mkdir()
    with pytest.raises(UserError, match="has no folders of people such as SN001"):
        list(LAYOUT.read(tmp_path))
    with pytest.raises(UserError, match=r"has no files such as SN001_au1.txt"):
        list(LAYOUT.read(units(tmp_path)))
