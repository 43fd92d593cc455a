"""Readers: from a benchmark on disk to its examples, in a fixed order."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emocap.captions import Caption
from emocap.errors import UserError
from emocap.evaluate.cards import Card
from emocap.faces.images import SUFFIXES
from emocap.facs import ActionUnits
from emocap.samples import Labels, side
from emocap.shards import read_shard


@dataclass(frozen=True)
class Example:
    """One picture with what is known of it."""

    name: str
    data: bytes
    """The picture as it lies on disk."""
    split: str
    """train or test."""
    label: str | None
    action_units: ActionUnits | None
    subject: str | None
    caption: Caption | None = None
    """Only where the card's task is retrieval."""


def read(card: Card, data: Path) -> list[Example]:
    """All examples of a benchmark. Raises UserError where the data is not there or not what the card says."""
    if not data.is_dir():
        raise UserError(f"--data: there is no folder {data}")
    examples = list(_READERS[card.layout.reader](card, data))
    if card.task == "emotion":
        unknown = {example.label for example in examples} - {None} - set(card.classes)
        if unknown:
            raise UserError(f"{data}: labels that the card has no class for: {', '.join(sorted(map(str, unknown)))}")
        examples = [example for example in examples if example.label]
    elif card.task == "action_units":
        examples = [example for example in examples if example.action_units is not None]
    else:
        examples = [example for example in examples if example.caption and example.split == "test"]
    if not any(example.split == "test" for example in examples):
        wanted = "captioned" if card.task == "retrieval" else "labelled"
        raise UserError(f"{data}: no {wanted} test pictures for {card.title}")
    return examples


def data_sha256(examples: Sequence[Example]) -> str:
    """sha256 over what is measured: names, labels, captions where the task is about them, and the pictures' bytes."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(f"{example.name}\0{example.label}\0{example.action_units}\0".encode() + example.data)
        if example.caption:
            digest.update(example.caption.model_dump_json().encode())
    return digest.hexdigest()


def _read_build(card: Card, data: Path) -> Iterator[Example]:
    if not (data / "manifest.json").is_file():
        raise UserError(f"--data: {data} is not a finished build")
    for tar in sorted((data / "shards").glob("*.tar")):
        for sample in read_shard(tar):
            labels = sample.record.labels or Labels()
            yield Example(
                name=sample.record.key,
                data=sample.jpeg,
                split=labels.split or "test",
                label=labels.emotion,
                action_units=labels.action_units,
                subject=labels.subject,
                caption=sample.record.caption if card.task == "retrieval" else None,
            )


def _read_folders(card: Card, data: Path) -> Iterator[Example]:
    layout = card.layout
    for folder, label in layout.folders.items():
        if not (data / folder).is_dir():
            raise UserError(f"--data: {data} has no folder {folder}")
        for path in sorted((data / folder).iterdir()):
            if path.suffix.lower() not in SUFFIXES or path.name.startswith("._"):
                continue
            below = path.relative_to(data).as_posix()
            found = re.search(layout.subject, below) if layout.subject else None
            subject = found[1] if found else None
            split = side(subject or below, layout.test) if layout.test is not None else "test"
            yield Example(below, path.read_bytes(), split, label, None, subject)


_READERS: dict[str, Callable[[Card, Path], Iterator[Example]]] = {"build": _read_build, "folders": _read_folders}
