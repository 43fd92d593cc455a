"""The engine: the loop that trains any method, from an empty folder or the last checkpoint to an exported model.

The same ``out`` again goes on from the last checkpoint and ends with the weights of a run that was never stopped.
Under torchrun, or with ``workers``, every rank runs this same story on its share of each batch.
"""

import contextlib
import functools
import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.optim.swa_utils import AveragedModel

from emocap.core import progress
from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.core.recipes import difference, to_yaml
from emocap.training import checkpoints
from emocap.training.benchmarks import Measure, check_benchmarks, is_best, measure_benchmarks, measure_now
from emocap.training.ema import average, in_place
from emocap.training.guards import SpikeGuard, no_number
from emocap.training.logs import open_logs
from emocap.training.method import Method, Run, StepContext, StepResult
from emocap.training.optimizer import make_optimizer, set_rate
from emocap.training.process_group import ProcessGroup, join
from emocap.training.recipe import RunRecipe, SelectRecipe
from emocap.training.rng_state import random_state, seed_all, set_random_state
from emocap.training.signals import EXIT_CODE, watch_sigterm

log = logging.getLogger(__name__)

Make = Callable[[Any, Run], Method]
"""Makes a method of its recipe; a function of a module, which Ray workers can import."""
DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def train(make: Make, recipe: RunRecipe, out: Path, measure: Measure | None = None) -> None:
    """Train what a recipe describes and leave the run in ``out``.

    measure: runs the benchmarks of ``recipe.evaluate``; None: as ``emocap eval`` does. After a SIGTERM a checkpoint is
    written and SystemExit raised. Raises UserError where ``out`` holds another run, the data is missing or too small,
    the loss or the gradient is not finite, or another rank is lost.
    """
    if recipe.evaluate and measure is None:
        check_benchmarks(recipe.evaluate)
    if recipe.workers and not dist.is_initialized() and "WORLD_SIZE" not in os.environ:
        from emocap.training.ray_workers import on_workers

        open_run(recipe, out)
        on_workers(functools.partial(train, make, recipe, out.resolve(), measure), recipe, out.resolve())
        return
    device = pick_device(recipe.device)
    with join(device, recipe.timeout_minutes) as group:
        if device.type == "cuda" and group.count > 1:
            device = torch.device("cuda", torch.cuda.current_device())
        if group.first:
            open_run(recipe, out)
            checkpoints.sweep(out / "checkpoints")
        if DTYPES[recipe.precision] and device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        seed_all(recipe.seed)  # the same on every rank, and so are the first weights
        method = make(recipe, Run(out, device, group, DTYPES[recipe.precision]))
        _Loop(method, recipe, out, device, group, measure or measure_benchmarks).run()


@dataclass
class _Progress:
    """How far a run has come: what changes from step to step, besides weights."""

    step: int = 0
    skipped: int = 0
    best: float | None = None
    """The best value that benchmarks or validation have given."""
    worse: int = 0
    """Validations in a row without a better one."""


class _Loop:
    """One run in one process."""

    def __init__(
        self, method: Method, recipe: RunRecipe, out: Path, device: torch.device, group: ProcessGroup, measure: Measure
    ) -> None:
        self.method, self.recipe, self.out, self.device, self.group = method, recipe, out, device, group
        self.measure, self.checkpoints = measure, out / "checkpoints"
        self.modules = dict(method.modules())
        together = nn.ModuleDict(self.modules)
        self.averages: dict[str, AveragedModel] = {
            name: average(module, recipe.ema) for name, module in self.modules.items() if recipe.ema
        }
        self.learners = [parameter for parameter in together.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(together, recipe.optimizer, method.learning_rate)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self.is_spike = SpikeGuard(recipe.optimizer.spike)
        self.progress = _Progress()

    def run(self) -> None:
        """From the last checkpoint, if there is one, to the exported model."""
        method, recipe, group, steps = self.method, self.recipe, self.group, self.method.steps
        seed_all(recipe.seed + group.rank)  # dropout on different samples is to be different
        self._resume()
        begun = self.progress.step
        method.prepare({name: averaged.module for name, averaged in self.averages.items()})
        stream = method.batches(begun, steps - begun, group.rank, group.count)
        with contextlib.ExitStack() as stack:
            stop_requested = stack.enter_context(watch_sigterm())
            if close := getattr(stream, "close", None):
                stack.callback(close)
            stage = stack.enter_context(progress.stage("training", steps)) if group.first else None
            write = stack.enter_context(open_logs(recipe, self.out, begun)) if group.first and begun < steps else None
            if stage:
                stage.resume(begun)
            clock = _Clock(begun)
            for step, batch in enumerate(() if self._out_of_patience() else stream, start=begun + 1):
                clock.batch_is_there()
                self.progress.step = step
                rate = set_rate(self.optimizer, recipe.optimizer, step, steps)
                result = method.step(batch, StepContext(step, steps, self.scaler.scale))
                loss, norm, stop = self._update(result, stop_requested())
                if stage:
                    stage.advance(message=f"loss {loss:.3f}")
                if step % recipe.log_every == 0 or step == steps:
                    logs = group.means(result.logs) | {"loss": loss, "gradient_norm": norm}
                    row = self._row(lr=rate, **logs, **clock.speed(step, method.samples_per_step))
                    if write:
                        write(row)
                measured, improved = self._measure(write)
                self._keep(result, norm, stop, measured, improved)
                if stop and step < steps:
                    if group.first:
                        progress.console.print(
                            f"stopped by SIGTERM after step {step}; the same command goes on from here"
                        )
                    raise SystemExit(EXIT_CODE)
                if self._out_of_patience():
                    log.info("no better validation in %d: the run ends after step %d", self.progress.worse, step)
                    break
                clock.step_is_done()
        self._export()

    def _resume(self) -> None:
        """Put everything where the last checkpoint says that it was."""
        state = checkpoints.latest(self.checkpoints)
        if len(set(self.group.gather(state["step"] if state else 0))) > 1:
            raise UserError(f"the ranks see different checkpoints: {self.out} must be a folder that all of them share")
        if state is None:
            return
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, averaged in self.averages.items():
            averaged.load_state_dict(state["averages"][name])
        self.method.load_state(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.group.rank < len(state["random"]):
            set_random_state(state["random"][self.group.rank])
        self.is_spike.norms.extend(state["norms"])
        self.progress = _Progress(state["step"], state["skipped"], state["best"], state["worse"])
        log.info("going on from step %d of %d", self.progress.step, self.method.steps)

    def _state(self, randoms: list[dict[str, Any]]) -> dict[str, Any]:
        """What :meth:`_resume` needs."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "averages": {name: averaged.state_dict() for name, averaged in self.averages.items()},
            "method": dict(self.method.state()),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": randoms,
            "norms": list(self.is_spike.norms),
            "skipped": self.progress.skipped,
            "best": self.progress.best,
            "worse": self.progress.worse,
        }

    def _update(self, result: StepResult, stop: bool) -> tuple[float, float, bool]:
        """Take the step or skip it; loss and gradient norm over all ranks, and whether any of them is to stop.

        Raises UserError where loss or gradient is not finite.
        """
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.get_total_norm([p.grad for p in self.learners if p.grad is not None])
        if self.recipe.optimizer.clip_norm:
            nn.utils.clip_grads_with_norm_(self.learners, self.recipe.optimizer.clip_norm, norm)
        # On these all ranks must agree: the step is taken, skipped, the last one, or the end.
        mine = torch.stack([result.loss.float(), norm.float(), torch.tensor(float(stop), device=self.device)])
        loss_now, norm_now, stop_now = self.group.mean(mine).tolist()
        # A scale of 1 leaves nothing to lower: then the gradient itself is not finite.
        overflow = not math.isfinite(norm_now) and self.scaler.is_enabled() and self.scaler.get_scale() > 1
        if not math.isfinite(loss_now) or not (math.isfinite(norm_now) or overflow):
            raise self._not_finite(result, norm_now)
        if overflow or self.is_spike(norm_now):
            self.progress.skipped += 1
        else:
            self.scaler.step(self.optimizer)
            self.method.after_update()
            for name, averaged in self.averages.items():
                averaged.update_parameters(self.modules[name])
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss_now, norm_now, stop_now > 0

    def _not_finite(self, result: StepResult, norm: float) -> UserError:
        return no_number(self.progress.step, result.logs, norm, result.keys, self.group, self.out)

    def _row(self, **numbers: Any) -> dict[str, Any]:
        """A row of the log."""
        samples = self.progress.step * self.method.samples_per_step
        row = {"step": self.progress.step, "epoch": samples / self.method.samples_per_epoch, **numbers}
        if "loss" in row:
            row["skipped"] = self.progress.skipped
            if self.device.type == "cuda":
                row["gpu_gib"] = torch.cuda.max_memory_allocated(self.device) / 2**30
        return row

    def _measure(self, write: Callable[[dict[str, Any]], None] | None) -> tuple[bool, bool]:
        """Benchmarks and validation where they are due: whether there were any, and whether the weights are better."""
        recipe, step, last = self.recipe, self.progress.step, self.progress.step == self.method.steps
        measured = improved = False
        if recipe.evaluate and (step % recipe.evaluate.every == 0 or last):
            measured = True
            if write:
                with in_place(self.modules, self.averages):
                    found = measure_now(self._write_model, self.out, recipe.evaluate, self.measure)
                write(self._row(eval=found))
                if is_best(found, recipe.evaluate, self.progress.best) and recipe.evaluate.best:
                    improved, self.progress.best = True, found[recipe.evaluate.best]
        if recipe.select and (step % recipe.select.every == 0 or last):
            measured = True
            with in_place(self.modules, self.averages):
                found = self.group.means(self.method.validate())
            if write:
                write(self._row(validation=found))
            improved = _is_better(found, recipe.select, self.progress.best)
            if improved:
                self.progress.best, self.progress.worse = found[recipe.select.metric], 0
            else:
                self.progress.worse += 1
        return measured, improved

    def _out_of_patience(self) -> bool:
        patience = self.recipe.select.patience if self.recipe.select else None
        return patience is not None and self.progress.worse >= patience

    def _keep(self, result: StepResult, norm: float, stop: bool, measured: bool, improved: bool) -> None:
        """Write checkpoints where they are due. Raises UserError where the weights are not finite."""
        step, recipe = self.progress.step, self.recipe
        due = step % recipe.checkpoint_every == 0 or step == self.method.steps or stop or self._out_of_patience()
        if not (due or measured):
            return
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.learners):
            raise self._not_finite(result, norm)
        state = self._state(self.group.gather(random_state()))
        if self.group.first and due:
            checkpoints.save(self.checkpoints, step, state, recipe.keep)
        if self.group.first and improved:
            checkpoints.save_as(self.checkpoints / "best.pt", step, state)
        self.group.wait()

    def _export(self) -> None:
        """Leave a model that can be used without the run."""
        if self.group.first:
            if self.recipe.select and (self.checkpoints / "best.pt").exists():
                best = checkpoints.read(self.checkpoints / "best.pt")
                for name, module in self.modules.items():
                    module.load_state_dict(best["modules"][name])
                for name, averaged in self.averages.items():
                    averaged.load_state_dict(best["averages"][name])
            with in_place(self.modules, self.averages):
                self._write_model(self.out / "model")
        self.group.wait()

    def _write_model(self, folder: Path) -> None:
        chosen = "best validation" if self.recipe.select else "last step"
        average = f"moving average of the weights, decay {self.recipe.ema}" if self.averages else None
        self.method.export(folder, average or f"weights of the {chosen}")


class _Clock:
    """How long a run waits for batches and how long it computes, between two rows of the log."""

    def __init__(self, begun: int) -> None:
        self._logged = self._ready = time.monotonic()
        self._waited, self._counted = 0.0, begun

    def batch_is_there(self) -> None:
        """The time since the last step was spent on waiting for a batch."""
        self._waited += time.monotonic() - self._ready

    def step_is_done(self) -> None:
        """From here on the run waits for the next batch."""
        self._ready = time.monotonic()

    def speed(self, step: int, samples: int) -> dict[str, float]:
        """Samples per second, and seconds of waiting and of computing, since the last call."""
        seconds = time.monotonic() - self._logged
        row = {
            "samples_per_second": samples * (step - self._counted) / seconds,
            "waiting_seconds": self._waited,
            "computing_seconds": seconds - self._waited,
        }
        self._logged, self._waited, self._counted = time.monotonic(), 0.0, step
        return row


def _is_better(metrics: Mapping[str, float], recipe: SelectRecipe, best: float | None) -> bool:
    """Raises UserError where validation does not give the metric."""
    if recipe.metric not in metrics:
        raise UserError(f"select.metric: there is no {recipe.metric}; there are {', '.join(metrics) or 'none'}")
    value = metrics[recipe.metric]
    if not math.isfinite(value):
        return False
    return best is None or (value > best if recipe.direction == "max" else value < best)


def open_run(recipe: RunRecipe, out: Path) -> None:
    """Begin a run folder, or make sure that the one there is of the same recipe."""
    stored = out / "recipe.yaml"
    if stored.exists():
        if change := difference(type(recipe), stored, recipe, ignore=recipe.mutable_keys):
            raise UserError(f"{out} holds a run of another recipe ({change}); choose another folder")
        return
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not empty and not a training run; choose another folder")
    with replacing(stored) as scratch:
        scratch.write_text(to_yaml(recipe), encoding="utf-8")


def pick_device(name: str | None) -> torch.device:
    """The device of a recipe, or the best one there is. Raises UserError for one that is not there."""
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name and not re.fullmatch(rf"(cpu|{best})(:\d+)?", name):
        raise UserError(f"device: there is no {name} here, but {best}")
    return torch.device(name or best)
