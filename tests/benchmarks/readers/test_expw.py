import hashlib
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples
from emocap.io.media import Picture


def card(test: str = "null") -> Card:
    return load(Card, "benchmarks", "expw", [f"layout.test={test}"])


def written(root: Path, *lines: str, encoding: str = "utf-8") -> Path:
    (root / "data" / "label").mkdir(parents=True)
    (root / "data" / "label" / "label.lst").write_bytes("\n".join([*lines, ""]).encode(encoding))
    return root


def test_faces_are_cut_out_by_top_left_right_bottom(tmp_path: Path) -> None:
    root = written(tmp_path, "angry_actor_104.jpg 0 28 113 226 141 22.9362 0", "angry_actor_104.jpg 1 5 6 7 8 50 6")
    first, second = read_examples(card(), root)
    assert first.media == Picture(root / "data" / "image" / "origin" / "angry_actor_104.jpg", (113, 28, 226, 141))
    assert (first.name, first.label) == ("data/image/origin/angry_actor_104.jpg#0", "anger")
    assert (second.name, second.label) == ("data/image/origin/angry_actor_104.jpg#1", "neutral")


def test_a_hash_divides_the_photographs_and_keeps_their_faces_together(tmp_path: Path) -> None:
    lines = [f"happy_{number}.jpg {face} 0 0 9 9 50 3" for number in range(200) for face in range(2)]
    examples = read_examples(card("0.15"), written(tmp_path, *lines))
    for example in examples:
        photo = Path(example.name).name.split("#")[0]
        drawn = int.from_bytes(hashlib.sha256(f"0/{photo}".encode()).digest()[:8]) / 2**64
        assert example.splits == (("test",) if drawn < 0.15 else ("train",))
    assert 30 < sum(example.splits == ("test",) for example in examples) < 90


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_names_may_have_a_mark_before_them_be_gbk_and_hold_spaces(tmp_path: Path, encoding: str) -> None:
    root = written(tmp_path, "愤怒 的人_1.jpg 0 1 2 3 4 50 0", encoding=encoding)
    (example,) = read_examples(card(), root)
    assert example.name == "data/image/origin/愤怒 的人_1.jpg#0"


def test_wrong_lists_are_told_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"label\.lst: No such file"):
        read_examples(card(), tmp_path)
    root = written(tmp_path, "a.jpg 0 1 2 3 4 50 0", "b.jpg 0 1 2 3 4 0")
    with pytest.raises(UserError, match=r"label\.lst, line 2: 'b\.jpg 0 1 2 3 4 0' is not a picture"):
        read_examples(card(), root)
    root = written(tmp_path / "out", "../../../a.jpg 0 1 2 3 4 50 0")
    with pytest.raises(UserError, match=r"label\.lst, line 1: '\.\./\.\./\.\./a\.jpg' is not a name below"):
        read_examples(card(), root)


def test_a_code_without_a_class_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"labels that the card has no class for: '7' \(1\)"):
        read_examples(card(), written(tmp_path, "a.jpg 0 1 2 3 4 50 7"))
