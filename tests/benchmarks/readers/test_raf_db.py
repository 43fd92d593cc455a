from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples
from emocap.io.media import Picture


def written(root: Path, part: str, lines: str, encoding: str = "utf-8") -> Path:
    labels = root / part / "EmoLabel"
    labels.mkdir(parents=True)
    (labels / "list_patition_label.txt").write_bytes(lines.encode(encoding))
    return root


def test_names_and_codes_are_read_as_the_archive_writes_them(tmp_path: Path) -> None:
    root = written(tmp_path, "basic", "train_00001.jpg 5\r\ntest_0001.jpg 1\r\ntest_0002.jpg 7\r\n")
    first, second, third = read_examples(load(Card, "benchmarks", "raf-db"), root)
    assert (first.splits, first.label, first.name) == (
        ("train",),
        "sadness",
        "basic/Image/aligned/train_00001_aligned.jpg",
    )
    assert second.media == Picture(root / "basic" / "Image" / "aligned" / "test_0001_aligned.jpg")
    assert (second.splits, second.label, third.label) == (("test",), "surprise", "neutral")


def test_the_halves_have_their_own_codes(tmp_path: Path) -> None:
    written(tmp_path, "basic", "test_0001.jpg 4\n")
    root = written(tmp_path, "compound", "test_385.jpg 4\n")
    (basic,) = read_examples(load(Card, "benchmarks", "raf-db"), root)
    (compound,) = read_examples(load(Card, "benchmarks", "raf-db-compound"), root)
    assert (basic.label, compound.label) == ("happiness", "sadly angry")
    assert compound.name == "compound/Image/aligned/test_385_aligned.jpg"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_mark_at_the_beginning_or_gbk_changes_nothing(tmp_path: Path, encoding: str) -> None:
    root = written(tmp_path, "basic", "train_惊讶.jpg 1\ntest_0001.jpg 2\n", encoding)
    assert [example.label for example in read_examples(load(Card, "benchmarks", "raf-db"), root)] == [
        "surprise",
        "fear",
    ]


def test_wrong_lists_are_told_with_their_line(tmp_path: Path) -> None:
    card = load(Card, "benchmarks", "raf-db")
    with pytest.raises(UserError, match="has no folder basic"):
        read_examples(card, tmp_path)
    (tmp_path / "basic").mkdir()
    with pytest.raises(UserError, match=r"list_patition_label\.txt: No such file"):
        read_examples(card, tmp_path)
    root = written(tmp_path, "basic", "test_0001.jpg 2\n\ntest_0002.jpg happy\n")
    with pytest.raises(UserError, match=r"list_patition_label\.txt, line 3: 'test_0002\.jpg happy'"):
        read_examples(card, root)


def test_a_code_without_a_class_is_told(tmp_path: Path) -> None:
    root = written(tmp_path, "basic", "test_0001.jpg 2\ntest_0002.jpg 8\n")
    with pytest.raises(UserError, match=r"labels that the card has no class for: '8' \(1\)"):
        read_examples(load(Card, "benchmarks", "raf-db"), root)


def test_a_picture_listed_twice_is_told(tmp_path: Path) -> None:
    root = written(tmp_path, "basic", "test_0001.jpg 2\ntest_0001.jpg 3\n")
    with pytest.raises(UserError, match="is annotated more than once"):
        read_examples(load(Card, "benchmarks", "raf-db"), root)
