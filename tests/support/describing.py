"""What tests of ranking share: tables of descriptions, and judges that know the answer."""

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emocap.preference.pairs import Answer, Pair, Verdict


def write_descriptions(path: Path, captioners: Sequence[str], inputs: int) -> Path:
    """Each of them says something of its own of every input."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "model", "description"])
        for number in range(inputs):
            table.writerows([f"clip{number}", name, f"{name} sees clip {number}."] for name in captioners)
    return path


def chance(*parts: object) -> float:
    """From 0 to 1, as good as drawn, and always the same for the same parts."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6]) / 2**48


def by_alphabet(pair: Pair) -> Answer | None:
    """Later letters are better, 0.75 of the time."""
    first, second = pair.models or ("", "")
    wanted: Answer = "a1" if first > second else "a2"
    other: Answer = "a2" if first > second else "a1"
    return wanted if chance(pair.key) < 0.75 else other


@dataclass
class Oracle:
    """A judge that is a function; counts what it was asked."""

    says: Callable[[Pair], Answer | None] = by_alphabet
    both_orders: bool = True
    name: str = "oracle"
    asked: list[Pair] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    most: int | None = None
    """It is killed before it is asked for more pairs than that."""

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """See Judge."""
        if self.most is not None and len(self.asked) + len(pairs) > self.most:
            raise KeyboardInterrupt
        self.asked += pairs
        answers = [self.says(pair) for pair in pairs]
        return [Verdict(answer, answer or "the endpoint failed") for answer in answers]
