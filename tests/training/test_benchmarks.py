import json
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.training.benchmarks import check_benchmarks
from emocap.training.recipe import EvaluateRecipe


def test_what_is_measured_on_the_way_is_what_eval_measures(
    tiny_recipe: ClipRecipe, drawn_build: Path, tmp_path: Path
) -> None:
    asked = EvaluateRecipe(
        cards=["synthetic-emotions"],
        data={"synthetic-emotions": str(drawn_build)},
        every=3,
        best="synthetic-emotions/zeroshot/uar",
    )
    out = tmp_path / "run"
    train(tiny_recipe.model_copy(update={"evaluate": asked, "epochs": 1.0}), out)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found = [row for row in rows if "eval" in row]
    assert [row["step"] for row in found] == [3, rows[-1]["step"]]
    card = load(Card, "benchmarks", "synthetic-emotions")
    (row,) = evaluate({"synthetic-emotions": card}, str(out), ["zeroshot"], drawn_build, tmp_path / "results")
    wanted = {f"synthetic-emotions/zeroshot/{metric}": value.value for metric, value in row.metrics.items()}
    assert found[-1]["eval"] == pytest.approx(wanted)
    assert (out / "checkpoints" / "best.pt").is_file()
    assert not list(out.glob(".measured-*"))


def test_a_measure_that_is_not_there_is_told(tiny_recipe: ClipRecipe, drawn_build: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder for synthetic-emotions"):
        EvaluateRecipe(cards=["synthetic-emotions"], data={"other": "faces"})
    asked = EvaluateRecipe(cards=["synthetic-emotions"], data=str(drawn_build), best="synthetic-emotions/zeroshot/f2")
    recipe = tiny_recipe.model_copy(update={"evaluate": asked, "epochs": 0.3})
    with pytest.raises(UserError, match=r"evaluate.best: there is no synthetic-emotions/zeroshot/f2; there are "):
        train(recipe, tmp_path / "run")


def test_what_would_fail_hours_later_fails_at_once(drawn_build: Path, tmp_path: Path) -> None:
    fine = {"cards": ["synthetic-emotions"], "data": str(drawn_build)}
    check_benchmarks(EvaluateRecipe.model_validate(fine))
    for changed, told in (
        ({"data": str(tmp_path / "nowhere")}, "there is no folder"),
        ({"cards": ["synthetic-emotionz"]}, "did you mean synthetic-emotions"),
        ({"protocols": ["retrieval"]}, "synthetic-emotions is measured by zeroshot"),
    ):
        with pytest.raises(UserError, match=told):
            check_benchmarks(EvaluateRecipe.model_validate(fine | changed))
