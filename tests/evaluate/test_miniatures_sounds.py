"""The benchmarks of sounds in miniature: what is read, and what is found where a recording is broken."""

from collections import Counter
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import check
from emocap.benchmarks.fixtures import write
from emocap.benchmarks.loading import read
from emocap.core.recipes import load


def card(name: str) -> Card:
    return load(Card, "benchmarks", name)


def test_mmar_has_all_sub_categories(tmp_path: Path) -> None:
    root = write("mmar", card("mmar"), tmp_path)
    examples = read(card("mmar"), tmp_path)
    assert Counter(len(e.question.options) for e in examples if e.question) == {4: 16, 2: 16}
    assert {name: len({e.groups[name] for e in examples}) for name in examples[0].groups} == {
        "category": 4,
        "sub-category": 16,
        "modality": 7,
    }
    assert {len(e.rubric) for e in examples} == {5}
    assert len(list((root / "audio").iterdir())) == 32


def test_asvspoof_has_all_attacks(tmp_path: Path) -> None:
    write("asvspoof2019-la", card("asvspoof2019-la"), tmp_path)
    examples = read(card("asvspoof2019-la"), tmp_path)
    assert Counter(e.label for e in examples) == {"fake": 52, "real": 12}
    assert Counter(e.groups.get("attack") for e in examples) == {None: 12} | {f"A{n:02d}": 4 for n in range(7, 20)}
    assert len({e.subject for e in examples}) == 4


@pytest.mark.parametrize("name", ["mmar", "asvspoof2019-la"])
def test_recordings_that_are_broken_missing_or_alike_are_found(name: str, tmp_path: Path) -> None:
    root = write(name, card(name), tmp_path)
    (counts,) = check(name, card(name), tmp_path).findings
    assert counts.kind == "counts"
    first, second, third, fourth, fifth, *_ = sorted(path for path in root.rglob("*.*") if path.suffix in SOUNDS)
    first.unlink()
    second.write_bytes(second.read_bytes()[:20])
    third.write_bytes(b"")
    fifth.write_bytes(fourth.read_bytes())
    found = {finding.kind: finding for finding in check(name, card(name), tmp_path).findings}
    assert set(found) == {"counts", "missing_file", "broken_sound", "duplicates"}
    assert len(found["missing_file"].examples) == 1
    assert len(found["broken_sound"].examples) == 2
    assert not found["duplicates"].wrong


SOUNDS = (".wav", ".flac")
