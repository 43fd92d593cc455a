from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples


def card(test: str = "null") -> Card:
    return load(Card, "benchmarks", "raf-au", [f"layout.test={test}"])


def shown(root: Path, text: str, encoding: str = "utf-8") -> list[tuple[str, set[int]]]:
    (root / "RAFAU_label.txt").write_bytes(text.encode(encoding))
    told = [(example.name, example.units or {}) for example in read_examples(card(), root)]
    assert all(set(range(1, 3)) <= set(units) and set(units.values()) <= {0.0, 3.0} for _, units in told)
    return [(name, {unit for unit, value in units.items() if value}) for name, units in told]


def test_units_of_either_side_are_shown_and_null_is_nothing(tmp_path: Path) -> None:
    assert shown(tmp_path, "0001.jpg 1+2+L12\n0002.jpg null \n3.jpg R4+B25+39\n") == [
        ("aligned/0001_aligned.jpg", {1, 2, 12}),
        ("aligned/0002_aligned.jpg", set()),
        ("aligned/0003_aligned.jpg", {4, 25, 39}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_mark_at_the_beginning_or_gbk_changes_nothing(tmp_path: Path, encoding: str) -> None:
    assert shown(tmp_path, "惊.jpg 1\n", encoding)[0][1] == {1}


def test_the_split_depends_on_the_name_alone(tmp_path: Path) -> None:
    (tmp_path / "RAFAU_label.txt").write_text("".join(f"{number:04d}.jpg 1\n" for number in range(300)))
    sides = {example.name: example.splits[0] for example in read_examples(card("0.2"), tmp_path)}
    (tmp_path / "RAFAU_label.txt").write_text("".join(f"{number:04d}.jpg 2\n" for number in reversed(range(150))))
    assert {
        example.name: example.splits[0] for example in read_examples(card("0.2"), tmp_path)
    }.items() <= sides.items()
    assert 40 < list(sides.values()).count("test") < 80


def test_wrong_lines_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"RAFAU_label\.txt: No such file"):
        read_examples(card(), tmp_path)
    with pytest.raises(UserError, match=r"RAFAU_label\.txt, line 2: '0002\.jpg' is not a picture and its units"):
        shown(tmp_path, "0001.jpg 1\n0002.jpg\n")
    with pytest.raises(UserError, match=r"RAFAU_label\.txt, line 1: 'X12' is not an action unit"):
        shown(tmp_path, "0001.jpg 1+X12\n")
