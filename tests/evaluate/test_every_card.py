"""Every card is read, looked at and scored on the layout of its archive in miniature, by one command."""

import json
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch

from emocap.evaluate.miniatures import WRITERS, write
from emocap.evaluate.run import read_results
from emocap.evaluate.suite import choose, measure, protocols_of
from emocap.reports.page import write_report

OF_BUILDS = {"drawn-action-units", "drawn-emotions", "drawn-retrieval", "london-smiles"}
"""These read what emocap build makes."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny_config: dict[str, Any]) -> str:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("untaught")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": tiny_config, "preprocess_cfg": {}}))
    made = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    torch.save(made.state_dict(), folder / "open_clip_pytorch_model.bin")
    return str(folder)


def test_every_card_has_a_miniature() -> None:
    assert {one.name for one in choose(["*"])} - OF_BUILDS == set(WRITERS)


@pytest.mark.slow
def test_every_card_is_measured_on_its_miniature_by_all_its_protocols(model: str, tmp_path: Path) -> None:
    chosen = [one for one in choose(["*"]) if one.name in WRITERS]
    for one in chosen:
        write(one.name, one.card, tmp_path / "data")
    out = tmp_path / "out"
    failed = measure(chosen, [model], None, tmp_path / "data", out, allow_counts=True, shots=(2,), seeds=2)
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
