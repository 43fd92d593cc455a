"""Checkpoints: everything a run needs to go on, written whole or not at all."""

import logging
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from emocap.errors import UserError
from emocap.shards import replacing

log = logging.getLogger(__name__)

_NAME = re.compile(r"step-(\d+)\.pt")


def save(folder: Path, step: int, state: dict[str, Any], keep: int = 2) -> None:
    """Write the checkpoint of a step and drop all but the last ``keep``."""
    save_as(folder / f"step-{step:08d}.pt", step, state)
    for old in _all(folder)[:-keep]:
        old.unlink()


def save_as(path: Path, step: int, state: dict[str, Any]) -> None:
    """Write a checkpoint under a name of its own."""
    with replacing(path) as scratch:
        torch.save({"step": step, **state}, scratch)


def latest(folder: Path) -> dict[str, Any] | None:
    """The last checkpoint that is whole, on the CPU; None where there is none at all.

    Only tensors and plain values are read from it. Raises UserError where all are damaged.
    """
    found = _all(folder)
    for path in reversed(found):
        if _whole(path):
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            return state
        log.warning("%s is damaged; going on from the one before", path)
    if found:
        raise UserError(f"every checkpoint in {folder} is damaged; delete the folder to begin the run again")
    return None


def _whole(path: Path) -> bool:
    """Whether every part of a checkpoint has the checksum that it was written with; torch.load does not look."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except zipfile.BadZipFile:
        return False


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.pt") if _NAME.fullmatch(path.name))


def export(folder: Path, model: nn.Module, note: str = "weights of the last step") -> None:
    """Put the weights beside their open_clip configuration: open_clip alone can then load ``local-dir:<folder>``.

    ``note`` says in the file's metadata which weights they are.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(folder / "open_clip_model.safetensors") as scratch:
        save_file(weights, scratch, metadata={"emocap": note})
