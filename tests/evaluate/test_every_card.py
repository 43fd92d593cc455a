"""Every card is read, looked at and scored on the layout of its archive in miniature, by one command."""

from pathlib import Path

import pytest

from emocap.captioners.rehearsal import Rehearsal
from emocap.evaluate.miniatures import WRITERS, write
from emocap.evaluate.run import read_results
from emocap.evaluate.suite import Writing, choose, measure, protocols_of
from emocap.reports.page import write_report

OF_BUILDS = {"drawn-action-units", "drawn-emotions", "drawn-retrieval", "london-smiles"}
"""These read what emocap build makes."""


def test_every_card_has_a_miniature() -> None:
    assert {one.name for one in choose(["*"])} - OF_BUILDS == set(WRITERS)


@pytest.mark.slow
def test_every_card_is_measured_on_its_miniature_by_all_its_protocols(
    untaught: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [one for one in choose(["*"]) if one.name in WRITERS]
    for one in chosen:
        write(one.name, one.card, tmp_path / "data")
    out = tmp_path / "out"
    with Rehearsal().running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        models, writing = [untaught, "openai:tiny"], Writing(judge="openai:tiny")
        data = tmp_path / "data"
        failed = measure(chosen, models, None, data, out, allow_counts=True, shots=(2,), seeds=2, writing=writing)
    assert not failed
    rows = read_results(out / "results.jsonl")
    measured = {(row["benchmark"], row["protocol"]) for row in rows}
    assert measured == {(one.name, protocol) for one in chosen for protocol in protocols_of(one.card)}
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
