"""Emotion wheels with their synonyms and inflections, read from a folder."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from emocap.core.errors import UserError
from emocap.metrics.wheel.lists import string_to_list
from emocap.metrics.wheel.tables import rows_of

WHEELS = 5
Level = Literal["level1", "level2"]

_RELEASED = {
    "e1467578ac82983542346de65c924d7f5e258028788ea96969618ad9419ce34b": "MER2025",
    "098ba2a6829d9ae83cb292739a46d5ef5c56eea53346852acfdb7d7b4ace0798": "MER2026",
}
"""What the authors have released (MERTools @89120b7), by its sha256. Of the 7,386 forms of 2025, those that mean the
contrary, such as ``fear`` for ``fearless``, are gone in 2026, which leaves 7,356."""
_SMALL = Path(__file__).parent / "small"


@dataclass(frozen=True)
class Wheel:
    """One wheel: any word of its three rings → the word of the inner ring, or of the middle ring, that it is under.

    Where a word stands twice, the later place counts. At level 2, a word of the inner ring itself is under the first
    of its children in the alphabet.
    """

    level1: Mapping[str, str]
    level2: Mapping[str, str]


@dataclass(frozen=True)
class Wheels:
    """Five wheels, and the words that lead to them."""

    name: str
    """``MER2025`` or ``MER2026`` where they are what the authors released for that challenge; else, whose they are."""
    sha256: str
    """Over what the tables say, hexadecimal: the same for workbooks and csv."""
    wheels: tuple[Wheel, ...]
    words: Mapping[str, Sequence[str]]
    """Synonym → words of the wheels, itself among them where it is one."""
    synonyms: Mapping[str, Sequence[str]]
    """Form of a word → synonyms."""

    @property
    def comparable(self) -> bool:
        """Whether numbers made with them compare with published ones: whether they are the authors'."""
        return self.sha256 in _RELEASED

    def place(self, label: str, wheel: int, level: Level = "level1") -> str | None:
        """Where a label belongs on wheel 0 to 4; None where it is dropped.

        AffectGPT's mapping: of all words that its synonyms lead to, in the order of the alphabet, the first that the
        wheel has.
        """
        under = getattr(self.wheels[wheel], level)
        synonyms = self.synonyms.get(label.strip().lower(), ())
        words = sorted({word for synonym in synonyms for word in self.words[synonym]})
        return next((under[word] for word in words if word in under), None)


def load(folder: Path) -> Wheels:
    """What a folder holds: ``wheel1`` to ``wheel5`` (columns level1, level2, level3; a blank cell is as the one above
    it), ``synonym`` (word_run1, synonym_run1, and further runs; their union counts) and ``format`` (name, format),
    each as .xlsx or .csv.

    Raises UserError where one is missing, or says what cannot be meant.
    """
    if not folder.is_dir():
        raise UserError(f"wheel: there is no folder {folder}")
    rings = [_rings(folder, f"wheel{number}") for number in range(1, WHEELS + 1)]
    known = {word for rows in rings for row in rows for word in row}
    words = _words(folder, known)
    synonyms = _synonyms(folder, words)
    content = json.dumps([rings, words, synonyms], ensure_ascii=False, sort_keys=True)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    name = _RELEASED.get(sha256, f"{folder.resolve().name}, not the authors'")
    return Wheels(name, sha256, tuple(_wheel(rows) for rows in rings), words, synonyms)


def small() -> Wheels:
    """A few words on five small wheels of our own, so that there is something to try the metric with.

    Numbers made with them compare with nothing.
    """
    return replace(load(_SMALL), name="emocap's small ones, not the authors'")


def _rings(folder: Path, stem: str) -> list[tuple[str, str, str]]:
    """The words of the three rings in each row, blank cells filled from above."""
    levels = ("level1", "level2", "level3")
    above, found = dict.fromkeys(levels, ""), []
    for where, row in rows_of(folder, stem, levels):
        above |= {level: row[level] for level in levels if row[level]}
        if blank := [level for level in levels if not above[level]]:
            raise UserError(f"{where}: no {blank[0]}, and none in the rows above")
        found.append((above["level1"], above["level2"], above["level3"]))
    if not found:
        raise UserError(f"{folder}: {stem} has no words")
    return found


def _wheel(rows: Sequence[tuple[str, str, str]]) -> Wheel:
    tree: dict[str, dict[str, list[str]]] = {}
    for inner, middle, outer in rows:
        tree.setdefault(inner, {}).setdefault(middle, []).append(outer)
    level1, level2 = dict[str, str](), dict[str, str]()
    for inner, children in tree.items():
        level1[inner], level2[inner] = inner, min(children)
        for middle, outer_words in children.items():
            for word in (middle, *outer_words):
                level1[word], level2[word] = inner, middle
    return Wheel(level1, level2)


def _words(folder: Path, known: set[str]) -> dict[str, list[str]]:
    """Synonym → words of the wheels, of all runs."""
    found: dict[str, set[str]] = {}
    for where, row in rows_of(folder, "synonym", ["word_run1", "synonym_run1"]):
        for column in [name for name in row if re.fullmatch(r"word_run[0-9]+", name)]:
            word, listed = row[column], row.get(column.replace("word", "synonym"))
            if listed is None:
                raise UserError(f"{where}: beside {column} there is no column {column.replace('word', 'synonym')}")
            if not word and not listed:
                continue
            if word not in known:
                raise UserError(f"{where}: {word!r} in {column} is on none of the wheels")
            for synonym in (word, *string_to_list(listed)):
                found.setdefault(synonym, set()).add(word)
    return {synonym: sorted(words) for synonym, words in found.items()}


def _synonyms(folder: Path, words: Mapping[str, object]) -> dict[str, list[str]]:
    """Form → synonyms; every synonym that is listed is a form of itself."""
    found: dict[str, set[str]] = {}
    for where, row in rows_of(folder, "format", ["name", "format"]):
        if row["name"] not in words:
            raise UserError(f"{where}: {row['name']!r} is neither a word nor a synonym in synonym")
        for form in (row["name"], *string_to_list(row["format"])):
            found.setdefault(form, set()).add(row["name"])
    return {form: sorted(names) for form, names in found.items()}
