"""Which action units a reply names."""

import numpy as np
import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.recipes import load
from emocap.evaluation.outcomes import measured
from emocap.evaluation.task import Graders, TaskResponses
from emocap.evaluation.tasks.action_units import named, questions, read
from emocap.io.media import Stored
from emocap.llm.chat_models import Response
from emocap.schema.facs import UNITS

FABA = load(Card, "benchmarks", "faba-au")


@pytest.mark.parametrize(
    ("reply", "units"),
    [
        ("AU4", {4}),
        ("AU 4, 9, 15", {4, 9, 15}),
        ("AUs: 4 and 9", {4, 9}),
        ("au4 and au 7", {4, 7}),
        ("AU12B+AU4", {4, 12}),
        ("AU1+2+5", {1, 2, 5}),
        ("Action Unit 6 and action units 12, 25", {6, 12, 25}),
        ("AUL12", {12}),
        ("4, 9, 15, 17", {4, 9, 15, 17}),
        ("[4, 9]", {4, 9}),
        ("Present: 4, 9", {4, 9}),
        ("1. AU4 - Brow Lowerer: drawn together, which is not strong.\n2. AU9 - Nose Wrinkler: wrinkles.", {4, 9}),
        ("AU4, AU9, not AU12", {4, 9}),
        ("AU12 is not visible. AU4 is.", {4}),
        ("No AU1, AU2 or AU4, but AU6.", {6}),
        ("AU1, AU2 and AU4 are absent", set()),
        ("AU1: yes, AU2: no, AU4: present, AU6 = 0", {1, 4}),
        ("Absent: AU1, AU2\nPresent: AU4", {4}),
        ("The brow lowerer, lip corners pulled and lips parted; the nose wrinkler is not seen", {4, 12, 25}),
        ("Inner brows raised, jaw dropped", {1, 26}),
        ("None", set()),
        ("No action units are visible.", set()),
        ("I cannot tell", None),
        ("AU100", None),
        ("Raised by 12 percent", None),
        ("", None),
    ],
)
def test_the_units_that_a_reply_names(reply: str, units: set[int] | None) -> None:
    assert named(reply) == units


def test_every_unit_is_known_by_code_and_by_name() -> None:
    assert {number: named(f"AU{number}") for number in UNITS} == {number: {number} for number in UNITS}
    assert {number: named(unit.name) for number, unit in UNITS.items()} == {number: {number} for number in UNITS}


def test_silence_and_what_names_no_unit_show_none() -> None:
    shown = [{4: 5.0, 12: 0.0}, {4: 5.0, 12: 0.0}, {4: 0.0, 12: 5.0}, {4: 5.0, 12: 5.0}]
    card = FABA.model_copy(update={"action_units": [4, 12]})
    examples = [Example(str(n), Stored(b""), units=units, reference="AU4") for n, units in enumerate(shown)]
    replies = ["AU4", None, "no idea", "AU 4, AU 99"]
    said = [[Response(reply)] for reply in replies]
    outcome = read(TaskResponses("toy", card, examples, np.arange(4), said, Graders()))
    assert (outcome.details["unparsable"], list(outcome.predicted)) == (1, ["4", "", "", "4"])
    rates = measured(outcome)
    # AU4: two of three found, none wrongly: F1 0.8; AU12: 0.
    assert rates["f1"]["value"] == 0.4
    assert rates["rouge_l"]["value"] == pytest.approx((1 + 0 + 0 + 0) / 4)
    assert rates["rege"]["value"] == pytest.approx(0.65)


def test_the_question_is_emolas() -> None:
    assert questions(FABA, Example("a", Stored(b""))) == ["What AUs are conveyed by this face?"]
