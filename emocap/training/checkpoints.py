"""Checkpoints: everything a run needs to go on, written whole or not at all."""

import logging
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from emocap.core.errors import UserError
from emocap.core.files import replacing

log = logging.getLogger(__name__)

_NAME = re.compile(r"step-(\d+)\.pt")


def save(folder: Path, step: int, state: dict[str, Any], keep: int = 2) -> None:
    """Write the checkpoint of a step and drop all but the last ``keep``; later ones are damaged, and go first.

    Raises UserError where it cannot be written; those that are there stay.
    """
    written = folder / f"step-{step:08d}.pt"
    save_as(written, step, state)
    until = [path for path in _all(folder) if path.name <= written.name]
    for path in {*_all(folder)} - {*until[-keep:]}:
        path.unlink()


def save_as(path: Path, step: int, state: dict[str, Any]) -> None:
    """Write a checkpoint under a name of its own. Raises UserError where it cannot be written."""
    try:
        with replacing(path) as scratch:
            torch.save({"step": step, **state}, scratch)
    # Of a full disk torch says nothing but that it wrote too little.
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be written: is the disk full? ({reason}); the same command goes on") from error


def sweep(folder: Path) -> None:
    """Remove what a process that was killed while it wrote has left behind."""
    for scratch in folder.glob(".*.tmp"):
        scratch.unlink(missing_ok=True)


def latest(folder: Path) -> dict[str, Any] | None:
    """The last checkpoint that is whole, on the CPU; None where there is none at all.

    Only tensors and plain values are read from it. Raises UserError where all are damaged.
    """
    found = _all(folder)
    for path in reversed(found):
        try:
            return read(path)
        except (MemoryError, PermissionError):
            raise
        # zipfile and torch raise whatever they stumble over in damaged bytes.
        except Exception as error:
            log.warning("%s is damaged (%s); going on from the one before", path, str(error).partition("\n")[0])
    if found:
        raise UserError(f"every checkpoint in {folder} is damaged; delete the folder to begin the run again")
    return None


def read(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, if every part has the checksum that it was written with; torch.load does not look."""
    with zipfile.ZipFile(path) as archive:
        if part := archive.testzip():
            raise zipfile.BadZipFile(f"{part} is not what was written")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.pt") if _NAME.fullmatch(path.name))
