"""What is measured of a card: its examples, their folds, and what is left out as there is nothing to look at."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import refuse, refuse_untested
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Fold, divide
from emocap.core.errors import UserError
from emocap.core.threads import THREADS, ahead
from emocap.evaluation.registry import TASKS, read_examples
from emocap.io.audio import wave
from emocap.io.images import ImageError
from emocap.io.media import Sound

Folds = list[list[Fold]]


@dataclass(frozen=True)
class Inputs:
    """The examples of a card as they are measured."""

    card: Card
    examples: list[Example]
    contents: list[str]
    """The sha256 of the media of each; empty where it is not there and need not be."""
    folds: Folds
    """As :func:`emocap.benchmarks.splits.divide` gives them."""
    left_out: list[tuple[Example, str]]
    """Examples whose media is missing or cannot be read, and the reason of each."""

    def missing(self, fold: int) -> dict[str, dict[str, int]]:
        """Split → reason → number of those left out. fold: its number from 1, or 0 for the only one."""
        found: dict[str, Counter[str]] = {}
        for example, reason in self.left_out:
            by_people = self.card.split.by == "subjects"
            if split := "test" if by_people else example.splits[max(fold - 1, 0)]:
                found.setdefault(split, Counter())[reason] += 1
        return {split: dict(found[split]) for split in ("train", "val", "test") if split in found}


def gather(
    name: str,
    card: Card,
    data: Path,
    *,
    exact: bool,
    allow_missing: bool,
    looked_at: Callable[[Sequence[Example], Folds], Sequence[Example]],
    lenient: bool = False,
) -> Inputs:
    """Read a card's data and look for what its examples show.

    exact: refuse counts that are not the card's; those of the annotation count, with what is left out.
    allow_missing: leave out examples whose media is missing, and of those that are ``looked_at`` what cannot be
    decoded. lenient: missing media is no fault where it is not allowed either.

    Raises UserError, with the number and one of them, for missing media otherwise, where nothing is left to be tested
    or (exact) a class that has to be, and as the readers and splits do.
    """
    needs, examples = TASKS[card.task].needs, read_examples(card, data)
    if exact:
        refuse(name, card, examples, needs)
    seen = list(ahead(_content, examples, 4 * THREADS))
    if not allow_missing:
        if not lenient:
            _refuse_missing(name, examples, seen)
        contents = ["" if isinstance(one, ImageError) else one for one in seen]
        return Inputs(card, examples, contents, divide(card, examples), [])
    there, left_out = _parted(zip(examples, seen, strict=True))
    folds = _divided(name, card, there, left_out)
    looked = list(looked_at([example for example, _ in there], folds))
    errors = ahead(lambda example: _unreadable(example, card.segments), looked, 4 * THREADS)
    broken = {example.name: error for example, error in zip(looked, errors, strict=True) if error}
    if broken:
        there, unreadable = _parted((example, broken.get(example.name, content)) for example, content in there)
        left_out += unreadable
        folds = _divided(name, card, there, left_out)
    kept = [example for example, _ in there]
    if exact:
        refuse_untested(name, card, kept, needs)
    return Inputs(card, kept, [content for _, content in there], folds, left_out)


def used(examples: Sequence[Example], folds: Folds, taught: bool) -> list[Example]:
    """The examples that are tested, and with ``taught`` those that teach, in their order."""
    every = [fold for pooled in folds for fold in pooled]
    sides = [side for fold in every for side in ((fold.train, fold.val, fold.test) if taught else (fold.test,))]
    return [examples[row] for row in np.unique(np.concatenate(sides))]


def _parted(
    pairs: Iterable[tuple[Example, str | ImageError]],
) -> tuple[list[tuple[Example, str]], list[tuple[Example, str]]]:
    """Examples with their content, and those that have none with the reason."""
    there, gone = [], []
    for example, content in pairs:
        if isinstance(content, ImageError):
            gone.append((example, content.reason))
        else:
            there.append((example, content))
    return there, gone


def _divided(
    name: str, card: Card, there: Sequence[tuple[Example, str]], left_out: Sequence[tuple[Example, str]]
) -> Folds:
    kept = [example for example, _ in there]
    if not any("test" in example.splits for example in kept):
        gone = [example.name for example, _ in left_out]
        raise UserError(f"{name}: nothing is left to be tested: {_missing_line(gone, len(gone) + len(kept))}")
    return divide(card, kept)


def _refuse_missing(name: str, examples: Sequence[Example], contents: Sequence[str | ImageError]) -> None:
    gone = [(example, one) for example, one in zip(examples, contents, strict=True) if isinstance(one, ImageError)]
    if gone:
        error = gone[0][1]
        raise UserError(
            f"{name}: {_missing_line([one.name for one, _ in gone], len(examples))}: {error.reason}: {error.detail}; "
            "allow_missing leaves such examples out and counts them"
        )


def _missing_line(names: Sequence[str], total: int) -> str:
    return f"{len(names):,} of {total:,} examples have nothing to look at, such as {names[0]}"


def _content(example: Example) -> str | ImageError:
    try:
        return example.media.sha256()
    except ImageError as error:
        return error


def _unreadable(example: Example, segments: int) -> ImageError | None:
    try:
        if isinstance(example.media, Sound):
            wave(example.media.path)
        else:
            example.media.pictures(segments)
    except ImageError as error:
        return error
    return None
