"""Checkpoints: everything a run needs to go on, written whole or not at all."""

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from emocap.shards import replacing

_KEPT = 2
_NAME = re.compile(r"step-(\d+)\.pt")


def save(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write the checkpoint of a step and drop all but the last two."""
    with replacing(folder / f"step-{step:08d}.pt") as scratch:
        torch.save({"step": step, **state}, scratch)
    for old in _all(folder)[:-_KEPT]:
        old.unlink()


def latest(folder: Path) -> dict[str, Any] | None:
    """The last checkpoint, on the CPU; None where there is none. Only tensors and plain values are read from it."""
    found = _all(folder)
    if not found:
        return None
    state: dict[str, Any] = torch.load(found[-1], map_location="cpu", weights_only=True)
    return state


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.pt") if _NAME.fullmatch(path.name))


def export(folder: Path, model: nn.Module) -> None:
    """Put the weights beside their open_clip configuration: open_clip alone can then load ``local-dir:<folder>``."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(folder / "open_clip_model.safetensors") as scratch:
        save_file(weights, scratch)
