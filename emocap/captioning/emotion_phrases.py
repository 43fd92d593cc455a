"""The state of a face to words: emotions with their degree, valence and arousal, the amount of movement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from random import Random

from emocap.captioning.base import CaptionError
from emocap.captioning.phrases import load
from emocap.schema.samples import Labels

_NAMED = 0.15
"""The least share of a blend that is named beside the primary emotion."""
_EQUAL = 0.6
"""From this share of the primary's weight on, a second emotion counts as mixed in, not as a touch."""
_LEVEL = {"A": "low", "B": "low", "C": "mid", "D": "high", "E": "high"}


@dataclass(frozen=True, slots=True)
class ExpressedEmotion:
    """An emotion of a face: the word that labels it, its share, and the emotion with a prototype that it means."""

    name: str
    weight: float
    family: str | None

    def words(self, kind: str, degree: str | None) -> Sequence[str]:
        """Nouns (kind ``noun``) or adjectives (``adj``) for it, graded by the FACS letter; empty if it has none."""
        book = load()
        if self.family:
            graded: Mapping[str, Sequence[str]] = getattr(book.emotions[self.family], kind)
            return graded.get(_LEVEL[degree] if degree else "mid", graded["mid"])
        adjective = self.name in book.adjectives or self.name.endswith(book.adjective_endings)
        return [self.name] if adjective == (kind == "adj") else []


def emotions_of(labels: Labels) -> list[ExpressedEmotion]:
    """The emotions that a caption names, the strongest first: the primary one and all with a share of 0.15 or more.

    A blend goes before the one class. Raises CaptionError for weights that are negative or not numbers.
    """
    blend = labels.emotions or ({labels.emotion: 1.0} if labels.emotion else {})
    if any(not isfinite(weight) or weight < 0 for weight in blend.values()):
        raise CaptionError(f"the weights of {blend} are not all numbers of 0 and more")
    total = sum(blend.values())
    words = {" ".join(name.lower().split()): weight / total for name, weight in blend.items() if weight > 0}
    ordered = sorted(((name, weight) for name, weight in words.items() if name), key=lambda item: -item[1])
    return [
        ExpressedEmotion(name, weight, _families().get(name))
        for index, (name, weight) in enumerate(ordered)
        if index == 0 or weight >= _NAMED
    ]


@cache
def _families() -> dict[str, str]:
    return {label: name for name, family in load().emotions.items() for label in (name, *family.labels)}


def state(
    named: Sequence[ExpressedEmotion], degree: str | None, random: Random, *, still: bool = False
) -> dict[str, str]:
    """``feeling`` and ``felt``: the emotions as a noun and as an adjective, each where there are such words.

    degree: the FACS letter of the whole, None where it is not known. still: nothing moves, which words for neutral
    may say.
    """
    first, book = named[0], load()
    neutral = first.family == "neutral"
    phrases = {}
    for slot, kind, degrees in (("feeling", "noun", "adj"), ("felt", "adj", "ly")):
        grade = ("A" if still else None) if neutral else degree
        if words := first.words(kind, grade):
            strength = random.choice(book.degrees["feeling"][degrees][grade]) if grade and not neutral else ""
            touch = _touch(first, named[1:], random, kind)
            phrases[slot] = " ".join(filter(None, [strength, random.choice(words), touch]))
    return phrases


def _touch(first: ExpressedEmotion, others: Sequence[ExpressedEmotion], random: Random, kind: str) -> str:
    """``with a touch of surprise``: the further emotions of a blend, after a noun or an adjective (kind). Neutral is
    none of them: it only weakens the others.
    """
    touches = load().touches
    more = [one for one in others if one.family != "neutral" and (one.family is None or one.family != first.family)]
    if not more:
        return ""
    nouns = [random.choice(words) for one in more if (words := one.words("noun", None))]
    if not nouns:
        return random.choice(touches["also"]).format(adj=more[0].name)
    if len(nouns) > 1:
        return random.choice(touches["two"]).format(noun=", ".join(nouns[:-1]), more=nouns[-1])
    equal = more[0].weight >= _EQUAL * first.weight
    if equal and kind == "adj" and (adjectives := more[0].words("adj", None)):
        return random.choice(touches["mixed_felt"]).format(adj=random.choice(adjectives))
    manner = "mixed" if equal and kind == "noun" else "touch"
    return random.choice(touches[manner]).format(noun=nouns[0])


def affect(valence: float | None, arousal: float | None, random: Random) -> str | None:
    """``a mildly pleasant and very calm state``: valence and arousal, −1..1, in words; None where both are unknown."""
    book = load()
    words = [
        random.choice(scale[min(4, int((value + 1) * 2.5))])
        for scale, value in ((book.pleasantness, valence), (book.activation, arousal))
        if value is not None
    ]
    if not words:
        return None
    return random.choice((f"a(n) {' and '.join(words)} state", f"a state that is {' and '.join(words)}"))
