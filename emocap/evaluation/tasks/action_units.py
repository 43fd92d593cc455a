"""Action units: those that a reply names."""

import re

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.evaluation import outcomes
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.scorers.references import beside
from emocap.evaluation.task import Answered, Task, fill
from emocap.schema.facs import UNITS

_NEGATION = re.compile(
    r"\b(?:no|not|nor|none|neither|never|without|absent|lacks?|rather than|instead of)\b|n['’]t\b", re.IGNORECASE
)
_CODE = (
    r"\b(?:AUs?|action\s+units?)\s*[#:-]?\s*([LR]?\d{1,2}(?!\d)[A-E]?\b(?:\s*(?:,|and|&|\+|/|or)+\s*[LR]?\d{1,2}\b)*)"
)
_ABSENT = re.compile(_CODE + r"\s*[:=(-]\s*(?:no|not|none|absent|false|0(?![.\d]))\b", re.IGNORECASE)
"""``AU12: no`` and its like, without taking along the units before it."""
_CLAUSE = re.compile(
    r"[.;\n]+|,\s*(?=(?:not|no|nor)\b)|\b(?=(?:but|without|while|whereas|rather than|instead of)\b)", re.IGNORECASE
)
"""A comma parts a list, and before "not" two clauses: "AU4, AU9, not AU12"."""
_LIST = r"[LR]?\d{1,2}[A-E]?(?:\s*(?:,|;|\+|&|\band\b|\s)\s*[LR]?\d{1,2}[A-E]?)*"
_NOTHING = re.compile(r"\bnone\b|\bno (?:\w+ )*(?:action units?|AUs?|facial (?:movement|action)s?)\b", re.IGNORECASE)


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt; {classes} are the units with their names, as in ``AU4 (brow lowerer)``."""
    return [fill(card, classes=", ".join(f"AU{number} ({UNITS[number].name})" for number in card.action_units))]


def read(answered: Answered) -> Outcome:
    """F1 over everything that was asked: silence, and replies that name no unit, show none."""
    card = answered.card
    texts = [response.said for response in answered.firsts]
    found = [None if text is None else named(text) for text in texts]
    predicted = np.array([[int(number in (units or ())) for number in card.action_units] for units in found])
    true = outcomes.presence(card, answered.examples)[answered.rows]
    told = {"unparsable": sum(text is not None and units is None for text, units in zip(texts, found, strict=True))}
    score = predicted.astype(float)
    return beside(outcomes.action_units(card, answered.rows, true, predicted, score, **told), answered)


def named(text: str) -> set[int] | None:
    """The units that a reply says are shown; None where it names none and does not say that there are none.

    Our reading, in turn: numbers after AU or action unit; lists of numbers, on a line of their own or after a colon;
    FACS names. A unit is not shown that is named in a clause with a negation, or set to "no", "absent" or 0. What is
    explained after a code and a colon or a dash denies nothing.
    """
    clauses = _CLAUSE.split(_ABSENT.sub(" ", text))
    if re.search(_CODE, text, re.IGNORECASE):
        return {number for clause in clauses if not _denies(clause) for number in _coded(clause)}
    if listed := _listed(text):
        return listed
    if _called(text):
        return {number for clause in clauses if not _NEGATION.search(clause) for number in _called(clause)}
    return set() if _NOTHING.search(text) else None


def _denies(clause: str) -> bool:
    """Whether a clause says that the units whose codes are in it are not there."""
    first = re.search(_CODE, clause, re.IGNORECASE)
    if not first:
        return False
    told = re.split(r":|\s[-–—]\s", clause[first.end() :])[0]
    return bool(_NEGATION.search(clause[: first.start()] + " " + told))


def _coded(text: str) -> set[int]:
    parts = re.findall(_CODE, text, re.IGNORECASE)
    return {int(number) for part in parts for number in re.findall(r"\d+", part)}


def _listed(text: str) -> set[int]:
    lines = [line.rpartition(":")[2].strip("[](){}*.\"'` ") for line in text.splitlines()]
    return {int(number) for line in lines if re.fullmatch(_LIST, line) for number in re.findall(r"\d+", line)}


def _called(text: str) -> set[int]:
    folded = re.sub(r"[\s_-]+", " ", text.casefold())
    return {unit.number for unit in UNITS.values() if re.search(rf"\b{_forms(unit.name)}\b", folded)}


def _forms(name: str) -> str:
    """A pattern of the usual forms of a FACS name: brow lowerer, brow lowering, brows lowered."""
    *rest, last = name.split()
    parts = [re.escape(part) + "s?" for part in rest]
    if last in ("part", "drop", "stretch", "suck", "blink", "wink"):
        return " ".join([*parts, re.escape(last) + r"p?(?:s|es|ed|ing)?"])
    stem = re.sub(r"(?:er|or)$", "", last)
    return " ".join([*parts, re.escape(last) + "?" if stem == last else re.escape(stem) + "(?:ers?|ors?|ing|ed)"])


TASK = Task(questions, read)
