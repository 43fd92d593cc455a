from collections.abc import Callable
from pathlib import Path

import pytest

from emocap.benchmarks.readers.bp4d import BP4D
from emocap.benchmarks.readers.disfa import DISFA
from emocap.core.errors import UserError

Shared = Callable[[str], Path]
EXCERPTS = "data/annotations/me-graphau"
DISFA_UNITS = [1, 2, 4, 6, 9, 12, 25, 26]
BP4D_UNITS = [1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24]


def write(root: Path, dataset: str, fold: int, split: str, rows: list[tuple[str, str]]) -> None:
    folder = root / "list"
    folder.mkdir(exist_ok=True)
    for kind, column in (("img_path", 0), ("label", 1)):
        text = "".join(f"{row[column]}\n" for row in rows)
        (folder / f"{dataset}_{split}_{kind}_fold{fold}.txt").write_text(text)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """Two folds of three frames."""
    one, two, three = ("SN001/0.png", "1 0 0 0 0 0 0 1"), ("SN001/1.png", "0 " * 8), ("SN002/0.png", "0 1 0 9 0 0 0 0")
    write(tmp_path, "DISFA", 1, "test", [one, two])
    write(tmp_path, "DISFA", 1, "train", [three])
    write(tmp_path, "DISFA", 2, "test", [three])
    write(tmp_path, "DISFA", 2, "train", [one])
    return tmp_path


LAYOUT = DISFA(reader="disfa")


def test_frames_have_a_split_in_every_fold(lists: Path) -> None:
    one, two, three = LAYOUT.read(lists)
    assert (one.name, one.subject, one.splits) == ("img/SN001/0.png", "SN001", ("test", "train"))
    assert two.splits == ("test", "")
    assert three.splits == ("train", "test")
    assert one.units == {unit: 5.0 * (unit in (1, 26)) for unit in DISFA_UNITS}
    assert three.units == {unit: 5.0 * (unit == 2) for unit in DISFA_UNITS if unit != 6}


def test_annotation_itself_comes_before_lists(lists: Path) -> None:
    (lists / "ActionUnit_Labels" / "SN003").mkdir(parents=True)
    (lists / "ActionUnit_Labels" / "SN003" / "SN003_au1.txt").write_text("1,4\n")
    assert [example.units for example in LAYOUT.read(lists)] == [{1: 4.0}]


def test_real_lists_of_disfa(shared: Shared, tmp_path: Path) -> None:
    """The excerpt of the labels is shorter than that of the paths: as much of both is laid out."""
    source = shared(EXCERPTS)
    labels = (source / "DISFA__list__DISFA_test_label_fold1.txt").read_text().splitlines()
    paths = (source / "DISFA__list__DISFA_test_img_path_fold1.txt").read_text().splitlines()
    write(tmp_path, "DISFA", 1, "test", list(zip(paths[: len(labels)], labels, strict=True)))
    train = (source / "DISFA__list__DISFA_train_label_fold1.txt").read_text().splitlines()
    write(tmp_path, "DISFA", 1, "train", [(f"SN002/{n}.png", line) for n, line in enumerate(train)])
    examples = list(LAYOUT.read(tmp_path))
    assert [example.name for example in examples[:2]] == ["img/SN003/0.png", "img/SN003/1.png"]
    assert [example.splits for example in examples] == [("test",)] * 5 + [("train",)] * 5
    assert all(example.units == dict.fromkeys(DISFA_UNITS, 0.0) for example in examples)


def test_real_lists_of_bp4d(shared: Shared, tmp_path: Path) -> None:
    source = shared(EXCERPTS)
    wanted = []
    for split, person in (("test", "F007"), ("train", "F001")):
        lines = (source / f"BP4D__list__BP4D_{split}_label_fold1.txt").read_text().splitlines()
        write(tmp_path, "BP4D", 1, split, [(f"{person}/T1/{n}.jpg", line) for n, line in enumerate(lines)])
        wanted += [
            [unit for unit, code in zip(BP4D_UNITS, line.split(), strict=True) if code == "1"] for line in lines
        ]
    assert wanted[0] == [7, 23]  # as the file of the excerpt says, so that the test is not empty
    examples = list(BP4D(reader="bp4d").read(tmp_path))
    assert [[unit for unit, value in (e.units or {}).items() if value] for e in examples] == wanted
    assert examples[0].name == "img/F007/T1/0.jpg"
    assert (examples[0].subject, examples[-1].subject) == ("F007", "F001")


def test_lists_that_do_not_agree_are_told(lists: Path) -> None:
    write(lists, "DISFA", 2, "train", [("SN001/0.png", "1 0 0 0 0 0 0 0")])
    with pytest.raises(UserError, match=r"SN001/0.png is coded otherwise in fold 2"):
        list(LAYOUT.read(lists))
    write(lists, "DISFA", 2, "train", [("SN002/0.png", "0 1 0 9 0 0 0 0")])
    with pytest.raises(UserError, match=r"fold 2: SN002/0.png is listed more than once, in test or train"):
        list(LAYOUT.read(lists))
    write(lists, "DISFA", 2, "train", [("SN001/1.png", "0 0 0")])
    with pytest.raises(UserError, match=r"SN001/1.png is coded otherwise"):
        list(LAYOUT.read(lists))
    (lists / "list" / "DISFA_train_label_fold2.txt").write_text("0\n0\n")
    with pytest.raises(UserError, match="has 2 lines for 1 pictures"):
        list(LAYOUT.read(lists))
    (lists / "list" / "DISFA_train_label_fold2.txt").unlink()
    with pytest.raises(UserError, match="No such file"):
        list(LAYOUT.read(lists))


def test_a_wrong_number_of_codes_is_told(lists: Path) -> None:
    write(lists, "DISFA", 2, "train", [("SN004/1.png", "0 0 0")])
    with pytest.raises(UserError, match=r"SN004/1.png has 3 codes, not 8"):
        list(LAYOUT.read(lists))
