"""Training on Ray workers: the same loop in each, and lost workers replaced.

Ray Train starts the group, sets torch.distributed up and watches it. When a worker is lost, the others are stopped and
a new group begins: like any restart of a run, it goes on from the last checkpoint in the run's own folder.
"""

# Tested in tests/training/test_engine.py.

import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import ray
from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.core.ray_session import ray_session
from emocap.training.recipe import RunRecipe

_STOPPED = ".stopped.txt"
"""In the run's folder: why a worker stopped for good, so that its successors do not try again."""


def on_workers(loop: Callable[[], None], recipe: RunRecipe, out: Path) -> None:
    """Run ``loop`` on ``recipe.workers`` Ray workers until it ends on all of them.

    ``out`` must be a folder that all of them see. Raises the UserError that one of them raised, and one where Ray has
    fewer CPUs or GPUs than there are to be workers.
    """
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # a recipe's relative paths mean the same in every worker
    (out / _STOPPED).unlink(missing_ok=True)
    with ray_session():
        trainer = TorchTrainer(
            functools.partial(_worker, loop, out, Path.cwd()),
            torch_config=TorchConfig(timeout_s=int(60 * recipe.timeout_minutes)),
            scaling_config=_scaling(recipe),
            run_config=RunConfig(  # type: ignore[call-arg]
                name="ray",
                storage_path=str(out),
                failure_config=FailureConfig(max_failures=recipe.restarts),
                logging_config=LoggingConfig(log_level="ERROR"),
            ),
        )
        try:
            trainer.fit()
        finally:
            shutil.rmtree(out / "ray", ignore_errors=True)
            if (out / _STOPPED).exists():
                raise UserError((out / _STOPPED).read_text(encoding="utf-8"))


def _worker(loop: Callable[[], None], out: Path, folder: Path) -> None:
    os.chdir(folder)
    if (out / _STOPPED).exists():
        return
    try:
        loop()
    except UserError as error:
        with replacing(out / _STOPPED) as scratch:
            scratch.write_text(str(error), encoding="utf-8")
        raise


def _scaling(recipe: RunRecipe) -> ScalingConfig:
    """A GPU per worker where there are any; CPUs for it and its processes that decode, or its share of them all."""
    workers = recipe.workers or 1
    there = ray.cluster_resources()
    gpu = there.get("GPU", 0) > 0 and not (recipe.device or "").startswith("cpu")
    for kind in ["CPU", "GPU"] if gpu else ["CPU"]:
        if there.get(kind, 0) < workers:
            raise UserError(f"workers: {workers} is more than the {there.get(kind, 0):.0f} {kind}s that Ray has")
    cpus = min(recipe.cpus_per_worker, int(there["CPU"]) // workers)
    return ScalingConfig(
        num_workers=workers, use_gpu=gpu, resources_per_worker={"CPU": cpus, **({"GPU": 1} if gpu else {})}
    )
