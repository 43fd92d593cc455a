import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from emocap.clip import checkpoints
from emocap.clip.recipe import OptimizerRecipe, TrainRecipe
from emocap.clip.optimizer import make_optimizer, set_rate
from emocap.clip.train import open_run, pick_device, train
from emocap.errors import UserError
from emocap.recipes import to_yaml


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "open_clip_model.safetensors")


def same_weights(a: Path, b: Path) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def metrics(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def run(tiny_recipe: TrainRecipe, tmp_path: Path) -> Path:
    """A run that nothing disturbed."""
    train(tiny_recipe, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_leaves_what_it_promises(run: Path, tiny_recipe: TrainRecipe) -> None:
    rows = metrics(run)
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    assert {"loss", "global", "summary", "local", "lr", "logit_scale", "samples_per_second"} <= rows[-1].keys()
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["lr"] == 0
    assert any("mined_precision" in row for row in rows)
    assert len(list((run / "checkpoints").iterdir())) == 2
    assert (run / "recipe.yaml").read_text() == to_yaml(tiny_recipe)


def test_open_clip_alone_loads_the_model_and_sees_the_same(run: Path, tmp_path: Path) -> None:
    """In a process that cannot import emocap."""
    script = """
import sys
sys.modules["emocap"] = None
import open_clip, torch
model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{sys.argv[1]}/model")
model.eval()
tokens = open_clip.get_tokenizer(f"local-dir:{sys.argv[1]}/model")(["a happy face", "a sad face"])
image = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
with torch.no_grad():
    torch.save((model.encode_image(image, normalize=True), model.encode_text(tokens, normalize=True)), sys.argv[2])
"""
    subprocess.run([sys.executable, "-c", script, str(run), str(tmp_path / "seen.pt")], check=True, cwd=tmp_path)
    image, text = torch.load(tmp_path / "seen.pt", weights_only=True)

    from emocap.clip.recipe import TrainRecipe as Recipe
    from emocap.clip.towers import Tokens, create, encode_images, encode_texts
    from emocap.recipes import load

    recipe = load(Recipe, "models", str(run / "recipe.yaml"))
    model: Any = create(recipe.model, tmp_path / "again")
    state = checkpoints.latest(run / "checkpoints")
    assert state is not None
    model.load_state_dict(state["model"])
    model.eval()
    with torch.no_grad():
        ours, _ = encode_images(model, torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32), patches=True)
        texts = encode_texts(model, Tokens(run / "model")(["a happy face", "a sad face"]))
    torch.testing.assert_close(ours, image, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(texts, text, rtol=1e-5, atol=1e-6)


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(
    run: Path, tiny_recipe: TrainRecipe, tmp_path: Path
) -> None:
    train(tiny_recipe, tmp_path / "again")
    assert same_weights(run, tmp_path / "again")
    train(tiny_recipe.model_copy(update={"seed": 1}), tmp_path / "other")
    assert not same_weights(run, tmp_path / "other")


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_weights(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(to_yaml(tiny_recipe))
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    for steps in (2, 6):  # before the first checkpoint, and between the first and the second
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if (out / "metrics.jsonl").exists() and len((out / "metrics.jsonl").read_bytes().splitlines()) >= steps:
                break
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / "model" / "open_clip_model.safetensors").exists()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert same_weights(run, out)
    told, wanted = metrics(out), metrics(run)
    assert [row["step"] for row in told] == [row["step"] for row in wanted]
    assert [row["loss"] for row in told] == [row["loss"] for row in wanted]


def test_a_finished_run_stays_as_it_is(run: Path, tiny_recipe: TrainRecipe) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    train(tiny_recipe, run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_another_recipes_run_is_not_touched(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds a run of another recipe .*seed: 0 → 3"):
        open_run(tiny_recipe.model_copy(update={"seed": 3}), run)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is not empty and not a training run"):
        open_run(tiny_recipe, tmp_path / "full")


def test_a_loss_that_is_no_number_stops_with_the_batch(tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    wild = tiny_recipe.model_copy(
        update={"optimizer": OptimizerRecipe(lr=1e30, warmup=0), "epochs": 5.0, "checkpoint_every": 10_000}
    )
    with pytest.raises(UserError, match=r"loss or gradient is no number at step \d+ "):
        train(wild, tmp_path / "wild")


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "peak": 2.0}], lr=1.0)
    recipe = OptimizerRecipe(lr=2.0, warmup=0.1)
    rates = [set_rate(optimizer, recipe, step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == max(rates) == 2.0
    assert rates[54] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
    assert optimizer.param_groups[0]["lr"] == rates[-1]


def test_gains_biases_and_scales_do_not_decay() -> None:
    module = torch.nn.ModuleDict({"linear": torch.nn.Linear(3, 2), "norm": torch.nn.LayerNorm(2)})
    decayed, kept = make_optimizer(module, torch.nn.Module(), OptimizerRecipe()).param_groups
    assert [p.shape for p in decayed["params"]] == [(2, 3)]
    assert decayed["weight_decay"] == 0.2
    assert len(kept["params"]) == 3
    assert kept["weight_decay"] == 0


def test_a_device_that_is_not_there_is_told() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="there is no cuda:0 here"):
            pick_device("cuda:0")
