"""Who teaches and who is tested: rows of examples for every fold."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Row numbers of each side."""

    train: Rows
    val: Rows
    test: Rows


def divide(card: Card, examples: Sequence[Example]) -> list[list[Fold]]:
    """The folds of a card; those in one inner list are measured together, as one result.

    Official folds are a result each. Of folds by subject the predictions are pooled. Raises UserError where a side is
    empty in some fold, a person is on two sides, sides are swapped, or names of people are not those of the data.
    """
    if card.split.by == "subjects":
        return [_by_subject(card, examples)]
    lengths = Counter(len(example.splits) for example in examples)
    if len(lengths) > 1:
        odd = next(e for e in examples if len(e.splits) != lengths.most_common(1)[0][0])
        raise UserError(f"{card.title}: {odd.name} is in {len(odd.splits)} folds, others in another number")
    folds = []
    for number in range(len(examples[0].splits)):
        sides = np.array([example.splits[number] for example in examples])
        fold = Fold(*(np.flatnonzero(sides == side) for side in ("train", "val", "test")))
        if not len(fold.test):
            raise UserError(f"{card.title}: nothing is for testing in fold {number + 1}")
        _check_apart(card, examples, fold)
        folds.append([fold])
    _check_order(card, folds[0][0])
    return folds


def _by_subject(card: Card, examples: Sequence[Example]) -> list[Fold]:
    nameless = [example.name for example in examples if example.subject is None]
    if nameless:
        raise UserError(f"{card.title} is divided by subject, but nobody is named for {nameless[0]}")
    subjects = np.array([str(example.subject) for example in examples])
    parts = card.split.people or _parts(Counter(subjects.tolist()), card.split.folds)
    listed = Counter(name for part in parts for name in part)
    if unlisted := sorted(set(subjects.tolist()) - set(listed)):
        raise UserError(f"{card.title}: split.people does not say where {', '.join(unlisted)} belong")
    if twice := sorted(name for name, count in listed.items() if count > 1):
        raise UserError(f"{card.title}: split.people has {', '.join(twice)} in more than one fold")
    if len(parts) < 2:
        raise UserError(f"{card.title}: folds by subject need two people at least")
    none = np.array([], dtype=np.int64)
    tested = [np.isin(subjects, part) for part in parts]
    if empty := [number for number, rows in enumerate(tested, start=1) if not rows.any()]:
        raise UserError(f"{card.title}: nobody is tested in fold {empty[0]}")
    return [Fold(np.flatnonzero(~rows), none, np.flatnonzero(rows)) for rows in tested]


def _parts(counts: Counter[str], folds: int | None) -> list[list[str]]:
    """People in parts of about as many examples: the one with most goes to the smallest part, names break ties."""
    if folds is None:
        return [[name] for name in sorted(counts)]
    if len(counts) < folds:
        raise UserError(f"split.folds: {folds} folds of {len(counts)} people; there must be one for each")
    parts: list[list[str]] = [[] for _ in range(folds)]
    sizes = [0] * folds
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        smallest = min(range(folds), key=lambda number: (sizes[number], len(parts[number]), number))
        parts[smallest].append(name)
        sizes[smallest] += counts[name]
    return parts


def inner(groups: Sequence[str], folds: int) -> list[tuple[Rows, Rows]]:
    """Rows kept and held out, for choosing within a training set: groups stay together, folds are of about one size.

    None where there is a single group.
    """
    names = np.array(groups)
    parts = min(folds, len(np.unique(names)))
    if parts < 2:
        return []
    held = [np.isin(names, part) for part in _parts(Counter(names.tolist()), parts)]
    return [(np.flatnonzero(~rows), np.flatnonzero(rows)) for rows in held]


def _check_apart(card: Card, examples: Sequence[Example], fold: Fold) -> None:
    tested = {examples[row].subject for row in fold.test} - {None}
    both = tested & {examples[row].subject for row in np.concatenate([fold.train, fold.val])}
    if both:
        raise UserError(
            f"{card.title}: {sorted(map(str, both))[0]} is in train and in test, and {len(both) - 1} others"
        )


def _check_order(card: Card, fold: Fold) -> None:
    """A line if the sizes of two splits are those of the official data the other way round."""
    wanted = {side: card.totals[side] for side in ("train", "test") if side in card.totals}
    if len(wanted) < 2 or wanted["train"] == wanted["test"]:
        return
    if (len(fold.train), len(fold.test)) == (wanted["test"], wanted["train"]):
        raise UserError(
            f"{card.title}: train and test are swapped: {len(fold.train)} are to train on, {len(fold.test)} to test on"
        )
