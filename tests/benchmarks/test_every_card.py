"""Every card is read, looked at and scored on the layout of its archive in miniature, by one command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emocap.benchmarks.drawing import FIXTURES, write_fixture
from emocap.captioning.mock_server import mock_captioner
from emocap.evaluation.aggregates import SUITES
from emocap.evaluation.registry import protocols_of
from emocap.evaluation.suite import choose
from emocap.reports.page import write_report
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

OF_BUILDS = {"synthetic-action-units", "synthetic-emotions", "synthetic-retrieval", "london-smiles"}
"""These read what emocap build makes."""
POOLED = {suite.name for suite in SUITES}
"""Made of several cards' rows."""


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of a model that writes."""
    with mock_captioner().running() as url:
        yield url


def test_every_card_has_a_miniature() -> None:
    assert {one.name for one in choose(["*"])} - OF_BUILDS == set(FIXTURES.names())


@pytest.mark.slow
def test_every_card_that_says_how_is_measured_by_what_models_write(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    chosen = [one for one in choose(["*"]) if one.name in FIXTURES and "generate" in protocols_of(one.card)]
    assert {"faba-emotion", "faba-au", "facexbench", "facexbench-multiple", "raf-db", "dfew"} <= {
        one.name for one in chosen
    }
    for one in chosen:
        write_fixture(one.name, one.card, tmp_path / "data")
    writing = generation(("deadline=5",), judge="openai:judge")
    failed = measure(chosen, ["openai:tiny"], None, tmp_path / "data", tmp_path, allow_counts=True, generation=writing)
    assert not failed
    rows = [row for row in flat_rows(tmp_path) if row["benchmark"] not in POOLED]
    assert {(row["benchmark"], row["protocol"]) for row in rows} == {(one.name, "generate") for one in chosen}
    for row in rows:
        assert row["questions"] > 0
        assert row["unanswered"] == {}
        # The mock server answers in the form that is asked for.
        assert row.get("unparsable", 0) < row["questions"] / 2, row["benchmark"]
        if row["predictions"]:
            assert (tmp_path / row["predictions"]).is_file()


@pytest.mark.slow
def test_every_card_is_measured_on_its_miniature_by_all_its_protocols(untaught: str, tmp_path: Path) -> None:
    protocols = {one.name: [p for p in protocols_of(one.card) if p != "generate"] for one in choose(["*"])}
    chosen = [one for one in choose(["*"]) if one.name in FIXTURES and protocols[one.name]]
    for one in chosen:
        write_fixture(one.name, one.card, tmp_path / "data")
    out = tmp_path / "out"
    failed = measure(chosen, [untaught], None, tmp_path / "data", out, allow_counts=True, shots=(2,), seeds=2)
    assert not failed
    rows = flat_rows(out)
    measured = {(row["benchmark"], row["protocol"]) for row in rows}
    assert measured == {(one.name, protocol) for one in chosen for protocol in protocols[one.name]}
    for row in rows:
        headline = next(iter(row["metrics"].values()))
        assert headline["value"] is None or headline["value"] >= -1 or row["task"] == "rating"
        if row["predictions"]:
            assert (out / row["predictions"]).is_file()
        if row["task"] == "emotion" and row["fold"] != "mean":
            tested = sum(row["counts"]["test"].values()) * row.get("seeds", 1)
            assert sum(map(sum, row["confusion"])) == tested
    page = write_report([out], tmp_path / "report.html").read_text()
    assert all(one.card.title in page or one.card.title.replace("&", "&amp;") in page for one in chosen)
