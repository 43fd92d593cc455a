"""Whether a benchmark's data is what its card says: counts, pictures, and who is on which side of a split."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds, place, read
from emocap.core.errors import UserError, few
from emocap.core.threads import THREADS, ahead
from emocap.faces.hashing import BITS, face_hash
from emocap.io.audio import wave
from emocap.io.images import ImageError
from emocap.io.media import Sound

_NEAR = 16
"""Bits in which near-duplicates differ at most, as in a build."""
_AT_ONCE = 2048
_UNTESTED = "class_without_test"
SPLITS = ("train", "val", "test")
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Finding:
    """One kind of trouble. ``wrong``: the numbers would be; otherwise it is to be known and no more."""

    kind: str
    detail: str
    wrong: bool = True
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What was found of one card."""

    benchmark: str
    title: str
    folder: str
    examples: int
    counts: Counts
    """Split → class → examples; of official folds the first."""
    expected: dict[str, int | dict[str, int]]
    """The card's own."""
    findings: list[Finding]

    @property
    def wrong(self) -> bool:
        """Whether anything is."""
        return any(finding.wrong for finding in self.findings)

    def to_json(self) -> str:
        """All of it, as an object."""
        return json.dumps({**asdict(self), "wrong": self.wrong}, ensure_ascii=False)


def check(name: str, card: Card, data: Path, needs: ExampleNeeds) -> Report:
    """Read the annotation, compare counts, decode every picture and look for those that are there twice.

    Raises UserError only where there is no folder at all.
    """
    root = place(card, data)
    if not root.is_dir():
        raise UserError(f"data: there is no folder {root}")
    try:
        examples = read(card, data, needs)
    except UserError as error:
        broken = Finding("annotation", str(error))
        return Report(name, card.title, str(root), 0, {}, card.counts, [broken])
    findings = [*_counts(card, examples, needs), *_people(card, examples), *_pictures(card, examples)]
    return Report(name, card.title, str(root), len(examples), counted(card, examples), card.counts, findings)


def refuse(name: str, card: Card, examples: Sequence[Example], needs: ExampleNeeds) -> None:
    """Raises UserError where counts differ from the card's, or a class has nothing to be tested on."""
    if wrong := [finding.detail for finding in _counts(card, examples, needs) if finding.wrong]:
        raise UserError(f"{name}: {few(wrong, 4)}; see emocap benchmarks check {name}, or set allow_counts=true")


def refuse_untested(name: str, card: Card, examples: Sequence[Example], needs: ExampleNeeds) -> None:
    """Raises UserError where a class has nothing to be tested on, whatever the counts are."""
    wrong = [finding.detail for finding in _counts(card, examples, needs) if finding.kind == _UNTESTED]
    if wrong:
        raise UserError(f"{name}: {wrong[0]}; see emocap benchmarks check {name}, or set allow_counts=true")


def as_expected(card: Card, examples: Sequence[Example], needs: ExampleNeeds) -> bool | None:
    """Whether there are as many examples as the card says; None where it says nothing."""
    return all(finding.kind != "counts" for finding in _counts(card, examples, needs)) if card.counts else None


def counted(card: Card, examples: Sequence[Example]) -> Counts:
    """Split → class → examples, in the card's order; what has no class is counted under ``all``."""
    found = {split: Counter[str]() for split in SPLITS}
    for example in examples:
        split = side(card, example)
        if split:
            found[split][example.label or "all"] += 1
    order = [*card.classes, "all"]
    return {split: {label: count[label] for label in order if count[label]} for split, count in found.items() if count}


def side(card: Card, example: Example) -> str:
    """Where an example is in the first fold. Where people take turns all are tested."""
    return "test" if card.split.by == "subjects" else example.splits[0]


def _counts(card: Card, examples: Sequence[Example], needs: ExampleNeeds) -> Iterator[Finding]:
    found = counted(card, examples)
    total = {split: sum(found.get(split, {}).values()) for split in SPLITS}
    wanted = card.totals
    if needs.every_class_tested and (absent := [label for label in card.classes if not found["test"].get(label)]):
        yield Finding(_UNTESTED, f"no test examples of {', '.join(absent)}")
    people = {name for part in card.split.people or [] for name in part}
    if gone := sorted(people - {str(example.subject) for example in examples}):
        yield Finding("absent_people", f"{len(gone):,} people of the card's folds are not there, such as {gone[0]}")
    for one, other in (("train", "test"), ("train", "val"), ("val", "test")):
        swapped = wanted.get(one) == total[other] and wanted.get(other) == total[one]
        if swapped and total[one] != total[other]:
            yield Finding("swapped_splits", f"{one} and {other} look swapped: {total[one]:,} and {total[other]:,}")
    if permuted := _permuted(card, found):
        yield Finding("permuted_labels", permuted)
    for split, expected in card.counts.items():
        if isinstance(expected, int):
            if total.get(split, 0) != expected:
                yield Finding("counts", f"{split} has {total.get(split, 0):,} examples, and the card {expected:,}")
            continue
        here = found.get(split, {})
        other_counts = [
            f"{here.get(label, 0):,} {label} (card: {number:,})"
            for label, number in expected.items()
            if here.get(label, 0) != number
        ]
        if other_counts:
            yield Finding("counts", f"{split} has {few(other_counts, 12)}")


def _permuted(card: Card, counts: Counts) -> str | None:
    """What to say where every split has the card's counts, but for other labels than the card has them."""
    named: dict[str, str] = {}
    for split, expected in card.counts.items():
        if isinstance(expected, int):
            continue
        here = counts.get(split, {})
        if sorted(here.values()) != sorted(number for number in expected.values() if number):
            return None
        for label, number in expected.items():
            if here.get(label, 0) != number:
                named.setdefault(label, next(other for other, count in expected.items() if count == here.get(label)))
    if not named:
        return None
    listed = ", ".join(f"{label} has the count of {other}" for label, other in named.items())
    return f"the label order looks permuted: {listed}"


def _people(card: Card, examples: Sequence[Example]) -> Iterator[Finding]:
    sides = defaultdict(set)
    for example in examples:
        if example.subject and (split := side(card, example)):
            sides[example.subject].add(split)
    both = sorted(subject for subject, splits in sides.items() if {"train", "test"} <= splits)
    if both:
        yield Finding("subjects_on_both_sides", f"{len(both):,} people are in train and in test", examples=both[:20])


def _pictures(card: Card, examples: Sequence[Example]) -> Iterator[Finding]:
    """Every picture is decoded. Memory holds a hash of each and no picture."""

    def see(example: Example) -> tuple[str, str | ImageError]:
        try:
            content = example.media.sha256()
            if isinstance(example.media, Sound):
                wave(example.media.path)
                return content, ""
            first = example.media.pictures(card.segments)[0]
        except ImageError as error:
            return "", error
        return content, face_hash(cv2.cvtColor(first, cv2.COLOR_RGB2GRAY), None, 0.0)

    failures = defaultdict(list)
    same = defaultdict(list)
    looks: dict[str, tuple[str, Example]] = {}
    for example, (content, seen) in zip(examples, ahead(see, examples, 4 * THREADS), strict=True):
        if isinstance(seen, ImageError):
            failures[seen.reason].append(f"{example.name}: {seen.detail}")
            continue
        same[content].append(example)
        if seen:
            looks.setdefault(content, (seen, example))
    for reason, names in failures.items():
        yield Finding(reason, f"{len(names):,} examples, such as {names[0]}", examples=names[:20])
    leaked, twice = [], []
    for group in same.values():
        by_side = defaultdict(list)
        for example in group:
            by_side[side(card, example)].append(example.name)
        if by_side["train"] and by_side["test"]:
            leaked.append(f"{by_side['test'][0]} = {by_side['train'][0]}")
        twice += [f"{names[0]} = {names[1]}" for split, names in by_side.items() if split and len(names) > 1]
    if leaked:
        yield Finding("test_in_train", f"{len(leaked):,} pictures of test are also in train", examples=leaked[:20])
    if twice:
        yield Finding("duplicates", f"{len(twice):,} pictures are twice in a split", False, twice[:20])
    near = _near(card, list(looks.values()))
    if near:
        yield Finding("near_duplicates", f"{len(near):,} of test look as one of train does", False, near[:20])


def _near(card: Card, looks: Sequence[tuple[str, Example]]) -> list[str]:
    """Pictures of test whose perceptual hash is next to that of one of train; equal files are not among them."""

    def signs(split: str) -> tuple[npt.NDArray[np.float32], list[str]]:
        chosen = [(look, example.name) for look, example in looks if side(card, example) == split]
        packed = np.frombuffer(bytes.fromhex("".join(look for look, _ in chosen)), dtype=np.uint8)
        bits = np.unpackbits(packed).reshape(-1, BITS).astype(np.float32)
        return 2 * bits - 1, [name for _, name in chosen]

    (train_NB, train), (test_NB, test) = signs("train"), signs("test")
    found = []
    for first in range(0, len(test) if train else 0, _AT_ONCE):
        block_NB = test_NB[first : first + _AT_ONCE]
        best_N, where_N = np.full(len(block_NB), -BITS, dtype=np.float32), np.zeros(len(block_NB), dtype=np.int64)
        for start in range(0, len(train), _AT_ONCE):
            # The product of signs is the number of equal bits less that of others.
            agreed_NM = block_NB @ train_NB[start : start + _AT_ONCE].T
            better = agreed_NM.max(1) > best_N
            where_N[better] = start + agreed_NM.argmax(1)[better]
            best_N = np.maximum(best_N, agreed_NM.max(1))
        rows = np.flatnonzero((BITS - best_N) / 2 <= _NEAR)
        found += [f"{test[first + row]} ~ {train[where_N[row]]}" for row in rows]
    return found
