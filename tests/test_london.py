"""The path on real photos: London's people, SCRFD, training from scratch, and people kept out of training."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.recipes import load
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.schema.shards import read_index, read_rejects
from emocap.schema.verify import verify
from tests.support.rows import flat_rows


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_from_londons_photos_to_a_measured_encoder(
    shared: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data/london", "data/photos", "models/scrfd"):
        shared(name)
    monkeypatch.chdir(Path(__file__).parents[1])

    manifest = build(load(BuildRecipe, "pipelines", "london"), tmp_path / "build")
    assert verify(tmp_path / "build") == []
    assert manifest["counts"]["samples"] == 132  # 66 people, each neutral and smiling
    assert "non-commercial" in manifest["detector"]["licence"]
    rows = read_index(tmp_path / "build" / "index").to_pylist()
    assert {row["emotion"] for row in rows} == {"neutral", "happiness"}
    reasons = {Path(row.source).name: row.reason for row in read_rejects(tmp_path / "build" / "rejects")}
    assert [reasons[name] for name in ("dog.jpg", "house.jpg", "landmark.jpg")] == ["no_face"] * 3
    assert reasons["child1-person-group.jpg"] in ("duplicate", "no_caption")

    data = f"data.builds=[{tmp_path / 'build'}]"
    train(load(ClipRecipe, "models", "emocapclip-london", [data, "model.init=null", "epochs=2"]), tmp_path / "run")
    card = {"london-smiles": load(Card, "benchmarks", "london-smiles")}
    folder = tmp_path / "results"
    evaluate(card, str(tmp_path / "run"), ["zeroshot", "probe"], tmp_path / "build", folder)
    results = flat_rows(folder)
    assert [row["protocol"] for row in results] == ["zeroshot", "probe"]
    for row in results:
        assert row["counts"]["test"]["happiness"] == row["counts"]["test"]["neutral"] > 10
        assert row["counts"]["train"]["happiness"] == row["counts"]["train"]["neutral"] > 30
        trained = {r["subject"] for r in rows if r["split"] == "train"}
        assert trained.isdisjoint({r["subject"] for r in rows if r["split"] == "test"})
        assert 0 <= row["metrics"]["uar"]["value"] <= 1
