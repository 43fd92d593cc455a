from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from emocap.benchmarks.readers.bp4d import BP4D
from emocap.core.errors import UserError

FOLDS = [["F001"], ["M002"]]


def layout(**parts: Any) -> BP4D:
    return BP4D.model_validate({"reader": "bp4d", "folds": FOLDS, **parts})


def table(root: Path, text: str, name: str = "F001_T1.csv") -> Path:
    path = root / "AUCoding" / "AU_OCC" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return root


def test_a_table_is_read_by_its_header(tmp_path: Path) -> None:
    table(tmp_path, "0,12,1,2\n87,1,0,9\n88,0,1,0\n")
    first, second = layout().read(tmp_path)
    assert (first.name, first.units) == ("img/F001/T1/87.jpg", {12: 5.0, 1: 0.0})
    assert (second.name, second.units) == ("img/F001/T1/88.jpg", {12: 0.0, 1: 5.0, 2: 0.0})
    assert first.subject == "F001"
    assert first.splits == ("test", "train")


def test_a_mark_at_the_beginning_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    table(tmp_path, "\ufeff0,1,2\r\n87,1,0\r\n\r\n")
    (example,) = layout().read(tmp_path)
    assert example.units == {1: 5.0, 2: 0.0}


def test_frames_are_found_with_zeros_before_their_number(tmp_path: Path) -> None:
    table(tmp_path, "0,1\n87,1\n88,1\n")
    folder = tmp_path / "img/F001/T1"
    folder.mkdir(parents=True)
    for name in ("0087.jpg", "._0088.jpg"):
        (folder / name).write_bytes(b"x")
    names = [example.name for example in layout().read(tmp_path)]
    assert names == ["img/F001/T1/0087.jpg", "img/F001/T1/88.jpg"]  # the second is missing, and named all the same


def test_apple_double_files_are_no_tables(tmp_path: Path) -> None:
    table(tmp_path, "0,1\n87,1\n")
    table(tmp_path, "\0\5\26\7", "._F001_T1.csv")
    assert len([*layout().read(tmp_path)]) == 1


def test_without_folds_all_is_for_testing(tmp_path: Path) -> None:
    table(tmp_path, "0,1\n87,1\n", "F099_T1.csv")
    assert [example.splits for example in layout(folds=[]).read(tmp_path)] == [("test",)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its header is not a list of FACS numbers"),
        ("87,1\nframe,AU1\n88,x\n", "line 2: not a frame and 1 codes"),
        ("2440,0,1,1\n2441,0,1,1\n", "its header is not a list of FACS numbers"),
        ("frame,AU1\n87,1\n", "its header is not a list of FACS numbers"),
        ("0,1,2\n87,1\n", "line 2: not a frame and 2 codes"),
        ("0,1,2\n87,1,0\n88,1,0,0\n", "line 3: not a frame and 2 codes"),
        ("0,1,2\n87,1,3\n", "line 2: AU2 is coded '3', not 0, 1 or 9"),
    ],
)
def test_tables_that_are_wrong_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        list(layout().read(table(tmp_path, text)))


def test_people_whom_no_fold_tests_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="F099 is in no fold of the card"):
        list(layout().read(table(tmp_path, "0,1\n87,1\n", "F099_T1.csv")))


def test_missing_annotation_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no folder AUCoding/AU_OCC or AUCoding"):
        list(layout().read(tmp_path))
    (tmp_path / "AUCoding" / "AU_OCC").mkdir(parents=True)
    with pytest.raises(UserError, match=r"has no tables such as F001_T1.csv"):
        list(layout().read(tmp_path))


@pytest.mark.parametrize("folds", [[["F001"], ["F001"]], [["F001", "F002"]]])
def test_folds_that_share_people_or_leave_none_are_refused(folds: list[list[str]]) -> None:
    with pytest.raises(ValidationError):
        layout(folds=folds)
