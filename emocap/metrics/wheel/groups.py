"""Words as places on five wheels, many at once."""

# Tested in tests/metrics/wheel/test_overlaps.py.

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emocap.metrics.arrays import Labels
from emocap.metrics.wheel.lists import string_to_list
from emocap.metrics.wheel.resources import Level, Wheels

Words = str | Sequence[str] | float | None
"""Labels of one sample: a list, or a text that :func:`string_to_list` takes them from, or an empty cell."""
Sets = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Groups:
    """Every known form of a word and its group on each of W wheels, at one level.

    The groups of all wheels are numbered through, those of one wheel side by side.
    """

    row: Mapping[str, int]
    """Form → row of ``column_FW``, from 1; row 0 belongs nowhere."""
    column_FW: npt.NDArray[np.int16]
    """Number of the group on each wheel, from 1; 0 where the form is on no place of it."""
    names: tuple[tuple[str, ...], ...]
    """Of each wheel, what its groups are called."""

    def rows(self, words: Sequence[str]) -> Labels:
        """The row of each word, 0 where it is unknown. Case and surrounding space do not count."""
        row_T = np.fromiter(map(self.row.get, words, itertools.repeat(0)), np.int64, len(words))
        for place in np.flatnonzero(row_T == 0).tolist():  # few: most labels come as they are listed
            row_T[place] = self.row.get(words[place].strip().lower(), 0)
        return row_T

    def sets(self, labels: Sequence[Words]) -> Sets:
        """N×C: whether any label of each of N samples belongs to each of the C groups of all wheels."""
        lists = lists_of(labels)
        size_N = np.fromiter(map(len, lists), np.int64, len(lists))
        row_T = self.rows(list(itertools.chain.from_iterable(lists)))
        found = np.zeros((len(lists), 1 + sum(map(len, self.names))), dtype=np.bool_)
        found[np.repeat(np.arange(len(lists)), size_N)[:, None], self.column_FW[row_T]] = True
        return found[:, 1:]

    def count(self, set_NC: Sets) -> Labels:
        """N×W: how many groups of each wheel are in each set."""
        first_W = np.cumsum([0, *map(len, self.names[:-1])])
        return np.add.reduceat(set_NC, first_W, axis=1, dtype=np.int64)


def groups(wheels: Wheels, level: Level = "level1") -> Groups:
    """The groups of wheels at one level."""
    columns, names = dict[tuple[int, str], int](), []
    for number, wheel in enumerate(wheels.wheels):
        own = tuple(dict.fromkeys(getattr(wheel, level).values()))
        columns |= {(number, name): len(columns) + place for place, name in enumerate(own, start=1)}
        names.append(own)
    places = [
        [columns.get((number, wheels.place(form, number, level) or ""), 0) for number in range(len(wheels.wheels))]
        for form in wheels.synonyms
    ]
    nowhere = [0] * len(wheels.wheels)
    row = {form: number for number, form in enumerate(wheels.synonyms, start=1)}
    return Groups(row, np.array([nowhere, *places], dtype=np.int16), tuple(names))


def lists_of(labels: Sequence[Words]) -> list[Sequence[str]]:
    """Of each sample, its labels as a list."""
    return [string_to_list(one) if isinstance(one, str | float | None) else one for one in labels]
