import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from emocap.core.errors import UserError
from emocap.core.recipes import to_yaml
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from tests.support.runs import assert_like, changed, metrics, same_weights


@pytest.fixture(scope="module")
def long_recipe(tiny_recipe: ClipRecipe) -> ClipRecipe:
    """Without mining, whose choices can hang on the last digit of a similarity."""
    return changed(tiny_recipe, objective={"mining": {"rule": "off"}}, epochs=3.0, accumulate=2, ema=0.9)


@pytest.fixture(scope="module")
def two_ranks(long_recipe: ClipRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the verb under torchrun that nothing disturbed; shared, and left as it is."""
    out = tmp_path_factory.mktemp("torchrun") / "run"
    recipe = out.with_suffix(".yaml")
    recipe.write_text(to_yaml(long_recipe))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report.html") == 1
    return out


@pytest.mark.slow
@pytest.mark.ddp
def test_two_ranks_train_as_one_does(two_ranks: Path, long_recipe: ClipRecipe, tmp_path: Path) -> None:
    train(long_recipe, tmp_path / "one")
    assert_like(two_ranks, tmp_path / "one")


@pytest.mark.slow
@pytest.mark.ddp
@pytest.mark.timeout(1200)  # on a busy machine new workers take minutes to import torch
def test_ray_replaces_a_worker_that_is_lost(two_ranks: Path, long_recipe: ClipRecipe, tmp_path: Path) -> None:
    recipe, out = changed(long_recipe, workers=2, device="cpu"), tmp_path / "ray"
    lost: list[int] = []

    def kill() -> None:
        """Take a worker away between the first and the second checkpoint."""
        while not lost:
            file = out / "metrics.jsonl"
            if file.exists() and len(file.read_bytes().splitlines()) >= 6:
                running = psutil.process_iter(["cmdline"])
                found = [p for p in running if "RayTrainWorker" in " ".join(p.info["cmdline"] or [])]
                pids = {p.pid for p in found}  # a worker, not one of those that decode for it
                last = [p for p in found if p.ppid() not in pids][-1]
                last.kill()
                lost.append(last.pid)
            time.sleep(0.002)

    threading.Thread(target=kill, daemon=True).start()
    train(recipe, out)
    assert lost
    assert same_weights(out, two_ranks)
    assert [row["loss"] for row in metrics(out)] == [row["loss"] for row in metrics(two_ranks)]


@pytest.mark.slow
@pytest.mark.ddp
def test_what_a_ray_worker_finds_wrong_reaches_the_user(long_recipe: ClipRecipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.batch: 15 samples cannot be"):
        train(changed(long_recipe, workers=2, device="cpu", data={"batch": 15}), tmp_path / "odd")
    with pytest.raises(UserError, match=r"workers: 1000 is more than the \d+ CPUs that Ray has"):
        train(changed(long_recipe, workers=1000, device="cpu"), tmp_path / "many")
