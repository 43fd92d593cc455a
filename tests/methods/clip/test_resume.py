import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from emocap.core.errors import UserError
from emocap.core.recipes import to_yaml
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.training.engine import open_run, pick_device
from emocap.training.recipe import EvaluateRecipe
from tests.support.runs import changed, events, metrics, same_weights


@pytest.fixture(scope="module")
def run(tiny_recipe: ClipRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed; shared, and left as it is."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe, out)
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "moments"),
    [
        ({}, (2, 6)),  # before the first checkpoint, and between the first and the second
        ({"ema": 0.9, "accumulate": 4, "objective": {"mining": {"delta": 0.5, "guide": "ema"}}}, (7,)),
    ],
)
def test_killed_at_any_moment_it_ends_in_the_same_weights(
    keys: dict[str, Any], moments: tuple[int, ...], tiny_recipe: ClipRecipe, tmp_path: Path
) -> None:
    wanted_recipe = changed(tiny_recipe, **keys)
    run = tmp_path / "run"
    train(wanted_recipe, run)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(to_yaml(wanted_recipe))
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    for steps in moments:
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


def test_a_finished_run_stays_as_it_is(run: Path, tiny_recipe: ClipRecipe) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    train(tiny_recipe, run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_what_a_killed_writer_left_is_swept_away(run: Path, tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(run, out)
    (out / "checkpoints" / ".step-00000016.pt.0123456789ab.tmp").write_bytes(b"half a checkpoint")
    train(tiny_recipe, out)
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == sorted(
        path.name for path in (run / "checkpoints").iterdir()
    )


def test_another_recipes_run_is_not_touched(run: Path, tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds a run of another recipe .*seed: 0 → 3"):
        open_run(tiny_recipe.model_copy(update={"seed": 3}), run)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is not empty and not a training run"):
        open_run(tiny_recipe, tmp_path / "full")
    with pytest.raises(UserError, match="is not empty and not a training run"):
        open_run(tiny_recipe, tmp_path / "full" / "thesis.txt")


class Benchmarks:
    """Stands in for benchmarks: draws from every random generator, and finds the values that it is given."""

    def __init__(self, values: list[float]) -> None:
        self.values = iter(values)
        self.seen: list[dict[str, torch.Tensor]] = []

    def __call__(self, model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
        torch.rand(3), random.random(), np.random.rand()
        self.seen.append(load_file(model / "open_clip_model.safetensors"))
        return {"faces/zeroshot/uar": next(self.values), "faces/zeroshot/war": 0.5}


MEASURED = {"cards": ["faces"], "data": "nowhere", "every": 4, "best": "faces/zeroshot/uar"}


def test_benchmarks_on_the_way_change_nothing_and_choose_the_best(
    run: Path, tiny_recipe: ClipRecipe, tmp_path: Path
) -> None:
    benchmarks = Benchmarks([0.2, 0.6, 0.4])
    out = tmp_path / "measured"
    train(changed(tiny_recipe, evaluate=MEASURED), out, benchmarks)
    assert same_weights(run, out)
    found = [(row["step"], row["eval"]["faces/zeroshot/uar"]) for row in metrics(out) if "eval" in row]
    assert found == [(4, 0.2), (8, 0.6), (12, 0.4)]
    best = torch.load(out / "checkpoints" / "best.pt", weights_only=True)
    assert best["step"] == 8
    assert all(torch.equal(best["modules"]["model"][name], tensor) for name, tensor in benchmarks.seen[1].items())
    assert [event.value for event in events(out, "eval/faces/zeroshot/uar")] == pytest.approx([0.2, 0.6, 0.4])


def test_sigterm_leaves_a_checkpoint_of_that_step(run: Path, tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    def terminate(model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    out, handler = tmp_path / "stopped", signal.getsignal(signal.SIGTERM)
    once = {"cards": ["faces"], "data": "nowhere", "every": 6}
    with pytest.raises(SystemExit) as stopped:
        train(changed(tiny_recipe, evaluate=once), out, terminate)
    assert stopped.value.code == 143
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-00000004.pt", "step-00000007.pt"]
    assert signal.getsignal(signal.SIGTERM) == handler
    train(tiny_recipe, out)
    assert same_weights(run, out)


def test_a_sigterm_to_all_processes_of_a_run_stops_it_in_good_order(tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(to_yaml(changed(tiny_recipe, epochs=500.0, data={"workers": 2})))
    command = [sys.executable, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not ((out / "metrics.jsonl").exists() and len(metrics(out)) > 3):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143, told.decode()
    last = max(path.name for path in (out / "checkpoints").iterdir())
    assert metrics(out)[-1]["step"] == int(last[5:13])


def test_a_device_that_is_not_there_is_told() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="there is no cuda:0 here"):
            pick_device("cuda:0")
    with pytest.raises(UserError, match="there is no cpu:x here"):
        pick_device("cpu:x")
