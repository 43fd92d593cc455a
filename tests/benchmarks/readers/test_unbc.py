from pathlib import Path

import pytest

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.unbc import UNBC
from emocap.core.errors import UserError

LAYOUT = UNBC(reader="unbc")


def label(root: Path, text: str, kind: str = "PSPI", frame: int = 1, person: str = "042-ll042") -> Path:
    path = root / "Frame_Labels" / kind / person / "ll042t1aaaff" / f"ll042t1aaaff{frame:03d}_facs.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return root


def test_pspi_is_read_where_it_is_written(tmp_path: Path) -> None:
    for frame, text in ((2, "   1.6000000e+01\n"), (10, "\ufeff   0.0000000e+00\r\n")):
        label(tmp_path, text, frame=frame)
        label(tmp_path, "not read", "FACS", frame)
    (tmp_path / "Frame_Labels/PSPI/042-ll042/ll042t1aaaff/._ll042t1aaaff002_facs.txt").write_bytes(b"\0\5\26\7")
    examples = list(LAYOUT.read(tmp_path))
    folder = "Images/042-ll042/ll042t1aaaff"
    assert examples == [
        Example(f"{folder}/ll042t1aaaff002.png", examples[0].media, values={"pspi": 16.0}, subject="042-ll042"),
        Example(f"{folder}/ll042t1aaaff010.png", examples[1].media, values={"pspi": 0.0}, subject="042-ll042"),
    ]


@pytest.mark.parametrize(
    ("coded", "pspi"),
    [
        ({}, 0),
        ({4: 2}, 2),
        ({6: 2, 7: 3}, 3),
        ({9: 4, 10: 1, 4: 1}, 5),
        ({43: 1, 12: 5, 25: 3}, 1),
        ({43: 5}, 1),  # closed eyes are 0 or 1, however they are written
        ({4: 5, 6: 5, 7: 5, 9: 5, 10: 5, 43: 1}, 16),
    ],
)
def test_pspi_is_computed_where_only_units_are_coded(tmp_path: Path, coded: dict[int, int], pspi: float) -> None:
    text = "".join(f"   {unit:.7e}   {value:.7e}   0.0000000e+00   0.0000000e+00\n" for unit, value in coded.items())
    (example,) = LAYOUT.read(label(tmp_path, text, "FACS"))
    assert example.values == {"pspi": pspi}


def test_folders_that_are_nested_as_in_some_copies(tmp_path: Path) -> None:
    label(tmp_path / "Frame_Labels", "1\n")
    (tmp_path / "Images" / "Images").mkdir(parents=True)
    (example,) = LAYOUT.read(tmp_path)
    assert example.name == "Images/Images/042-ll042/ll042t1aaaff/ll042t1aaaff001.png"


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("PSPI", "17\n", "a PSPI of 17 lies outside 0 to 16"),
        ("PSPI", "nan\n", "a PSPI of nan lies outside 0 to 16"),
        ("PSPI", "", "'' is not one number"),
        ("PSPI", "1\n2\n", "'1 2' is not one number"),
        ("FACS", "4.0 6.0 0 0\n", "an intensity of 6 lies outside 0 to 5"),
        ("FACS", "4.0\n", "'4.0' is not a unit and its intensity"),
    ],
)
def test_labels_that_are_wrong_are_told(tmp_path: Path, kind: str, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        list(LAYOUT.read(label(tmp_path, text, kind)))


def test_missing_labels_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no folder Frame_Labels"):
        list(LAYOUT.read(tmp_path))
    (tmp_path / "Frame_Labels" / "PSPI").mkdir(parents=True)
    with pytest.raises(UserError, match="has no labels such as 042-ll042"):
        list(LAYOUT.read(tmp_path))
