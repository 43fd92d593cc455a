"""Which words the wheels know: what they do not know is dropped, unpunished."""

# Tested in tests/metrics/wheel/test_overlaps.py.

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from emocap.metrics.wheel.groups import Groups, Words, lists_of


@dataclass(frozen=True)
class Coverage:
    """Of the words of many samples, each as often as it stands there."""

    words: int
    mapped: tuple[int, ...]
    """How many of them each wheel knows."""
    dropped: Counter[str]
    """Those that no wheel knows, such as ``neutral``, lower-case, and how often."""

    @property
    def shares(self) -> list[float | None]:
        """Of the words, how many each wheel knows; None where there are no words."""
        return [mapped / self.words if self.words else None for mapped in self.mapped]


def coverage(groups: Groups, labels: Sequence[Words]) -> Coverage:
    """Of the words of N samples."""
    words = [word.strip().lower() for word in chain.from_iterable(lists_of(labels))]
    known_TW = groups.column_FW[groups.rows(words)] > 0
    dropped = Counter(words[place] for place in np.flatnonzero(~known_TW.any(axis=1)).tolist())
    return Coverage(len(words), tuple(known_TW.sum(0).tolist()), dropped)
