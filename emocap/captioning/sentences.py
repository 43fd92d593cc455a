"""The two sentences about the whole face: the global part and the summary."""

# Tested in tests/captioning/test_annotations.py.

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from emocap.captioning.au_phrases import Piece, Wording, listing
from emocap.captioning.emotion_phrases import ExpressedEmotion, affect, state
from emocap.captioning.phrases import load, slots
from emocap.schema.captions import Region

_SHORTEST, _LONGEST = 25, 45
"""Words of a summary; the published sample has 40 (EmoCap100K Fig. 1d)."""
_ARTICLE = re.compile(r"\ba\(n\) (?=(\w+))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Whole:
    """What the sentences about the whole face are made from. ``degree`` is a FACS letter, None where unknown."""

    named: Sequence[ExpressedEmotion]
    degree: str | None
    valence: float | None
    arousal: float | None
    pieces: Sequence[Piece]
    resting: Sequence[Region]


def finished(text: str) -> str:
    """The text as a sentence: a or an, a capital, a full stop."""
    if "a(n)" in text:
        text = _ARTICLE.sub(lambda match: "an " if match[1][0] in "aeiou" else "a ", text)
    return text[0].upper() + text[1:] + "."


def overall(whole: Whole, random: Random) -> str:
    """The global part: the emotions with their intensity; without them valence and arousal, or how much moves."""
    kind, words = _state(whole, random)
    if kind == "hidden":
        kind = "feeling"
    return finished(_frame(load().global_[kind], words, random).format_map(words))


def summary(whole: Whole, wording: Wording, random: Random) -> str:
    """The same state, in new words, with two to four of the strongest movements, or with regions at rest."""
    kind, words = _state(whole, random)
    book = load()
    asides = [random.choice(book.rest[region].aside) for region in whole.resting]
    random.shuffle(asides)
    if not whole.pieces:
        frame = _frame(book.summary["still" if kind == "affect" else kind], words, random)
        return finished(_long_enough(asides, 2, lambda rest: frame.format_map(words | {"rest": rest})))

    used: set[str] = set()
    strongest = sorted(whole.pieces, key=lambda piece: -piece.strength)[: random.choice((2, 3, 3, 4))]
    evidence = [wording.cited(piece, used) for piece in strongest]
    singular = len(strongest) == 1 and len(strongest[0].units) == 1
    frames = [text for text in book.summary[kind] if not (singular and any(word in text for word in book.plural))]
    frame = _frame(frames, words, random)
    text = frame.format_map(words | {"evidence": listing(evidence)})
    while len(text.split()) > _LONGEST and len(evidence) > 2:
        evidence.pop()
        text = frame.format_map(words | {"evidence": listing(evidence)})
    if len(text.split()) < _SHORTEST and asides:
        link = random.choice(book.while_)
        text = _long_enough(asides, 1, lambda rest: f"{text}, {link.format(rest=rest)}")
    return finished(text)


def _long_enough(asides: Sequence[str], least: int, fill: Callable[[str], str]) -> str:
    """A sentence with as many clauses about regions at rest as its length asks for."""
    for number in range(least, len(asides) + 1):
        rest = listing(asides[:number], pair=" and ")
        if len((text := fill(rest)).split()) >= _SHORTEST:
            break
    return text


def _state(whole: Whole, random: Random) -> tuple[str, dict[str, str]]:
    """The kind of frame that fits the face, and the words for its slots."""
    still = not whole.pieces
    if whole.named:
        neutral = whole.named[0].family == "neutral"
        kind = "composed" if neutral and still else "neutral" if neutral else "hidden" if still else "feeling"
        return kind, state(whole.named, whole.degree, random, still=still)
    if words := affect(whole.valence, whole.arousal, random):
        return "affect", {"affect": words}
    if still:
        return "still", {}
    return "movement", {"movement": random.choice(load().movement[whole.degree or "C"])}


def _frame(frames: Sequence[str], words: dict[str, str], random: Random) -> str:
    """A frame all of whose slots have words; evidence and rest come later."""
    return random.choice(_fillable(tuple(frames), frozenset((*words, "evidence", "rest"))))


@cache
def _fillable(frames: tuple[str, ...], known: frozenset[str]) -> list[str]:
    return [text for text in frames if known.issuperset(slots(text))]
