"""Workbooks of micro-expressions and the frames they speak of."""

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from PIL import Image
from pydantic import ValidationError

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.micro import Micro
from emocap.core.errors import UserError
from emocap.io.images import ImageError
from emocap.io.media import Frames, Picture

HEADER = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion"]


def micro(**parts: Any) -> Micro:
    base = {"reader": "micro", "table": ["coding.xlsx"], "folder": ["sub{subject:0>2}/{clip}"]}
    return Micro.model_validate({**base, **parts})


def write(root: Path, *rows: list[Any]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(root / "coding.xlsx")


def numbers(example: Example) -> list[int]:
    assert isinstance(example.media, Frames)
    return [int(path.stem.removeprefix("img")) for path in example.media.paths]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sub01/EP02_01f").mkdir(parents=True)
    for number in range(8, 14):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"sub01/EP02_01f/img{number}.jpg")
    (tmp_path / "sub01/EP02_01f/._img10.jpg").write_bytes(b"resource fork")
    return tmp_path


@pytest.mark.parametrize(
    ("onset", "apex", "offset", "clip", "strongest"),
    [
        (9, 10, 12, [9, 10, 11, 12], "img10.jpg"),
        ("9", "10", "12", [9, 10, 11, 12], "img10.jpg"),
        (9.0, "/", 11, [9, 10, 11], "img10.jpg"),
        (10, None, 0, [10, 11, 12, 13], "img12.jpg"),
        (12, 12, None, [12, 13], "img12.jpg"),
    ],
)
def test_frames_from_onset_to_offset(
    root: Path, onset: object, apex: object, offset: object, clip: list[int], strongest: str
) -> None:
    write(root, HEADER, ["01", "EP02_01f", onset, apex, offset, "happiness"])
    (example,) = micro().read(root)
    assert numbers(example) == clip
    assert (example.name, example.label, example.subject, example.splits) == (
        "sub01/EP02_01f",
        "happiness",
        "1",
        ("test",),
    )
    (example,) = micro(take="apex").read(root)
    assert isinstance(example.media, Picture)
    assert example.media.path.name == strongest


def test_whole_numbers_may_be_stored_with_a_point(root: Path) -> None:
    write(root, HEADER, ["01", "EP02_01f", 9, 10, 12, "fear"])
    with zipfile.ZipFile(root / "coding.xlsx") as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b"<v>12</v>" in parts[sheet]
    parts[sheet] = parts[sheet].replace(b"<v>9</v>", b"<v>9.0</v>").replace(b"<v>12</v>", b"<v>12.0</v>")
    with zipfile.ZipFile(root / "coding.xlsx", "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    (example,) = micro().read(root)
    assert numbers(example) == [9, 10, 11, 12]


def test_a_person_is_the_same_as_number_and_as_text(root: Path) -> None:
    write(root, HEADER, ["01", "EP02_01f", 9, 10, 11, "fear"], [1, "EP03", 9, 10, 11, "fear"], [10, "a", 1, 1, 1, "x"])
    assert [example.subject for example in micro().read(root)] == ["1", "1", "10"]


def test_the_header_is_found_below_explanations(root: Path) -> None:
    rows = [[f"line {number}", "Subject"] for number in range(13)]
    header = ["subject ", "Filename", "Code", "Onset  Frame", "Apex Frame", "Offset Frame", "Estimated Emotion"]
    write(root, *rows, header, ["01", "EP02_01f", 1, 9, 10, 11, "Other"], [None] * 7)
    (example,) = micro(onset="Onset Frame", apex="Apex Frame", offset="Offset Frame").read(root)
    assert numbers(example) == [9, 10, 11]
    with pytest.raises(UserError, match=r"no row has all the columns Subject, Filename, OnsetFrame, .*ApexFrame"):
        list(micro().read(root))


def test_folders_are_found_in_either_case_and_the_first_counts(root: Path) -> None:
    write(root, HEADER, ["01", "ep02_01F", 9, 10, 11, "fear"])
    (example,) = micro(folder=["Cropped/{subject}", "SUB{subject:0>2}/{clip}"]).read(root)
    assert numbers(example) == [9, 10, 11]
    assert example.name == "Cropped/1"


def test_missing_frames_are_told_when_they_are_looked_at(root: Path) -> None:
    write(root, HEADER, ["01", "EP02_01f", 50, 51, 52, "fear"], ["02", "EP09", 1, 2, 3, "fear"])
    for take in ("clip", "apex"):
        for example in micro(take=take).read(root):
            with pytest.raises(ImageError):
                example.media.pictures(16)
            with pytest.raises(ImageError):
                example.media.sha256()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["01", "EP02_01f", "/", 10, 11, "fear"], "row 2: the onset '/' is no number of a frame"),
        (["01", "EP02_01f", 9, 10, 11, None], "row 2: nothing below Estimated Emotion"),
        ([None, None, 9, 10, 11, "fear"], "row 2: nothing below Subject, Filename"),
    ],
)
def test_wrong_rows_are_told(root: Path, row: list[Any], told: str) -> None:
    write(root, HEADER, row)
    with pytest.raises(UserError, match=told):
        list(micro().read(root))


def test_a_workbook_that_is_none_or_not_there_is_told(root: Path) -> None:
    with pytest.raises(UserError, match=r"coding.xlsx: No such file"):
        list(micro().read(root))
    (root / "coding.xlsx").write_text("Subject,Filename\n")
    with pytest.raises(UserError, match=r"coding\.xlsx cannot be read as an Excel workbook"):
        list(micro().read(root))
    write(root, HEADER)
    with pytest.raises(UserError, match="has no sheet label; there are Sheet"):
        list(micro(sheet="label").read(root))


def test_a_date_in_the_name_of_a_workbook_is_found_unless_there_are_several(root: Path) -> None:
    write(root, HEADER, ["01", "EP02_01f", 9, 10, 11, "fear"])
    (root / "coding.xlsx").rename(root / "coding-20190701.xlsx")
    (root / "~$coding-20190701.xlsx").write_bytes(b"a lock of Excel")
    with pytest.raises(UserError, match=r"has no coding\.xlsx; name coding-20190701\.xlsx in layout\.table"):
        list(micro().read(root))
    layout = micro(table=["coding.xlsx", "coding-*.xlsx"])
    assert len(list(layout.read(root))) == 1
    (root / "coding-20200101.xlsx").write_bytes((root / "coding-20190701.xlsx").read_bytes())
    with pytest.raises(UserError, match=r"several workbooks: coding-20190701\.xlsx; coding-20200101\.xlsx; keep one"):
        list(layout.read(root))
    write(root, HEADER, ["01", "EP02_01f", 9, 10, 11, "fear"], ["01", "EP02_01f", 9, 10, 12, "fear"])
    assert len(list(layout.read(root))) == 2


def test_a_range_that_a_program_has_written_wrongly_hides_nothing(root: Path) -> None:
    write(root, HEADER, ["01", "EP02_01f", 9, 10, 11, "fear"])
    with zipfile.ZipFile(root / "coding.xlsx") as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b'<dimension ref="A1:F2"' in parts[sheet]
    parts[sheet] = parts[sheet].replace(b'ref="A1:F2"', b'ref="A1"')
    with zipfile.ZipFile(root / "coding.xlsx", "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    (example,) = micro().read(root)
    assert numbers(example) == [9, 10, 11]


def test_impossible_layouts_are_refused() -> None:
    impossible: list[dict[str, Any]] = [{"folder": []}, {"table": []}, {"folder": ["{person}"]}, {"take": "onset"}]
    for parts in impossible:
        with pytest.raises(ValidationError):
            micro(**parts)
