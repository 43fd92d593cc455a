"""Training, as one story: towers, data, objective, optimizer, the loop, and what it leaves behind.

    emocap train models/emocapclip-vit-b-32.yaml data.builds=[runs/movies] --out runs/b32

The same ``--out`` again goes on from the last checkpoint and ends with the weights of a run that was never stopped.
"""

import json
import logging
import math
import time
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import nn

from emocap import progress
from emocap.clip import checkpoints
from emocap.clip.batch import Batch
from emocap.clip.loader import Look, batches, find_shards, normalise
from emocap.clip.objective import Features, LocalFeatures, Objective
from emocap.clip.recipe import OptimizerRecipe, TrainRecipe
from emocap.clip.towers import Tokens, create, encode_images, encode_texts
from emocap.errors import UserError
from emocap.recipes import difference, to_yaml
from emocap.shards import replacing

log = logging.getLogger(__name__)

MAX_LOGIT_SCALE = math.log(100)


def train(recipe: TrainRecipe, out: Path) -> None:
    """Train the model of a recipe and leave the run in ``out``.

    Raises UserError where ``out`` holds another run, the data is missing or too small, or the loss is no number.
    """
    open_run(recipe, out)

    # Towers
    torch.manual_seed(recipe.seed)
    device = pick_device(recipe.device)
    model = create(recipe.model, out / "model")
    objective = Objective(recipe.objective)
    preprocess = open_clip.get_model_preprocess_cfg(model)
    look = Look(model.visual.image_size[0], tuple(preprocess["mean"]), tuple(preprocess["std"]))  # type: ignore
    tokens = Tokens(out / "model")
    model.to(device)
    model.to(memory_format=torch.channels_last)  # convolutions are about twice as fast on a CPU
    objective.to(device)

    # Data: the number of the next batch is all the state there is
    shards = find_shards(recipe.data)
    steps = max(1, int(recipe.epochs * shards.samples / recipe.data.batch))

    # Optimizer
    optimizer = make_optimizer(nn.ModuleList([model, objective]), recipe.optimizer)

    # Where an earlier run stopped
    state = checkpoints.latest(out / "checkpoints")
    begun = 0
    if state:
        model.load_state_dict(state["model"])
        objective.load_state_dict(state["objective"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        begun = state["step"]
        log.info("going on from step %d of %d", begun, steps)
    metrics = out / "metrics.jsonl"
    forget_after(metrics, begun)

    # The loop
    stream = batches(shards, recipe.data, look, tokens, recipe.seed, begun, steps - begun)
    model.train()
    with progress.stage("training", steps) as stage, metrics.open("a", encoding="utf-8") as file:
        stage.advance(begun)
        clock = time.monotonic()
        for step, batch in enumerate(stream, start=begun + 1):
            rate = set_rate(optimizer, recipe.optimizer, step, steps)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16"):
                features = encode(model, batch, look, device, local=recipe.objective.local_weight > 0)
            loss, told = objective(features, model.logit_scale, step - 1, batch.label_B.to(device))
            if not torch.isfinite(loss):
                raise UserError(f"the loss is {told['loss']} at step {step}; lower optimizer.lr. Batch: {batch.keys}")
            loss.backward()
            if recipe.optimizer.clip_norm:
                parameters = [*model.parameters(), *objective.parameters()]
                told["gradient_norm"] = float(nn.utils.clip_grad_norm_(parameters, recipe.optimizer.clip_norm))
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                for scale in (model.logit_scale, objective.local_logit_scale):
                    scale.clamp_(0, MAX_LOGIT_SCALE)  # type: ignore[operator]

            stage.advance(told=f"loss {told['loss']:.3f}")
            if step % recipe.log_every == 0 or step == steps:
                speed = recipe.data.batch * recipe.log_every / (time.monotonic() - clock)
                clock = time.monotonic()
                epoch = step * recipe.data.batch / shards.samples
                row = {"step": step, "epoch": epoch, "lr": rate, **told, "samples_per_second": speed}
                known = {key: round(value, 6) for key, value in row.items() if math.isfinite(value)}
                file.write(json.dumps(known) + "\n")
                file.flush()
            if step % recipe.checkpoint_every == 0 or step == steps:
                state = {"model": model.state_dict(), "objective": objective.state_dict()}
                state |= {"optimizer": optimizer.state_dict(), "random": torch.get_rng_state()}
                checkpoints.save(out / "checkpoints", step, state)

    # What it leaves behind: a model that open_clip loads on its own
    checkpoints.export(out / "model", model)


def open_run(recipe: TrainRecipe, out: Path) -> None:
    """Begin a run folder, or make sure that the one there is of the same recipe."""
    stored = out / "recipe.yaml"
    if stored.exists():
        if change := difference(TrainRecipe, stored, recipe, ignore=("device", "checkpoint_every", "log_every")):
            raise UserError(f"{out} holds a run of another recipe ({change}); choose another --out")
        return
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty and not a training run; choose another --out")
    with replacing(stored) as scratch:
        scratch.write_text(to_yaml(recipe), encoding="utf-8")


def pick_device(name: str | None) -> torch.device:
    """The device of a recipe, or the best one there is. Raises UserError for one that is not there."""
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name and name.split(":")[0] not in ("cpu", best):
        raise UserError(f"device: there is no {name} here, but {best}")
    return torch.device(name or best)


def make_optimizer(module: nn.Module, recipe: OptimizerRecipe) -> torch.optim.Optimizer:
    """AdamW; biases, gains and logit scales, all of fewer than two dimensions, are not decayed."""
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=recipe.betas, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, recipe: OptimizerRecipe, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 1: linear warm-up, then a cosine to zero at the last step."""
    warmup = max(1, round(recipe.warmup * steps))
    share = (step - warmup) / max(1, steps - warmup)
    rate = recipe.lr * (step / warmup if step <= warmup else (1 + math.cos(math.pi * share)) / 2)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def encode(model: nn.Module, batch: Batch, look: Look, device: torch.device, local: bool) -> Features:
    """Both towers over a batch; all its texts go through the text tower together."""
    image_B3HW = normalise(batch.image_B3HW.to(device, non_blocking=True), look)
    image_BD, patch_BMD = encode_images(model, image_B3HW, patches=local)
    parts = [batch.global_BL, batch.summary_BL] + ([batch.sentence_NL] if local else [])
    text = encode_texts(model, torch.cat(parts).to(device)).float().split([len(part) for part in parts])
    return Features(
        image_BD=image_BD.float(),
        global_BD=text[0],
        summary_BD=text[1],
        global_group_B=batch.global_group_B.to(device),
        summary_group_B=batch.summary_group_B.to(device),
        local=LocalFeatures(patch_BMD.float(), text[2], batch.owner_N.to(device), batch.sentence_group_N.to(device))
        if patch_BMD is not None
        else None,
    )


def forget_after(metrics: Path, step: int) -> None:
    """Drop the rows that a stopped run logged after its last checkpoint: they are about to come again."""
    if metrics.exists():
        rows = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if row.endswith("\n") and json.loads(row)["step"] <= step]
        with replacing(metrics) as scratch:
            scratch.write_text("".join(kept), encoding="utf-8")


def read_metrics(out: Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics.jsonl."""
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
