"""Action units of one region to clauses and noun phrases, after the phrase book."""

# Tested in tests/captioning/test_annotations.py.

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from emocap.captioning.phrases import Movement, Phrase, PhraseBook, load, units_of
from emocap.schema.facs import PROTOTYPES, UNITS, letter, split_code

VISIBLE = 0.5
"""The least intensity that is put into words: what is nearer to 0 than to A counts as absent (our reading)."""
_UNEVEN = 1.5
"""From this difference of intensity on, the stronger side is named."""
CLEAR = 2.5
"""Above this, nearer to C than to B, a movement is said to mark the skin, and brows the forehead (our reading)."""
SHORTEST, LONGEST = 10, 26
"""Words of a local sentence; regions that show many units at once may take up to 56."""
_MOST_PIECES, _MOST_WORDS, _CROWDED = 3, 34, 56


@dataclass(frozen=True, slots=True)
class VisibleUnit:
    """One unit as it is seen: both sides, or the side that shows it, and the side that clearly leads."""

    number: int
    strength: float
    side: str = ""
    leads: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit, or several for which the book has a phrase, all on the same side."""

    words: Movement
    units: tuple[VisibleUnit, ...]

    @property
    def strength(self) -> float:
        """The strongest of its units."""
        return max(one.strength for one in self.units)

    @property
    def side(self) -> str:
        """The side that all of its units are shown on; empty for both sides."""
        return self.units[0].side


def visible_units(units: Mapping[str, float]) -> dict[int, VisibleUnit]:
    """What the visible codes of a face amount to, by unit. A code without a side counts for both sides."""
    sides: dict[int, list[float]] = {}
    for code, value in units.items():
        if value >= VISIBLE:
            side, number = split_code(code)
            left_right = sides.setdefault(number, [0.0, 0.0])
            for index, name in enumerate("LR"):
                if side in ("", name) or UNITS[number].region == "head":
                    left_right[index] = max(left_right[index], value)
    visible = {}
    for number, (left, right) in sides.items():
        stronger = "left" if left > right else "right"
        side = "" if left and right else stronger
        leads = stronger if not side and abs(left - right) >= _UNEVEN else ""
        visible[number] = VisibleUnit(number, max(left, right), side, leads)
    return visible


def split(visible: Iterable[VisibleUnit]) -> list[Piece]:
    """The units of one region as few pieces, the largest combinations first, then the strongest units."""
    left = {one.number: one for one in visible}
    pieces = []
    for side in ("", "left", "right"):
        joinable = {one.number for one in left.values() if one.side == side and not one.leads}
        if len(joinable) < 2:
            continue
        for numbers, movement in _combinations():
            if numbers <= joinable:
                piece = Piece(movement, tuple(left[number] for number in sorted(numbers)))
                if _clauses(piece) and _citations(piece):
                    pieces.append(piece)
                    joinable -= numbers
                    left = {number: one for number, one in left.items() if number not in numbers}
    alone = sorted(left.values(), key=lambda one: -one.strength)
    return pieces + [Piece(load().units[one.number], (one,)) for one in alone]


@cache
def _combinations() -> list[tuple[frozenset[int], Movement]]:
    book = load()
    return sorted(((units_of(key), words) for key, words in book.combinations.items()), key=lambda item: -len(item[0]))


def _clauses(piece: Piece) -> list[Phrase]:
    return _usable(piece.words.one if piece.side else piece.words.both, piece)


def _citations(piece: Piece) -> list[Phrase]:
    return _usable(piece.words.cited_one if piece.side else piece.words.cited, piece)


def _usable(phrases: Sequence[Phrase], piece: Piece) -> list[Phrase]:
    """Those phrases whose common degree, if they have one, is true of all the units that it stands for."""
    usable = []
    for phrase in phrases:
        common = [one.strength for one in piece.units if phrase.shared and one.number not in phrase.own]
        if not common or max(common) - min(common) <= 1:
            usable.append(phrase)
    return usable


class _Degrees(dict[str, str]):
    """Slot → word, drawn when a phrase asks for it; a word is not taken twice where the letter has another."""

    def __init__(self, piece: Piece, phrase: Phrase, random: Random, used: set[str]) -> None:
        super().__init__(side=piece.side)
        self.piece, self.phrase, self.random, self.used = piece, phrase, random, used

    def __missing__(self, slot: str) -> str:
        book = load()
        kind = slot.rstrip("0123456789")
        number = slot[len(kind) :]
        if number:
            strength = next(one.strength for one in self.piece.units if one.number == int(number))
            degrees = book.units[int(number)].degrees
        else:
            common = [one.strength for one in self.piece.units if one.number not in self.phrase.own]
            strength = sum(common) / len(common)
            degrees = self.piece.words.degrees
        words = book.degrees[degrees][kind][letter(strength)]
        word = self.random.choice([word for word in words if word not in self.used] or words)
        self.used.add(word)
        return word


class Wording:
    """Words for the movements of one face. ``emotions``: those with a prototype that the face is said to show, the
    strongest first; a suggestion is chosen to fit them.
    """

    def __init__(self, random: Random, emotions: Sequence[str]) -> None:
        self.book: PhraseBook = load()
        self.random = random
        self.emotions = emotions

    def clause(self, piece: Piece, used: set[str]) -> str:
        """A clause such as ``the lips are slightly parted``."""
        phrases = _clauses(piece)
        text = self._filled(phrases or piece.words.both, piece, used)
        if piece.side and not phrases:
            text += f" on the {piece.side}"
        if leads := piece.units[0].leads:
            text += ", " + self.random.choice(self.book.uneven).format(side=leads)
        return text

    def cited(self, piece: Piece, used: set[str], *, added: bool = False) -> str:
        """A noun phrase such as ``slightly parted lips``. added: it follows a clause about the same region."""
        phrases = piece.words.added if added and piece.words.added else _citations(piece)
        text = self._filled(phrases or piece.words.cited, piece, used)
        if piece.side and not phrases:
            text += f" on the {piece.side}"
        if leads := piece.units[0].leads:
            text += f" ({self.random.choice(self.book.uneven).format(side=leads)})"
        return text

    def _filled(self, phrases: Sequence[Phrase], piece: Piece, used: set[str]) -> str:
        phrase = self.random.choice(phrases)
        return phrase.text.format_map(_Degrees(piece, phrase, self.random, used))

    def local(self, region: str, pieces: Sequence[Piece]) -> str:
        """What a region shows, without capital and full stop."""
        used: set[str] = set()
        first, *others = pieces
        text = self.clause(first, used)
        if not others:
            return self._rounded_off(text, first)
        if len(others) == 1 and region != "head" and self.random.random() < 0.4:
            text += self.random.choice((" while ", ", and ")) + self.clause(others[0], used)
        else:
            opening = self.random.choice((", with ", ", together with ", ", along with "))
            text += opening + listing([self.cited(piece, used, added=True) for piece in others])
        if len(pieces) > _MOST_PIECES or len(text.split()) > _MOST_WORDS:
            return self._crowded(region, [one for piece in pieces for one in piece.units])
        return text

    def _rounded_off(self, text: str, piece: Piece) -> str:
        """The clause with what the movement does to the skin, and what it suggests, as far as there is room."""
        random, words = self.random, len(text.split())
        even = not piece.side and not piece.units[0].leads
        ends = []
        if piece.words.marks and even and min(one.strength for one in piece.units) > CLEAR and random.random() < 0.5:
            ends.append(random.choice(piece.words.marks))
        suggestions = self._suggestions(piece)
        if suggestions and (random.random() < 0.75 or (not ends and words < SHORTEST)):
            ends.append(random.choice(suggestions))
        while ends and words + sum(len(end.split()) for end in ends) > LONGEST:
            ends.pop(0)
        gerunds = all(end.split()[0].endswith("ing") for end in ends)
        return ", ".join([text, " and ".join(ends)] if ends and gerunds else [text, *ends])

    def _suggestions(self, piece: Piece) -> list[str]:
        numbers = {one.number for one in piece.units}
        theirs = [name for name in self.emotions if numbers & _prototype(name)]
        emotion = next(iter([*theirs, *self.emotions]), None)
        suggestions = list(piece.words.suggestions(emotion))
        if theirs:
            noun = self.random.choice(self.book.emotions[theirs[0]].noun["mid"])
            suggestions += [text.format(noun=noun) for text in self.book.typical]
        return suggestions

    def _crowded(self, region: str, visible: Sequence[VisibleUnit]) -> str:
        """A list of short names, for a region that shows more than a sentence can carry in full."""
        names = []
        for one in sorted(visible, key=lambda one: -one.strength):
            unit = self.book.units[one.number]
            words = self.book.degrees[unit.degrees]["adj"][letter(one.strength)]
            degree = self.random.choice([word for word in words if " " not in word])
            side = f"mostly {one.leads}-sided" if one.leads else f"{one.side}-sided" if one.side else ""
            names.append(" ".join(filter(None, [degree, side, unit.name])))
        while len(names) > 1 and sum(len(name.split()) for name in names) > _CROWDED - 3:
            names.pop()
        return f"the {region} combine{'' if region.startswith('eye') else 's'} {listing(names)}"


@cache
def _prototype(emotion: str) -> frozenset[int]:
    return frozenset(split_code(code)[1] for code, *_ in PROTOTYPES[emotion].units)


def listing(items: Sequence[str], pair: str | None = None) -> str:
    """``a and b``, ``a, b, and c``. pair: what joins two; by default one that keeps items with an *and* apart."""
    if len(items) < 3:
        return (pair or (" as well as " if any(" and " in item for item in items) else " and ")).join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"
