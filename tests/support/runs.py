"""Runs of emocap train: their recipes, weights and logs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from emocap.methods.clip.recipe import ClipRecipe


def changed(recipe: ClipRecipe, **keys: Any) -> ClipRecipe:
    """The recipe with other values; sections are merged."""
    content = recipe.model_dump()
    for key, value in keys.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and content[key] else value
    return ClipRecipe.model_validate(content)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "open_clip_model.safetensors")


def same_weights(a: Path, b: Path) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def metrics(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def events(run: Path, name: str) -> list[Any]:
    """What TensorBoard shows of one curve."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run / "tensorboard"))
    read.Reload()
    found: list[Any] = read.Scalars(name)
    return found


def assert_like(run: Path, other: Path) -> None:
    """Equal up to the order of floating-point sums."""
    for name in ("loss", "gradient_norm", "logit_scale", "local_logit_scale"):
        ours, theirs = ([row[name] for row in metrics(folder)] for folder in (run, other))
        assert ours == pytest.approx(theirs, rel=1e-3), name
