"""What the engine promises to every method, shown on one that knows nothing of it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from emocap.core.errors import UserError
from emocap.core.recipes import to_yaml
from emocap.methods import registry
from emocap.methods.registry import METHODS, load_recipe
from emocap.training import checkpoints
from emocap.training.engine import train
from emocap.training.recipe import EvaluateRecipe
from tests.support.tiny_method import METHOD, TinyRecipe, make

QUICK = {"checkpoint_every": 17, "log_every": 1, "tensorboard": False}


def tiny(**keys: Any) -> TinyRecipe:
    return TinyRecipe.model_validate(QUICK | keys)


def exported(run: Path) -> bytes:
    return (run / "model" / "net.safetensors").read_bytes()


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def steps_of(run: Path) -> int:
    path = run / "metrics.jsonl"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def losses(run: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in rows(run) if "loss" in row]


def launch(recipe: TinyRecipe, out: Path, *launcher: str) -> "subprocess.Popen[bytes]":
    file = out.with_suffix(".yaml")
    file.write_text(to_yaml(recipe))
    command = [sys.executable, *launcher, "-m", "tests.support.tiny_method", str(file), str(out)]
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_after(steps: int, process: "subprocess.Popen[bytes]", out: Path, number: int = signal.SIGKILL) -> bool:
    """Whether the process was still running when it got the signal, some steps into its run."""
    while process.poll() is None and steps_of(out) < steps:
        time.sleep(0.002)
    running = process.poll() is None
    process.send_signal(number)
    process.communicate()
    return running


@pytest.mark.parametrize(
    "keys",
    [
        {},
        pytest.param(
            {"ema": 0.9, "select": {"metric": "error", "direction": "min", "every": 10}}, marks=pytest.mark.slow
        ),
    ],
    ids=["plain", "averaged"],
)
def test_killed_at_random_steps_it_ends_in_the_same_bytes(keys: dict[str, Any], tmp_path: Path) -> None:
    recipe = tiny(length=600, **keys)
    with launch(recipe, tmp_path / "undisturbed") as process:
        assert process.wait() == 0, process.communicate()
    chance, kills, out = random.Random(str(keys)), 0, tmp_path / "killed"
    while kills < 2:
        target = min(500, steps_of(out) + chance.randint(1, 150))
        kills += kill_after(target, launch(recipe, out), out)
        assert not (out / "model").exists()
    with launch(recipe, out) as process:
        assert process.wait() == 0, process.communicate()
    assert exported(out) == exported(tmp_path / "undisturbed")
    assert losses(out) == losses(tmp_path / "undisturbed")
    assert losses(out)[-1][0] == 600


def test_sigterm_stops_in_good_order_and_the_run_goes_on(tmp_path: Path) -> None:
    recipe, out = tiny(length=600), tmp_path / "run"
    process = launch(recipe, out)
    assert kill_after(50, process, out, signal.SIGTERM)
    assert process.returncode == 143
    state = checkpoints.latest(out / "checkpoints")
    assert state is not None
    assert state["step"] == rows(out)[-1]["step"] < 600
    with launch(recipe, out) as process:
        assert process.wait() == 0
    with launch(recipe, tmp_path / "undisturbed") as process:
        assert process.wait() == 0
    assert exported(out) == exported(tmp_path / "undisturbed")


def test_the_state_of_a_method_goes_on_with_it(tmp_path: Path) -> None:
    train(make, tiny(length=30), tmp_path / "run")
    state = checkpoints.latest(tmp_path / "run" / "checkpoints")
    assert state is not None
    assert state["method"]["range"] == pytest.approx(rows(tmp_path / "run")[-1]["range"], rel=1e-6)
    assert state["method"]["range"] != 0.5


@pytest.mark.slow
@pytest.mark.ddp
def test_two_ranks_are_killed_and_end_in_the_same_bytes(tmp_path: Path) -> None:
    recipe = tiny(length=400)
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with launch(recipe, tmp_path / "two", *ranks) as process:
        assert process.wait() == 0, process.communicate()
    with launch(recipe, tmp_path / "killed", *ranks) as process:
        assert kill_after(90, process, tmp_path / "killed")
    with launch(recipe, tmp_path / "killed", *ranks) as process:
        assert process.wait() == 0, process.communicate()
    assert exported(tmp_path / "killed") == exported(tmp_path / "two")
    # The first loss is that of one process: the ranks see halves of the same batch, whose dropout differs.
    train(make, recipe, tmp_path / "one")
    assert losses(tmp_path / "two")[0][1] == pytest.approx(losses(tmp_path / "one")[0][1], rel=0.5)


@pytest.mark.slow
@pytest.mark.ddp
@pytest.mark.timeout(1200)
def test_ray_workers_train_as_torchrun_does(tmp_path: Path) -> None:
    recipe = tiny(length=60)
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with launch(recipe, tmp_path / "torchrun", *ranks) as process:
        assert process.wait() == 0, process.communicate()
    with launch(recipe.model_copy(update={"workers": 2, "device": "cpu"}), tmp_path / "ray") as process:
        assert process.wait() == 0, process.communicate()
    assert exported(tmp_path / "ray") == exported(tmp_path / "torchrun")


def test_a_loss_that_is_not_finite_stops_the_run_and_names_its_samples(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no number at step 19 \(.*stopped.json lists: point-"):
        train(make, tiny(break_at=19), tmp_path / "run")
    assert len(json.loads((tmp_path / "run" / "stopped.json").read_text())["keys"]) == 8
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000017.pt"]


def test_a_spike_is_skipped(tmp_path: Path) -> None:
    keys = {"length": 40, "jump_at": 30, "checkpoint_every": 1, "keep": 100}
    train(make, tiny(**keys, optimizer={"lr": 0.01, "spike": 20.0}), tmp_path / "run")
    assert [row["skipped"] for row in rows(tmp_path / "run")] == 29 * [0] + 11 * [1]
    states = [
        torch.load(tmp_path / "run" / "checkpoints" / f"step-{step:08d}.pt", weights_only=True)["modules"]["net"]
        for step in (29, 30, 31)
    ]
    assert torch.equal(states[0]["0.weight"], states[1]["0.weight"])
    assert not torch.equal(states[1]["0.weight"], states[2]["0.weight"])


def test_the_average_of_the_weights_is_exported(tmp_path: Path) -> None:
    train(make, tiny(length=20, ema=0.5, checkpoint_every=1, keep=100), tmp_path / "run")
    states = [torch.load(path, weights_only=True) for path in sorted((tmp_path / "run" / "checkpoints").iterdir())]
    average = states[0]["modules"]["net"]["0.weight"]
    for step, state in enumerate(states[1:], start=1):
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * state["modules"]["net"]["0.weight"]
    with safe_open(tmp_path / "run" / "model" / "net.safetensors", "pt") as file:
        torch.testing.assert_close(file.get_tensor("0.weight"), average)
        assert file.metadata()["note"] == "moving average of the weights, decay 0.5"


def test_validation_chooses_the_weights(tmp_path: Path) -> None:
    select = {"metric": "error", "direction": "min", "every": 5}
    train(make, tiny(length=60, select=select, optimizer={"lr": 0.3}), tmp_path / "run")
    found = {row["step"]: row["validation"]["error"] for row in rows(tmp_path / "run") if "validation" in row}
    assert list(found) == list(range(5, 65, 5))
    best = torch.load(tmp_path / "run" / "checkpoints" / "best.pt", weights_only=True)
    assert best["step"] == min(found, key=lambda step: found[step])
    with safe_open(tmp_path / "run" / "model" / "net.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor("0.weight"), best["modules"]["net"]["0.weight"])
        assert file.metadata()["note"] == "weights of the best validation"
    with pytest.raises(UserError, match=r"select.metric: there is no accuracy; there are error"):
        train(make, tiny(length=5, select={"metric": "accuracy"}), tmp_path / "other")


def test_a_run_ends_when_validation_no_longer_improves(tmp_path: Path) -> None:
    select = {"metric": "error", "direction": "min", "every": 5, "patience": 3}
    recipe = tiny(length=60, select=select, getting_worse=True)
    train(make, recipe, tmp_path / "run")
    assert rows(tmp_path / "run")[-1]["step"] == 20
    before = exported(tmp_path / "run")
    train(make, recipe, tmp_path / "run")
    assert exported(tmp_path / "run") == before
    assert rows(tmp_path / "run")[-1]["step"] == 20


def test_benchmarks_on_the_way_leave_no_trace(tmp_path: Path) -> None:
    models: list[bytes] = []

    def measure(model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
        torch.rand(3), random.random()
        models.append((model / "net.safetensors").read_bytes())
        return {"faces/zeroshot/uar": len(models) % 3}

    evaluate = {"cards": ["faces"], "data": "nowhere", "every": 10, "best": "faces/zeroshot/uar"}
    train(make, tiny(length=40, ema=0.9), tmp_path / "plain")
    train(make, tiny(length=40, ema=0.9, evaluate=evaluate), tmp_path / "measured", measure)
    assert exported(tmp_path / "plain") == exported(tmp_path / "measured") == models[-1]
    assert [row["eval"]["faces/zeroshot/uar"] for row in rows(tmp_path / "measured") if "eval" in row] == [1, 2, 0, 1]
    best = torch.load(tmp_path / "measured" / "checkpoints" / "best.pt", weights_only=True)
    assert best["step"] == 20
    assert not list((tmp_path / "measured").glob(".measured-*"))


def test_weights_are_chosen_in_one_way(tmp_path: Path) -> None:
    evaluate = {"cards": ["faces"], "data": "nowhere", "best": "faces/zeroshot/uar"}
    with pytest.raises(ValueError, match=r"by select or by evaluate\.best, not by both"):
        tiny(evaluate=evaluate, select={"metric": "error"})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the registry of methods know the tiny one."""
    METHODS.names()
    monkeypatch.setitem(METHODS._items, "tiny", METHOD)


def test_a_recipe_names_its_method(registered: None, tmp_path: Path) -> None:
    file = tmp_path / "curve.yaml"
    file.write_text("method: tiny\nlength: 4\n")
    recipe = load_recipe(str(file), ["log_every=1", "tensorboard=false"])
    assert isinstance(recipe, TinyRecipe)
    registry.train(recipe, tmp_path / "run")
    assert exported(tmp_path / "run")
    assert [row["step"] for row in rows(tmp_path / "run")] == [1, 2, 3, 4]
    with pytest.raises(UserError, match="there is no method 'tinny'; did you mean tiny"):
        load_recipe(str(file), ["method=tinny"])
    with pytest.raises(UserError, match="lenght is not a key; did you mean length"):
        load_recipe(str(file), ["lenght=3"])


def test_what_may_change_while_a_run_goes_on(tmp_path: Path) -> None:
    train(make, tiny(length=10), tmp_path / "run")
    train(make, tiny(length=10, log_every=5, checkpoint_every=3), tmp_path / "run")
    with pytest.raises(UserError, match=r"holds a run of another recipe \(batch: 8 → 4\)"):
        train(make, tiny(length=10, batch=4), tmp_path / "run")
