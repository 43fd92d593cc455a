"""The examples of a card, from the data on a disk."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError


def place(card: Card, data: Path) -> Path:
    """Where a card's data lies: in the folder that it names below ``data``, or else in ``data`` itself."""
    return data / card.folder if card.folder and (data / card.folder).is_dir() else data


def present(card: Card, data: Path) -> bool:
    """Whether a card's data seems to be there: the folder that it names, or a build where it names none."""
    if card.folder:
        return (data / card.folder).is_dir()
    return card.layout.root_file is not None and (data / card.layout.root_file).is_file()


@dataclass(frozen=True)
class ExampleNeeds:
    """What a task needs of an example."""

    annotated: Callable[[Example], bool]
    """Whether it has the annotation that is measured; others are passed over."""
    classed: bool = False
    """Whether labels are turned into the card's classes."""
    every_class_tested: bool = False
    """Whether each class must have a test example."""
    noun: str = "labelled"
    """For error messages: what such examples are."""


def read(card: Card, data: Path, needs: ExampleNeeds) -> list[Example]:
    """All examples of a benchmark that the card measures, labels turned into its classes.

    Raises UserError where the data is not there, has labels that the card does not know, or nothing to test on.
    """
    root = place(card, data)
    if not root.is_dir():
        raise UserError(f"data: there is no folder {root}")
    examples = list(card.layout.read(root))
    if needs.classed:
        examples = _classed(card, examples, root)
    examples = [example for example in examples if needs.annotated(example)]
    if not any("test" in example.splits for example in examples):
        raise UserError(f"{root}: no {needs.noun} test pictures for {card.title}")
    twice = [name for name, count in Counter(example.name for example in examples).items() if count > 1]
    if twice:
        raise UserError(f"{root}: {twice[0]} is annotated more than once, and {len(twice) - 1} others")
    return examples


def _classed(card: Card, examples: Sequence[Example], root: Path) -> list[Example]:
    """The examples with the classes that the card's names stand for, without those that it leaves out."""
    classes = {called.casefold(): name for name, one in card.classes.items() for called in (name, *one.aliases)}
    left_out = {called.casefold() for called in card.exclude_labels}
    unknown = Counter(
        example.label
        for example in examples
        if example.label and example.label.casefold() not in classes and example.label.casefold() not in left_out
    )
    if unknown:
        listed = ", ".join(f"{label!r} ({count})" for label, count in unknown.most_common(5))
        raise UserError(f"{root}: labels that the card has no class for: {listed}")
    kept = [example for example in examples if example.label and example.label.casefold() in classes]
    return [replace(example, label=classes[str(example.label).casefold()]) for example in kept]


def data_sha256(examples: Sequence[Example], pictures: Sequence[str]) -> str:
    """sha256 over what is measured: names, splits, annotations, captions if any; ``pictures``: the hash of each."""
    digest = hashlib.sha256()
    for example, sha256 in zip(examples, pictures, strict=True):
        identity = (example.name, example.splits, example.label, example.units, example.values, example.question)
        digest.update(f"{identity}\0{sha256}\0".encode())
        if example.caption:
            digest.update(example.caption.model_dump_json().encode())
        words = (example.labels, example.text, example.clue, example.reference, example.rubric, example.perception)
        if any(words):
            digest.update(f"{words}\0".encode())
        if example.options:
            digest.update(f"{example.options}\0".encode())
    return digest.hexdigest()
