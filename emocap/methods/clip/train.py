"""Training, as one story: towers, data, objective, optimizer, the loop, and what it leaves behind.

    emocap train models/emocapclip-vit-b-32.yaml data.builds=[runs/movies] --out runs/b32

The same ``--out`` again goes on from the last checkpoint and ends with the weights of a run that was never stopped.
Under torchrun, or with ``workers``, every rank runs this same story on its share of each batch.
"""

import contextlib
import copy
import functools
import logging
import math
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import torch
import torch.distributed as dist
from torch import Tensor, nn

from emocap.core import progress
from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.core.recipes import difference, to_yaml
from emocap.losses.features import Features, Guide
from emocap.losses.objective import Objective
from emocap.methods.clip.encode import Encoder, move
from emocap.methods.clip.grad_cache import backward
from emocap.methods.clip.loader import Look, batches, find_shards
from emocap.methods.clip.recipe import TrainRecipe
from emocap.methods.clip.towers import Tokens, create, learning, lock
from emocap.training import checkpoints
from emocap.training.ema import average
from emocap.training.evaluation import Measure, is_best, take_measures
from emocap.training.guards import SpikeGuard, no_number
from emocap.training.logs import open_logs
from emocap.training.optimizer import make_optimizer, set_rate
from emocap.training.process_group import Ranks, join
from emocap.training.rng_state import random_state, seed_all, set_random_state
from emocap.training.signals import EXIT_CODE, watch_sigterm

log = logging.getLogger(__name__)

MAX_LOGIT_SCALE = math.log(100)

FREE = (
    *("device", "workers", "restarts", "timeout_minutes", "data.workers", "data.cache", "evaluate"),
    *("checkpoint_every", "keep", "log_every", "tensorboard", "wandb"),
)
"""Keys of a recipe that may change while a run goes on: they do not change what it ends in."""


def train(recipe: TrainRecipe, out: Path, measure: Measure | None = None) -> None:
    """Train the model of a recipe and leave the run in ``out``.

    ``measure`` runs the benchmarks of ``recipe.evaluate``. After a SIGTERM a checkpoint is written and SystemExit
    raised. Raises UserError where ``out`` holds another run, the data is missing or too small, the loss or the
    gradient is no number, or another rank is lost.
    """
    if recipe.evaluate and measure is None:
        raise UserError("evaluate: nothing here runs benchmarks; emocap train does, or give train() a measure")
    if recipe.workers and not dist.is_initialized() and "WORLD_SIZE" not in os.environ:
        from emocap.training.ray_workers import on_workers

        open_run(recipe, out)
        on_workers(functools.partial(train, recipe, out.resolve(), measure), recipe, out.resolve())
        return
    device = pick_device(recipe.device)
    with join(device, recipe.timeout_minutes) as ranks:
        if device.type == "cuda" and ranks.count > 1:
            device = torch.device("cuda", torch.cuda.current_device())
        _train(recipe, out, measure, ranks, device)


def _train(recipe: TrainRecipe, out: Path, measure: Measure | None, ranks: Ranks, device: torch.device) -> None:
    if ranks.first:
        open_run(recipe, out)
        checkpoints.sweep(out / "checkpoints")
    half = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[recipe.precision]
    if half and device.type == "cuda":
        torch.set_float32_matmul_precision("high")

    # Towers: the same on every rank, for the seed is
    seed_all(recipe.seed)
    with ranks.first_ahead():  # it alone writes out/model, and fetches weights that are not at hand
        model: Any = create(recipe.model, out / "model")
    lock(model, recipe.model)
    model.set_grad_checkpointing(recipe.gradient_checkpointing)
    objective = Objective(recipe.objective, model.text.output_dim, model.logit_bias)
    preprocess = open_clip.get_model_preprocess_cfg(model)
    look = Look(model.visual.image_size[0], tuple(preprocess["mean"]), tuple(preprocess["std"]))
    tokens = Tokens(out / "model")
    model.to(device)
    model.to(memory_format=torch.channels_last)  # convolutions are faster so on a CPU
    objective.to(device)
    averaged = average(model, recipe.ema) if recipe.ema else None
    guides = {"online": None, "ema": averaged and averaged.module, "frozen": None}
    if recipe.objective.mining.guide == "frozen":
        guides["frozen"] = copy.deepcopy(model).requires_grad_(False).eval()
    guide_towers = guides[recipe.objective.mining.guide]

    # Data: the number of the next batch is all the state there is
    shards = find_shards(recipe.data)
    steps = max(1, int(recipe.epochs * shards.samples / recipe.data.batch))
    if recipe.data.batch % (ranks.count * recipe.accumulate):
        raise UserError(
            f"data.batch: {recipe.data.batch} samples cannot be cut evenly for {ranks.count} ranks and "
            f"accumulate={recipe.accumulate}"
        )

    # Optimizer and guards
    optimizer = make_optimizer(model, objective, recipe.optimizer)
    scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
    is_spike = SpikeGuard(recipe.optimizer.spike)
    begun = skipped = 0
    best: float | None = None

    # Where an earlier run stopped
    seed_all(recipe.seed + ranks.rank)  # dropout on different samples is to be different
    state = checkpoints.latest(out / "checkpoints")
    if len(set(ranks.gather(state["step"] if state else 0))) > 1:
        raise UserError(f"the ranks see different checkpoints: {out} must be a folder that all of them share")
    if state:
        model.load_state_dict(state["model"])
        objective.load_state_dict(state["objective"])
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
        if averaged:
            averaged.load_state_dict(state["ema"])
        if ranks.rank < len(state["random"]):
            set_random_state(state["random"][ranks.rank])
        is_spike.norms.extend(state["norms"])
        begun, skipped, best = state["step"], state["skipped"], state["best"]
        log.info("going on from step %d of %d", begun, steps)
        state = None  # a second copy of everything

    # The module whose gradients are averaged over ranks
    encoder = Encoder(model, objective, look, half, recipe.compile)
    parallel: nn.Module = encoder
    if ranks.count > 1:
        parallel = nn.parallel.DistributedDataParallel(
            encoder, device_ids=[device] if device.type == "cuda" else None, gradient_as_bucket_view=True
        )
    learners = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    towers = {id(parameter) for tower in (model.visual, model.text) for parameter in tower.parameters()}
    beside = [parameter for parameter in learners if id(parameter) not in towers]

    def loss_of(features: Features, guide: Guide | None, step: int) -> tuple[Tensor, dict[str, Any]]:
        told: tuple[Tensor, dict[str, Any]] = objective(replace(features, guide=guide), model.logit_scale, step - 1)
        return told

    # The loop
    position, sentiments = (ranks.rank, ranks.count), recipe.objective.reweight is not None
    stream = batches(shards, recipe.data, look, tokens, recipe.seed, begun, steps - begun, *position, sentiments)
    learning(model)
    with contextlib.ExitStack() as stack:
        stop_asked = stack.enter_context(watch_sigterm())
        stack.enter_context(contextlib.closing(stream))
        stage = stack.enter_context(progress.stage("training", steps)) if ranks.first else None
        write = stack.enter_context(open_logs(recipe, out, begun)) if ranks.first and begun < steps else None
        if stage:
            stage.resume(begun)
        logged = ready = time.monotonic()
        waited, counted = 0.0, begun
        for step, shared in enumerate(stream, start=begun + 1):
            batch = move(shared, device)
            waited += time.monotonic() - ready

            rate = set_rate(optimizer, recipe.optimizer, step, steps)
            guide = encoder.guide(guide_towers, batch, recipe.accumulate) if guide_towers else None
            with_guide = functools.partial(loss_of, guide=guide, step=step)
            loss, told = backward(parallel, batch, recipe.accumulate, with_guide, beside, scaler.scale)
            scaler.unscale_(optimizer)
            norm = nn.utils.get_total_norm([p.grad for p in learners if p.grad is not None])
            if recipe.optimizer.clip_norm:
                nn.utils.clip_grads_with_norm_(learners, recipe.optimizer.clip_norm, norm)

            # On these all ranks must agree: the step is taken, skipped, the last one, or the end
            wanted = torch.tensor(float(stop_asked()), device=device)
            loss_now, norm_now, stop = ranks.mean(torch.stack([loss.float(), norm.float(), wanted])).tolist()
            # A scale of 1 leaves nothing to lower: then the gradient itself is no number.
            overflow = not math.isfinite(norm_now) and scaler.is_enabled() and scaler.get_scale() > 1
            if not math.isfinite(loss_now) or not (math.isfinite(norm_now) or overflow):
                raise no_number(step, told, norm_now, batch.keys, ranks, out)
            if overflow or is_spike(norm_now):
                skipped += 1
            else:
                scaler.step(optimizer)
                if recipe.objective.contrast != "sigmoid":  # SigLIP's own scale is above CLIP's limit
                    with torch.no_grad():
                        for scale in (model.logit_scale, objective.local_logit_scale):
                            scale.clamp_(0, MAX_LOGIT_SCALE)
                if averaged:
                    averaged.update_parameters(model)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)

            if stage:
                stage.advance(told=f"loss {loss_now:.3f}")
            if step % recipe.log_every == 0 or step == steps:
                seconds = time.monotonic() - logged
                row = {"step": step, "epoch": step * recipe.data.batch / shards.samples, "lr": rate}
                row |= ranks.means(told) | {"loss": loss_now, "gradient_norm": norm_now}
                row |= {"samples_per_second": recipe.data.batch * (step - counted) / seconds, "skipped": skipped}
                row |= {"waiting_seconds": waited, "computing_seconds": seconds - waited}
                if device.type == "cuda":
                    row["gpu_gib"] = torch.cuda.max_memory_allocated(device) / 2**30
                if write:
                    write(row)
                logged, waited, counted = time.monotonic(), 0.0, step

            measured = recipe.evaluate is not None and (step % recipe.evaluate.every == 0 or step == steps)
            improved = False
            if recipe.evaluate and measure and measured and write:
                found = take_measures(averaged.module if averaged else model, out, recipe.evaluate, measure)
                write({"step": step, "epoch": step * recipe.data.batch / shards.samples, "eval": found})
                improved = is_best(found, recipe.evaluate, best)
                best = found[recipe.evaluate.best] if improved and recipe.evaluate.best else best
            due = step % recipe.checkpoint_every == 0 or step == steps or stop > 0
            if due or measured:
                if not all(bool(torch.isfinite(parameter).all()) for parameter in learners):
                    raise no_number(step, told, norm_now, batch.keys, ranks, out)
                randoms = ranks.gather(random_state())
                state = {"model": model.state_dict(), "objective": objective.state_dict(), "random": randoms}
                state |= {"optimizer": optimizer.state_dict(), "scaler": scaler.state_dict()}
                state |= {"norms": list(is_spike.norms), "skipped": skipped, "best": best}
                state |= {"ema": averaged.state_dict()} if averaged else {}
                if ranks.first and due:
                    checkpoints.save(out / "checkpoints", step, state, recipe.keep)
                if ranks.first and improved:
                    checkpoints.save_as(out / "checkpoints" / "best.pt", step, state)
                ranks.wait()
            if stop and step < steps:
                if ranks.first:
                    progress.console.print(f"stopped by SIGTERM after step {step}; the same command goes on from here")
                raise SystemExit(EXIT_CODE)
            ready = time.monotonic()

    # What it leaves behind: a model that open_clip loads on its own
    if ranks.first and averaged:
        checkpoints.export(out / "model", averaged.module, f"moving average of the weights, decay {recipe.ema}")
    elif ranks.first:
        checkpoints.export(out / "model", model)
    ranks.wait()


def open_run(recipe: TrainRecipe, out: Path) -> None:
    """Begin a run folder, or make sure that the one there is of the same recipe."""
    stored = out / "recipe.yaml"
    if stored.exists():
        if change := difference(TrainRecipe, stored, recipe, ignore=FREE):
            raise UserError(f"{out} holds a run of another recipe ({change}); choose another --out")
        return
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is not empty and not a training run; choose another --out")
    with replacing(stored) as scratch:
        scratch.write_text(to_yaml(recipe), encoding="utf-8")


def pick_device(name: str | None) -> torch.device:
    """The device of a recipe, or the best one there is. Raises UserError for one that is not there."""
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name and not re.fullmatch(rf"(cpu|{best})(:\d+)?", name):
        raise UserError(f"device: there is no {name} here, but {best}")
    return torch.device(name or best)
