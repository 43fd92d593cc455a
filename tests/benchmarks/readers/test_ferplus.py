import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def card(majority: str = "argmax") -> Card:
    return load(Card, "benchmarks", "ferplus", [f"layout.majority={majority}"])


def written(root: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    (root / "fer2013new.csv").write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return root


def labels(root: Path, majority: str) -> dict[str, str | None]:
    return {Path(example.name).stem: example.label for example in read_examples(card(majority), root)}


def test_the_majority_is_that_of_the_rule(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        "PrivateTest,plain.png,1,8,1,0,0,0,0,0,0,0",
        "PrivateTest,none.png,4,0,0,1,3,2,0,0,0,0",
        "PrivateTest,tie.png,0,0,0,5,5,0,0,0,0,0",
        "PrivateTest,scattered.png,0,0,4,1,1,1,1,1,1,0",
        "PrivateTest,unsure.png,2,1,0,0,0,0,0,0,7,0",
        "PrivateTest,,0,0,0,0,0,0,0,0,0,10",
    )
    assert labels(root, "argmax") == {
        "plain": "happiness",
        "none": "neutral",
        "tie": "sadness",
        "scattered": "surprise",
    }
    assert labels(root, "strict") == {"plain": "happiness", "scattered": "surprise"}


def test_of_a_picture_that_stands_twice_the_first_row_counts(tmp_path: Path) -> None:
    root = written(tmp_path, "PrivateTest,a.png,9,0,0,0,0,0,0,0,0,1", "PrivateTest,a.png,0,0,0,0,0,0,0,0,0,10")
    assert labels(root, "argmax") == {"a": "neutral"}


@pytest.mark.parametrize(("majority", "usable"), [("argmax", 3546), ("strict", 3153)])
def test_the_official_votes_give_the_counts_of_the_field(
    shared: Callable[[str], Path], tmp_path: Path, majority: str, usable: int
) -> None:
    shutil.copy(shared("data/annotations/ferplus/fer2013new.csv"), tmp_path)
    examples = read_examples(card(majority), tmp_path)
    counted = Counter((example.splits[0], example.label) for example in examples)
    assert sum(count for (split, _), count in counted.items() if split == "test") == usable
    if majority == "argmax":
        told = card().counts
        assert counted == {
            (split, label): n for split, of in told.items() if isinstance(of, dict) for label, n in of.items()
        }


def test_the_official_list_of_a_split_is_read_where_there_is_no_table(
    shared: Callable[[str], Path], tmp_path: Path
) -> None:
    official = shared("data/annotations/ferplus/label.csv")
    for folder in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "label.csv").touch()
    shutil.copy(official, tmp_path / "data" / "FER2013Test" / "label.csv")
    choices = HEADER.split(",")[2:]
    expected = {}
    for line in official.read_text().splitlines():
        votes = [int(vote) for vote in line.split('",')[1].split(",")]
        if np.argmax(votes) < 8:
            expected[line.split(".")[0]] = choices[np.argmax(votes)]
    assert len(expected) == 3545
    assert labels(tmp_path, "argmax") == expected


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    columns = HEADER.split(",")
    row = dict(
        zip(columns, ["PrivateTest", "fer0000001.png", "0", "0", "0", "0", "1", "0", "9", "0", "0", "0"], strict=True)
    )
    turned = columns[::-1]
    root = written(tmp_path, ",".join(row[column] for column in turned), header=",".join(turned), encoding="utf-8-sig")
    (example,) = read_examples(card(), root)
    assert (example.name, example.label) == ("data/FER2013Test/fer0000001.png", "fear")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Test,a.png,1,8,1,0,0,0,0,0,0,0", "'Test' is none of Training, PublicTest, PrivateTest"),
        ("PrivateTest,a.png,1,8,1,0,0,0,0,0,0", "is not the votes for 10 choices"),
        ("PrivateTest,a.png,1,eight,1,0,0,0,0,0,0,0", "is not the votes for 10 choices"),
        ("PrivateTest,/a.png,1,8,1,0,0,0,0,0,0,0", "'/a.png' is not a name below"),
        ("PrivateTest,a.png,1,-8,1,0,0,0,0,0,0,0", "is not the votes for 10 choices"),
    ],
)
def test_wrong_rows_are_told_with_their_line(tmp_path: Path, row: str, told: str) -> None:
    with pytest.raises(UserError, match=rf"fer2013new\.csv, line 2: .*{told}"):
        read_examples(card(), written(tmp_path, row))


def test_missing_votes_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither fer2013new\.csv nor data/FER2013Test/label\.csv"):
        read_examples(card(), tmp_path)
    with pytest.raises(UserError, match="has no column NF"):
        read_examples(card(), written(tmp_path, header=HEADER.removesuffix(",NF")))
