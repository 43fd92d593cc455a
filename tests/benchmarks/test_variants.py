"""Archives as people have them: under other names than the official ones, each read or named."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import check
from emocap.benchmarks.loading import read
from emocap.cli.main import app
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import TASKS, read_examples

Shared = Callable[[str], Path]
CODES = {str(code) for code in range(1, 8)}


def checked(name: str, data: Path) -> tuple[dict[str, int], set[str]]:
    """Examples in each split, and the kinds of findings."""
    card = load(Card, "benchmarks", name)
    report = check(name, card, data, TASKS[card.task].needs)
    return {split: sum(counts.values()) for split, counts in report.counts.items()}, {f.kind for f in report.findings}


def test_ck_plus_as_its_zip_files_unpack(shared: Shared) -> None:
    data = shared("cases/eval/ckplus-zips-as-unpacked")
    counts, findings = checked("ck-plus", data)
    assert counts == {"test": 30}
    assert "missing_file" not in findings
    first = read_examples(load(Card, "benchmarks", "ck-plus"), data)[0]
    assert first.name.startswith("cohn-kanade-images/S005/001/S005_001_")


def test_dfew_in_the_folder_of_its_archive(shared: Shared) -> None:
    data = shared("cases/eval/dfew-official-archive-folder")
    counts, findings = checked("dfew", data)
    assert sum(counts.values()) == 35
    assert "missing_file" not in findings
    assert all(
        example.name.startswith("Clip/jpg_256/") for example in read_examples(load(Card, "benchmarks", "dfew"), data)
    )


def test_fer2013_as_kaggle_calls_it_since(shared: Shared) -> None:
    counts, findings = checked("fer2013", shared("cases/eval/fer2013-icml-csv"))
    assert counts == {"train": 7, "val": 7, "test": 7}
    assert findings <= {"counts", "duplicates"}


def test_raf_db_in_class_folders(shared: Shared) -> None:
    data = shared("cases/eval/rafdb-class-folders")
    counts, findings = checked("raf-db", data)
    assert counts == {"train": 7, "test": 7}
    assert "missing_file" not in findings
    card = load(Card, "benchmarks", "raf-db")
    labels = {example.name: example.label for example in read(card, data, TASKS["emotion"].needs)}
    assert labels["basic/Image/aligned/train_00005_aligned.jpg"] == "sadness"
    assert labels["basic/Image/aligned/test_00008_aligned.jpg"] == "surprise"


def test_samm_with_a_date_in_its_workbook(shared: Shared) -> None:
    counts, findings = checked("samm", shared("cases/eval/samm-dated-workbook"))
    assert counts == {"test": 5}
    assert "missing_file" not in findings


@pytest.mark.parametrize("name", ["ckplus-zips-as-unpacked", "samm-dated-workbook"])
def test_the_verb_reads_them_too(shared: Shared, name: str) -> None:
    card = {"ckplus-zips-as-unpacked": "ck-plus", "samm-dated-workbook": "samm"}[name]
    done = CliRunner().invoke(app, ["benchmarks", "check", card, "--data", str(shared(f"cases/eval/{name}"))])
    assert "missing_file" not in done.output


def test_fer2013_in_class_folders_is_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "happy").mkdir(parents=True)
    with pytest.raises(UserError, match="copy of FER2013 in class folders, whose test half is PublicTest and Private"):
        read_examples(load(Card, "benchmarks", "fer2013"), tmp_path)


def test_names_and_labels_of_other_class_folders_of_raf_db(tmp_path: Path) -> None:
    for name in ("train/5/a.jpg", "test/happiness/b.jpg", "test/7/test_0001_aligned.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    examples = read_examples(load(Card, "benchmarks", "raf-db"), tmp_path)
    assert [(example.name, example.splits, example.label) for example in examples] == [
        ("train/5/a.jpg", ("train",), "sadness"),
        ("basic/Image/aligned/test_0001_aligned.jpg", ("test",), "neutral"),
        ("test/happiness/b.jpg", ("test",), "happiness"),
    ]
    with pytest.raises(UserError, match="has no folder compound"):
        read_examples(load(Card, "benchmarks", "raf-db-compound"), tmp_path)
