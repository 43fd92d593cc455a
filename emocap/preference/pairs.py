"""Two descriptions of one input, and what a judge says of them."""

# Tested in tests/preference/test_tables.py.

import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Answer = Literal["a1", "a2", "same"]
ANSWERS: tuple[Answer, ...] = ("a1", "a2", "same")
SWAPPED: dict[Answer, Answer] = {"a1": "a2", "a2": "a1", "same": "same"}
"""An answer to the pair in which the two have changed places → what it says of the pair as it stands."""
POINTS: dict[Answer, float] = {"a1": 1.0, "a2": 0.0, "same": 0.5}
"""The share of a comparison that the first description gets."""


@dataclass(frozen=True)
class Pair:
    """Two descriptions of one input, in the order in which they are shown."""

    name: str
    """Of the input."""
    a1: str
    a2: str
    model1: str | None = None
    """Who wrote ``a1``; None where the data does not say, so that it tells of the judge and nothing of captioners."""
    model2: str | None = None

    @property
    def models(self) -> tuple[str, str] | None:
        """Who is compared; None where that is not known."""
        return None if self.model1 is None or self.model2 is None else (self.model1, self.model2)

    @functools.cached_property
    def key(self) -> str:
        """16 hex digits that stand for the input and the two descriptions with their authors, in whichever order."""
        sides = sorted([(self.model1 or "", self.a1), (self.model2 or "", self.a2)])
        return hashlib.sha256(repr((self.name, sides)).encode()).hexdigest()[:16]

    def swapped(self) -> "Pair":
        """The same pair with the second description first."""
        return Pair(self.name, self.a2, self.a1, self.model2, self.model1)


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a pair."""

    answer: Answer | None
    """None: there is no answer."""
    detail: str = ""
    """The reply as it came, or why there is none."""
    readable: bool = True
    """False where a reply names none of the answers, and counts as ``same``."""


@dataclass(frozen=True)
class Judged:
    """A pair, what was said of it, and what was said of it the other way round."""

    pair: Pair
    verdict: Verdict
    reverse: Verdict | None = None
    """Of ``pair.swapped()``, as it was given; None where nobody was asked."""

    @property
    def answers(self) -> list[Answer]:
        """What is said of the pair as it stands, once per order that was answered."""
        turned = SWAPPED[self.reverse.answer] if self.reverse and self.reverse.answer else None
        return [answer for answer in (self.verdict.answer, turned) if answer]

    @property
    def points(self) -> float | None:
        """The share of the comparison that goes to the first description, 0 to 1; None where nothing was answered.

        A tie is a half, and of both orders it is the mean: a judge who changes his mind with the order has a tie (our
        reading).
        """
        answers = self.answers
        return sum(POINTS[answer] for answer in answers) / len(answers) if answers else None


def every_pair(captioners: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each two of them, once, in their order."""
    return itertools.combinations(captioners, 2)


def drawn_order(seed: int, pair: Pair) -> Pair:
    """The pair in an order that is as good as drawn, and the same every time: a judge may lean towards the first."""
    drawn = hashlib.sha256(f"{seed}/{pair.key}".encode()).digest()[0] % 2
    straight = pair if (pair.model1 or "", pair.a1) <= (pair.model2 or "", pair.a2) else pair.swapped()
    return straight.swapped() if drawn else straight
