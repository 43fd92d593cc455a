"""Action units: those that a reply names."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.benchmarks.splits import Rows
from emocap.core.numbers import finite
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.protocols.base import Setting, probe_folds
from emocap.evaluation.scorers.references import beside
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill
from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.intervals import Weighted
from emocap.schema.facs import UNITS

USUAL = ("macro_f1", "map")
"""What is reported where a card does not say it."""

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


def read(answered: TaskResponses) -> Outcome:
    """F1 over everything that was asked: silence, and replies that name no unit, show none."""
    card = answered.card
    texts = [response.answer for response in answered.firsts]
    found = [None if text is None else named(text) for text in texts]
    predicted = np.array([[int(number in (units or ())) for number in card.action_units] for units in found])
    true = presence(card, answered.examples)[answered.rows]
    details = {"unparsable": sum(text is not None and units is None for text, units in zip(texts, found, strict=True))}
    score = predicted.astype(float)
    return beside(outcome_of(card, answered.rows, true, predicted, score, **details), answered)


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
    if _is_named(text):
        return {number for clause in clauses if not _NEGATION.search(clause) for number in _is_named(clause)}
    return set() if _NOTHING.search(text) else None


def _denies(clause: str) -> bool:
    """Whether a clause says that the units whose codes are in it are not there."""
    first = re.search(_CODE, clause, re.IGNORECASE)
    if not first:
        return False
    head = re.split(r":|\s[-–—]\s", clause[first.end() :])[0]
    return bool(_NEGATION.search(clause[: first.start()] + " " + head))


def _coded(text: str) -> set[int]:
    parts = re.findall(_CODE, text, re.IGNORECASE)
    return {int(number) for part in parts for number in re.findall(r"\d+", part)}


def _listed(text: str) -> set[int]:
    lines = [line.rpartition(":")[2].strip("[](){}*.\"'` ") for line in text.splitlines()]
    return {int(number) for line in lines if re.fullmatch(_LIST, line) for number in re.findall(r"\d+", line)}


def _is_named(text: str) -> set[int]:
    folded = re.sub(r"[\s_-]+", " ", text.casefold())
    return {unit.number for unit in UNITS.values() if re.search(rf"\b{_spellings(unit.name)}\b", folded)}


def _spellings(name: str) -> str:
    """A pattern of the usual forms of a FACS name: brow lowerer, brow lowering, brows lowered."""
    *rest, last = name.split()
    parts = [re.escape(part) + "s?" for part in rest]
    if last in ("part", "drop", "stretch", "suck", "blink", "wink"):
        return " ".join([*parts, re.escape(last) + r"p?(?:s|es|ed|ing)?"])
    stem = re.sub(r"(?:er|or)$", "", last)
    return " ".join([*parts, re.escape(last) + "?" if stem == last else re.escape(stem) + "(?:ers?|ors?|ing|ed)"])


def presence(card: Card, examples: Sequence[Example]) -> Labels:
    """N×U: 1 where a unit is present, 0 where it is absent, -1 where it was not coded."""
    units = [example.units or {} for example in examples]
    coded = [[one.get(number) for number in card.action_units] for one in units]
    return np.array([[-1 if v is None else int(v >= card.present_from) for v in row] for row in coded])


def outcome_of(card: Card, rows: Rows, true: Labels, predicted: Labels, score: Numbers, **details: Any) -> Outcome:
    """Of units, true N×U with -1 where unknown; score: the larger the likelier, of each unit by itself."""
    known, hits = true >= 0, (true == 1) & (predicted == 1)
    there, said = true == 1, (predicted == 1) & known

    def mean_f1(weight_RN: Numbers) -> Numbers:
        return metrics.mean_f1(weight_RN @ hits, weight_RN @ there, weight_RN @ said)

    def mean_accuracy(weight_RN: Numbers) -> Numbers:
        coded = known.any(0)
        right = weight_RN @ ((true == predicted) & known)[:, coded]
        return np.asarray((right / np.maximum(weight_RN @ known[:, coded], 1e-9)).mean(1))

    def mean_precision(weight_RN: Numbers) -> Numbers:
        of_unit = [
            metrics.average_precision(there[:, u], score[:, u], weight_RN * known[:, u])
            for u in range(true.shape[1])
            if there[:, u].any()
        ]
        return np.nanmean(of_unit, axis=0) if of_unit else np.full(len(weight_RN), np.nan)

    every = {"macro_f1": mean_f1, "f1": mean_f1, "map": mean_precision, "accuracy": mean_accuracy}
    labels = [f"AU{number}" for number in card.action_units]
    occurring = there.any(0)
    # Always predicting "present" reaches 2p / (1 + p) on a unit of frequency p.
    rate = there.sum(0)[occurring] / np.maximum(known.sum(0)[occurring], 1)
    chance = float((2 * rate / (1 + rate)).mean()) if occurring.any() else None

    def codes(present: Labels) -> list[str]:
        return ["+".join(str(card.action_units[u]) for u in np.flatnonzero(row)) for row in present]

    return Outcome(
        rows,
        {name: Weighted(every[name]) for name in wanted(card, list(every), USUAL)},
        codes(there),
        codes(said),
        [None] * len(rows),
        {
            "labels": labels,
            "f1": [finite(float(metrics.f1(there[k, u], said[k, u]))) for u, k in enumerate(known.T)],
            "present": there.sum(0).tolist(),
            "unknown": (~known).sum(0).tolist(),
            "absent_classes": [label for label, occurs in zip(labels, occurring, strict=True) if not occurs],
            "chance": {name: chance for name in wanted(card, list(every), USUAL) if name in ("f1", "macro_f1")},
            **details,
        },
    )


def _unit_zeroshot(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.protocols import zeroshot

    card, rows = setting.card, setting.tested
    margins = zeroshot.unit_margins(setting.encoder, card, setting.matrix(rows))
    pairs = zeroshot.unit_sentences(card)
    prompts = {f"{no}AU{n}": pair[side] for n, pair in pairs.items() for side, no in enumerate(("", "no "))}
    true = presence(card, setting.examples)[rows]
    return [outcome_of(card, rows, true, (margins > 0).astype(np.int64), margins.astype(float), prompts=prompts)]


def _unit_probe(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.linear import probe

    card, true = setting.card, presence(setting.card, setting.examples)

    def mean_f1(true: Labels, predicted: Labels) -> float:
        hits, there, claimed = (true == 1) & (predicted == 1), true == 1, (predicted == 1) & (true >= 0)
        return float(np.nan_to_num(metrics.mean_f1(hits.sum(0), there.sum(0), claimed.sum(0))))

    predicted, score, chosen = probe_folds(setting, true, probe.units, mean_f1)
    rows = setting.tested
    details = {"regularisation_c": chosen}
    return [outcome_of(card, rows, true[rows], predicted[rows], score[rows], **details)]


def _unlike_units(true: str, predicted: str, score: float | None) -> float:
    """The number of units that are wrong: ``4+12`` and the same of what was predicted."""
    return float(len(set(true.split("+")) ^ set(predicted.split("+"))))


def _validate(card: Card) -> None:
    if not card.action_units:
        raise ValueError("action_units: the list of numbers to score is missing")


TASK = Task(
    name="action_units",
    needs=ExampleNeeds(lambda example: example.units is not None),
    metrics=("macro_f1", "f1", "map", "accuracy", "rouge_l", "rege"),
    protocols={"zeroshot": _unit_zeroshot, "probe": _unit_probe},
    generative=GenerativeTask(questions, read),
    validate=_validate,
    display=TaskDisplay(
        "action_units",
        {"action_units": "Action units"},
        order=20,
        metrics={"f1": MetricDisplay("F1"), "map": MetricDisplay("mAP")},
        error_weight=_unlike_units,
        errors="largest",
    ),
)
