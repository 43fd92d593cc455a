"""The phrase book of the ``annotations`` captioner: its model, its checks, and the loading of its YAML files.

A phrase is plain English with slots in braces. In clauses and cited phrases: ``{ly}`` an adverb of degree before a
participle, ``{far}`` one after a verb, ``{adj}`` an adjective of degree before a noun, ``{side}`` left or right. In a
combination of units a number, as in ``{ly12}``, gives the degree of that unit alone; a slot without a number gives the
common degree of all units that have no slot of their own, and such a phrase is used only where these units are about
equally strong. ``a(n)`` becomes a or an.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Formatter
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from emocap.core.errors import UserError
from emocap.schema.captions import Region, named_emotions
from emocap.schema.facs import EMOTIONS, UNITS

LETTERS = "ABCDE"
_LEVELS = ("low", "mid", "high")
_TOUCHES = {"touch": {"noun"}, "mixed": {"noun"}, "mixed_felt": {"adj"}, "two": {"noun", "more"}, "also": {"adj"}}
_SIDED_WORDS = re.compile(r"\b(?:left|right)\b")
_FACING = {51, 52, 55, 56, 61, 62}
"""Units whose own name has a direction."""


def _plain(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{text!r} is not a phrase; quote a phrase that begins with a brace")
    if text != " ".join(text.split()) or text[0].isupper() or text[-1] in ".,;:":
        raise ValueError(f"{text!r}: a phrase has single spaces, no capital before it and no point or comma after it")
    return text


@cache
def slots(text: str) -> tuple[str, ...]:
    """The names of a phrase's slots, in order."""
    return tuple(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A clause or a cited phrase. ``own``: the units whose degree stands in a numbered slot; ``shared``: it has a
    degree slot without a number.
    """

    text: str
    own: frozenset[int]
    shared: bool


def _phrase(text: Any) -> Phrase:
    own, shared = set(), False
    for slot in slots(_plain(text)):
        found = re.fullmatch(r"(ly|far|adj)(\d*)|side", slot)
        if found is None:
            raise ValueError(
                f"{{{slot}}} in {text!r} is not a slot: use ly, far, adj, with or without a number, or side"
            )
        if found[2]:
            own.add(int(found[2]))
        shared = shared or found[2] == ""
    return Phrase(text, frozenset(own), shared)


Plain = Annotated[str, BeforeValidator(_plain)]
Worded = Annotated[Phrase, BeforeValidator(_phrase)]
Degrees = dict[str, dict[str, tuple[str, ...]]]
"""Kind (ly, far, adj) → FACS letter → words."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Movement(_Entry):
    """How a unit, or a combination of units, is put into words."""

    degrees: str = "movement"
    """Which set of degree words it takes."""
    both: tuple[Worded, ...] = Field(min_length=1)
    """Clauses for a movement that is the same on both sides."""
    one: tuple[Worded, ...] = ()
    """Clauses for a movement of one side."""
    cited: tuple[Worded, ...] = ()
    """The movement as a noun phrase."""
    cited_one: tuple[Worded, ...] = ()
    added: tuple[Worded, ...] = ()
    """Shorter noun phrases for after a clause about the same region; without them ``cited`` serves."""
    marks: tuple[Plain, ...] = ()
    """What it does to the skin, as participles; said only from C on and of both sides."""
    means: dict[str, tuple[Plain, ...]] = {}
    """What it suggests: under the names of emotions what fits these, under ``any`` what holds otherwise."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        even = (*self.both, *self.cited, *self.added)
        for phrases, sided in ((even, False), ((*self.one, *self.cited_one), True)):
            for phrase in phrases:
                if sided != ("{side}" in phrase.text):
                    raise ValueError(f"{phrase.text!r}: {{side}} belongs into phrases for one side, and only there")
        if unknown := {name for key in self.means for name in key.split()} - {"any", *EMOTIONS}:
            raise ValueError(f"means: {', '.join(sorted(unknown))} is neither any nor an emotion with a prototype")
        return self

    def _worded(self) -> list[Phrase]:
        return [*self.both, *self.one, *self.cited, *self.cited_one, *self.added]

    def covers(self, numbers: frozenset[int]) -> bool:
        """Whether every clause and cited phrase tells the degree of each of these units, and of no others."""
        return all(phrase.own <= numbers and (phrase.shared or phrase.own == numbers) for phrase in self._worded())

    def texts(self) -> list[str]:
        """Everything that may be said of the movement."""
        phrases = (*self.both, *self.one, *self.cited, *self.cited_one)
        return [
            *(phrase.text for phrase in phrases),
            *self.marks,
            *(text for kind in self.means.values() for text in kind),
        ]

    def suggestions(self, emotion: str | None) -> tuple[str, ...]:
        """What the movement suggests where this emotion, or none that has a name here, is known."""
        fitting = [texts for key, texts in self.means.items() if emotion in key.split()]
        return fitting[0] if fitting else self.means.get("any", ())


class UnitWords(Movement):
    """How a single unit is put into words."""

    cited: tuple[Worded, ...] = Field(min_length=1)
    name: Plain
    """A short name without an article, for regions that show very much at once."""


class Rest(_Entry):
    """A region at rest."""

    unless: frozenset[int] = frozenset()
    """Units of other regions that move this one too."""
    says: tuple[Plain, ...] = Field(min_length=1)
    """Clauses for an entry of its own."""
    aside: tuple[Plain, ...] = Field(min_length=1)
    """Short clauses for the summary."""


class Family(_Entry):
    """Words for an emotion, nouns and adjectives: low for A and B, mid for C, high for D and E."""

    labels: tuple[str, ...] = ()
    """What label tables call it, beside its name."""
    noun: dict[str, tuple[Plain, ...]]
    adj: dict[str, tuple[Plain, ...]]


class PhraseBook(_Entry):
    """The whole phrase book; what each part is for stands in its YAML file."""

    version: str
    degrees: dict[str, Degrees]
    units: dict[int, UnitWords]
    combinations: dict[str, Movement]
    forehead: dict[str, Movement]
    uneven: tuple[Plain, ...]
    rest: dict[Region, Rest]
    rest_means: tuple[Plain, ...]
    typical: tuple[Plain, ...]
    emotions: dict[str, Family]
    adjectives: frozenset[str]
    adjective_endings: tuple[str, ...]
    touches: dict[str, tuple[Plain, ...]]
    pleasantness: tuple[tuple[Plain, ...], ...] = Field(min_length=5, max_length=5)
    activation: tuple[tuple[Plain, ...], ...] = Field(min_length=5, max_length=5)
    movement: dict[str, tuple[Plain, ...]]
    global_: dict[str, tuple[Plain, ...]] = Field(alias="global")
    summary: dict[str, tuple[Plain, ...]]
    plural: tuple[str, ...]
    while_: tuple[Plain, ...] = Field(alias="while")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if missing := UNITS.keys() ^ self.units.keys():
            raise ValueError(f"units {sorted(missing)} are not those of FACS")
        for number, unit in self.units.items():
            if not unit.covers(frozenset({number})):
                raise ValueError(f"units.{number}: a phrase without its degree, or with that of another unit")
        for part in (self.combinations, self.forehead):
            for key, movement in part.items():
                if not movement.covers(units_of(key)):
                    raise ValueError(f"{key}: a phrase that lacks the degree of a unit, or has that of another one")
        for key, movement in [*self.combinations.items(), *((str(n), unit) for n, unit in self.units.items())]:
            if movement.degrees not in self.degrees:
                raise ValueError(f"{key}: there is no set of degrees {movement.degrees!r}")
            if not units_of(key) & _FACING and any(_SIDED_WORDS.search(text) for text in movement.texts()):
                raise ValueError(f"{key}: write {{side}} for left and right")
        for name, kinds in self.degrees.items():
            for kind, letters in kinds.items():
                words = [word for letter in LETTERS for word in letters.get(letter, ())]
                if not all(letters.get(letter) for letter in LETTERS) or len(set(words)) < len(words):
                    raise ValueError(f"degrees.{name}.{kind}: every letter A to E needs words, each its own")
        self._check_emotions()
        self._check_sentences()
        return self

    def _check_emotions(self) -> None:
        if set(self.emotions) != set(EMOTIONS):
            raise ValueError(f"emotions are {', '.join(EMOTIONS)}")
        for name, family in self.emotions.items():
            if "mid" not in family.noun or "mid" not in family.adj or {*family.noun, *family.adj} - {*_LEVELS}:
                raise ValueError(
                    f"emotions.{name}: nouns and adjectives have the levels {', '.join(_LEVELS)}; mid always"
                )
            for words in (*family.noun.values(), *family.adj.values()):
                if stranger := [word for word in words if named_emotions(word) != {name}]:
                    raise ValueError(f"emotions.{name}: {stranger[0]!r} is not known as a word for {name} alone")

    def _check_sentences(self) -> None:
        if self.touches.keys() != _TOUCHES.keys() or self.movement.keys() != set(LETTERS):
            raise ValueError(f"touches are {', '.join(_TOUCHES)}; movement has the letters A to E")
        small = [(f"touches.{kind}", self.touches[kind], wanted) for kind, wanted in _TOUCHES.items()]
        small += [
            ("uneven", self.uneven, {"side"}),
            ("typical", self.typical, {"noun"}),
            ("while", self.while_, {"rest"}),
        ]
        for where, texts, wanted in small:
            if wrong := [text for text in texts if set(slots(text)) != wanted]:
                raise ValueError(f"{where}: {wrong[0]!r} has other slots than {', '.join(sorted(wanted))}")
        state = {"feeling": "feeling|felt", "hidden": "feeling|felt", "neutral": "felt", "composed": "felt"}
        for part, frames in (("global", self.global_), ("summary", self.summary)):
            wanted = {"feeling", "neutral", "composed", "affect", "movement", "still"}
            if frames.keys() != wanted | ({"hidden"} if part == "summary" else set()):
                raise ValueError(
                    f"{part}: the kinds of frames are {', '.join(sorted(wanted))}; hidden in summary only"
                )
            for kind, texts in frames.items():
                proof = "" if part == "global" else "rest" if kind in ("hidden", "composed", "still") else "evidence"
                for text in texts:
                    found = slots(text)
                    states = [slot for slot in found if re.fullmatch(state.get(kind, kind), slot)]
                    if len(states) != (kind != "still") or sorted(found) != sorted([*states, *filter(None, [proof])]):
                        raise ValueError(f"{part}.{kind}: {text!r} has other slots than it should")


@cache
def units_of(key: str) -> frozenset[int]:
    """``"12+25"`` → the numbers of its units."""
    return frozenset(int(number) for number in key.split("+"))


def check(content: Any) -> PhraseBook:
    """Validate a phrase book given as plain data. Raises UserError with the first complaint."""
    try:
        return PhraseBook.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"phrase book: {place}: {first['msg'].removeprefix('Value error, ')}") from None


def read() -> dict[str, Any]:
    """The YAML files of the phrase book as one mapping. A part may be spread over files. Raises UserError."""
    content: dict[str, Any] = {}
    files = (
        file for file in resources.files(__package__).joinpath("phrases").iterdir() if file.name.endswith(".yaml")
    )
    for file in sorted(files, key=lambda file: file.name):
        try:
            parts = yaml.safe_load(file.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise UserError(f"phrase book: {file.name} is not YAML: {' '.join(str(error).split())}") from None
        for part, inside in parts.items():
            if not isinstance(inside, dict):
                inside_before: Any = content.setdefault(part, inside)
                twice = inside_before is not inside
            else:
                before = content.setdefault(part, {})
                twice = bool(before.keys() & inside.keys())
                before.update(inside)
            if twice:
                raise UserError(f"phrase book: {file.name} has a second {part}")
    return content


@cache
def load() -> PhraseBook:
    """The phrase book that comes with emocap, read and checked once."""
    return check(read())
