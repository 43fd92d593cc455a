"""Which labels are the same although they are written otherwise, which are ties, and in which order they stand."""

# Tested in tests/annotators/test_annotations.py.

from collections import Counter
from collections.abc import Sequence

import numpy as np

from emocap.annotators.table_formats import plain
from emocap.core.errors import UserError

MOST_LABELS = 50
"""With more, tables of every label against every other are mostly empty."""
TIE = ":"
"""Parts the labels of a tie, as in CREMA-D's A:D."""


class Spelling:
    """Which labels are the same, and how they are shown: as named, or as they are written most often."""

    def __init__(self, named: Sequence[str], texts: Sequence[str]) -> None:
        self._named = {key_of(text): text for text in named}
        if len(self._named) < len(named):
            raise UserError("labels names a label twice")
        if "" in self._named:
            raise UserError("labels has an empty name; separate labels by commas")
        self._texts = Counter(text for text in texts if text.strip())
        often: dict[str, Counter[str]] = {}
        for text, count in self._texts.items():
            often.setdefault(key_of(text), Counter())[plain(text)] += count
        self._shown = {key: counts.most_common(1)[0][0] for key, counts in often.items()} | self._named

    def display(self, key: str) -> str:
        """The label of a key as it is shown."""
        return self._shown[key]

    def tied(self, key: str) -> bool:
        """Whether a label is made of others, each of which occurs alone or is named."""
        parts = key.split(TIE)
        return len(parts) > 1 and all(part in self._shown for part in parts)

    def named(self, key: str) -> bool:
        """Whether a label is among those that there are."""
        return not self._named or key in self._named

    def order(self, keys: set[str]) -> list[str]:
        """All labels, as they were named, or else those of ``keys``: by their numbers, or by the alphabet."""
        if len(keys) > MOST_LABELS:
            raise UserError(
                f"{len(keys):,} different labels, and at most {MOST_LABELS} can be compared; see the column"
            )
        return list(self._named) or sorted(keys, key=lambda key: (number(key) is None, number(key) or 0.0, key))

    def otherwise(self, keys: set[str]) -> list[str]:
        """What is written otherwise than some labels are shown, each as often as it is."""
        every = ((text, key_of(text)) for text in self._texts.elements())
        return [repr(text) for text, key in every if key in keys and text != self._shown[key]]


def key_of(text: str) -> str:
    """What labels that are the same have in common."""
    return plain(text).casefold()


def number(text: str) -> float | None:
    """The finite number that a label is; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
