"""The examples of a card, from the data on a disk."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
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
    return card.layout.reader == "build" and (data / "manifest.json").is_file()


def read(card: Card, data: Path) -> list[Example]:
    """All examples of a benchmark that the card measures, labels turned into its classes.

    Raises UserError where the data is not there, has labels that the card does not know, or nothing to test on.
    """
    root = place(card, data)
    if not root.is_dir():
        raise UserError(f"--data: there is no folder {root}")
    examples = list(card.layout.read(root))
    if card.task in _CLASSED:
        examples = _classed(card, examples, root)
    examples = [example for example in examples if _ANNOTATED[card.task](example)]
    if not any("test" in example.splits for example in examples):
        wanted = "captioned" if card.task == "retrieval" else "labelled"
        raise UserError(f"{root}: no {wanted} test pictures for {card.title}")
    twice = [name for name, count in Counter(example.name for example in examples).items() if count > 1]
    if twice:
        raise UserError(f"{root}: {twice[0]} is annotated more than once, and {len(twice) - 1} others")
    return examples


_CLASSED = ("emotion", "two_tiers", "spoofing")
"""Tasks with one class of several."""


_ANNOTATED: dict[str, Callable[[Example], bool]] = {
    "emotion": lambda example: example.label is not None,
    "action_units": lambda example: example.units is not None,
    "rating": lambda example: example.values is not None,
    "choice": lambda example: example.question is not None,
    "retrieval": lambda example: example.caption is not None and example.splits[0] == "test",
    "open_vocabulary": lambda example: example.labels is not None,
    "sentiment": lambda example: example.values is not None,
    "reasoning": lambda example: example.labels is not None,
    "two_tiers": lambda example: example.label is not None,
    "spoofing": lambda example: example.label is not None,
}


def _classed(card: Card, examples: Sequence[Example], root: Path) -> list[Example]:
    """The examples with the classes that the card's names stand for, without those that it leaves out."""
    classes = {called.casefold(): name for name, one in card.classes.items() for called in (name, *one.called)}
    left_out = {called.casefold() for called in card.leave_out}
    unknown = Counter(
        example.label
        for example in examples
        if example.label and example.label.casefold() not in classes and example.label.casefold() not in left_out
    )
    if unknown:
        told = ", ".join(f"{label!r} ({count})" for label, count in unknown.most_common(5))
        raise UserError(f"{root}: labels that the card has no class for: {told}")
    kept = [example for example in examples if example.label and example.label.casefold() in classes]
    return [replace(example, label=classes[str(example.label).casefold()]) for example in kept]


def data_sha256(examples: Sequence[Example], pictures: Sequence[str]) -> str:
    """sha256 over what is measured: names, splits, annotations, captions if any; ``pictures``: the hash of each."""
    digest = hashlib.sha256()
    for example, sha256 in zip(examples, pictures, strict=True):
        told = (example.name, example.splits, example.label, example.units, example.values, example.question)
        digest.update(f"{told}\0{sha256}\0".encode())
        if example.caption:
            digest.update(example.caption.model_dump_json().encode())
        words = (example.labels, example.text, example.clue, example.reference, example.rubric, example.perception)
        if any(words):
            digest.update(f"{words}\0".encode())
        if example.options:
            digest.update(f"{example.options}\0".encode())
    return digest.hexdigest()
