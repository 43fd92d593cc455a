"""Where the numbers of a run go: metrics.jsonl always, TensorBoard by default, Weights & Biases where asked for."""

import contextlib
import json
import math
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.training.recipe import RunRecipe


class Write(Protocol):
    """Takes one row of numbers; ``eval`` holds those of benchmarks."""

    def __call__(self, row: dict[str, Any]) -> None:
        """Write it everywhere."""
        ...


@contextlib.contextmanager
def open_logs(recipe: RunRecipe, out: Path, step: int) -> Iterator[Write]:
    """Continue the logs of a run after ``step``; what was logged beyond it is about to come again and is dropped.

    Raises UserError where the recipe asks for Weights & Biases and it is not installed or does not let us in.
    """
    metrics = out / "metrics.jsonl"
    forget_after(metrics, step)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(metrics.open("a", encoding="utf-8"))
        board = run = None
        if recipe.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            board = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)
            stack.callback(board.close)
        if recipe.wandb:
            run = _wandb(recipe, out)
            stack.callback(run.finish)

        def write(row: dict[str, Any]) -> None:
            rounded = {key: _rounded(value) for key, value in row.items()}
            file.write(json.dumps({key: value for key, value in rounded.items() if value is not None}) + "\n")
            file.flush()
            numbers = {name: value for name, value in _flat(row) if math.isfinite(value) and name != "step"}
            if board:
                for name, value in numbers.items():
                    board.add_scalar(name, value, row["step"])
                board.flush()
            if run:
                run.log(numbers, step=row["step"])

        yield write


def _rounded(value: Any) -> Any:
    """A number to seven digits, None where it is nan or infinite; anything else as it is."""
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


def _flat(row: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{key}/{name}", number) for name, number in _flat(value))
        else:
            yield key, value


def _wandb(recipe: RunRecipe, out: Path) -> Any:
    try:
        import wandb
    except ImportError:
        raise UserError("wandb: the package wandb is not installed; install it, or leave the key out") from None
    identity = out / "wandb.txt"
    if not identity.exists():
        with replacing(identity) as scratch:
            scratch.write_text(uuid.uuid4().hex, encoding="utf-8")
    try:
        return wandb.init(
            project=recipe.wandb,
            name=out.name,
            id=identity.read_text(encoding="utf-8"),
            resume="allow",
            dir=str(out),
            config=recipe.model_dump(mode="json"),
        )
    except wandb.Error as error:
        raise UserError(f"wandb: {error} WANDB_MODE=offline keeps the run on disk instead") from None


def forget_after(metrics: Path, step: int) -> None:
    """Drop the rows of metrics.jsonl that a stopped run logged after its last checkpoint."""
    if metrics.exists():
        rows = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if row.endswith("\n") and json.loads(row)["step"] <= step]
        with replacing(metrics) as scratch:
            scratch.write_text("".join(kept), encoding="utf-8")
