"""The schema of a row, and the file that rows are kept in."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from emocap.core.errors import UserError
from emocap.evaluation.results import FILE, ResultRow, read_results, store, to_line
from tests.support.leaderboard import changed, row


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        row(value=1 / 3, details_of_a_plug_in={"a": [1, 0.1, None]}, unanswered={"empty": 2}, questions=3),
        row(fold="mean", published=[{"model": "P", "metrics": {"uar": 2 / 3}, "source": "a paper\u2028"}]),
        row(shots=4, subgroups={"gender": {"female": {"n": 3, "metrics": {"uar": 0.1 + 0.2}}}}, seconds=0.1 + 0.7),
    ]
    store(tmp_path / FILE, rows)
    assert read_results(tmp_path / FILE) == rows
    assert read_results(tmp_path / "absent.jsonl") == []


def test_numbers_are_stored_in_full(tmp_path: Path) -> None:
    store(tmp_path / FILE, [row(value=0.123456789012345678)])
    content = json.loads((tmp_path / FILE).read_text())
    assert content["metrics"]["uar"]["value"] == 0.123456789012345678
    assert content["schema_version"] == 2


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    store(tmp_path / FILE, [row(value=math.nan, metrics={"uar": {"value": math.inf}}, rate=[math.nan, 1.0])])
    text = (tmp_path / FILE).read_text()
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert (content["metrics"]["uar"]["value"], content["details"]["rate"]) == (None, [None, 1.0])


def test_the_same_measurement_is_replaced(tmp_path: Path) -> None:
    store(tmp_path / FILE, [row(value=0.1), row(value=0.2, fold=1), row(value=0.3, shots=4)])
    store(tmp_path / FILE, [row(value=0.4)])
    found = [(one.fold, one.shots, one.metrics["uar"].value) for one in read_results(tmp_path / FILE)]
    assert found == [(1, None, 0.2), (0, 4, 0.3), (0, None, 0.4)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", r"line 2 is not a JSON object; measure again"),
        ("[]", r"line 2 is not a JSON object; measure again"),
        (
            '{"benchmark": "x", "versions": {"emocap": "0.1.0"}}',
            r"line 2 was written by emocap 0\.1\.0, .* again",
        ),
        ('{"benchmark": "x"}', r"line 2 was written by another version of emocap, .*measure again"),
        (
            '{"schema_version": 3, "versions": {"emocap": "9.0"}}',
            r"line 2 was written by emocap 9\.0, .*; update",
        ),
        ('{"schema_version": 2, "benchmark": "x"}', r"line 2: title: Field required; measure again"),
    ],
)
def test_another_line_is_refused_in_one_line(tmp_path: Path, bad: str, message: str) -> None:
    (tmp_path / FILE).write_text(f"{to_line(row())}{bad}\n")
    with pytest.raises(UserError, match=message) as caught:
        read_results(tmp_path / FILE)
    assert "\n" not in str(caught.value)


def test_unknown_fields_are_errors_outside_details() -> None:
    content: dict[str, Any] = row().model_dump()
    with pytest.raises(ValidationError, match="novel"):
        ResultRow.model_validate(content | {"novel": 1})
    assert row(novel=1).details == {"novel": 1}


def test_the_headline_is_the_first_metric_over_all_that_was_asked() -> None:
    metrics = {name: {"value": 0.5} for name in ("war_official", "war", "uar")}
    assert (row(metrics=metrics).headline, row(metrics={"war_official": {"value": 0.5}}).headline) == (
        *("war", "war_official"),
    )
    assert row(metrics={}).headline == ""


def test_chance_of_uar_follows_from_the_labels() -> None:
    one = row(chance={"war": 0.3})
    assert (one.chance_of("uar"), one.chance_of("war"), one.chance_of("uf1")) == (0.5, 0.3, None)
    assert changed(one, labels=[]).chance_of("uar") is None
