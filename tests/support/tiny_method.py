"""A method that trains in milliseconds: a small network that learns a curve, with dropout and a curriculum.

python -m tests.support.tiny_method RECIPE OUT
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn

from emocap.core.recipes import load
from emocap.training.engine import train
from emocap.training.method import BaseMethod, MethodType, Run, StepContext, StepResult
from emocap.training.recipe import OptimizerRecipe, RunRecipe


class TinyRecipe(RunRecipe):
    """A curve to learn."""

    mutable_keys: ClassVar[tuple[str, ...]] = RunRecipe.mutable_keys

    method: str = "tiny"
    optimizer: OptimizerRecipe = OptimizerRecipe(lr=0.01, weight_decay=0.0)
    length: int = Field(300, ge=1)
    """Steps of a run."""
    batch: int = Field(8, ge=1)
    break_at: int | None = None
    """The step whose loss is no number."""
    jump_at: int | None = None
    """The step whose loss is a thousand times larger."""
    getting_worse: bool = False
    """Whether every validation is worse than the one before."""


class TinyMethod(BaseMethod):
    def __init__(self, recipe: TinyRecipe, run: Run) -> None:
        self.recipe, self.run = recipe, run
        self.net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 1)).to(run.device)
        self.range, self.validations = 0.5, 0
        """Inputs are drawn from −range to range; it grows where the loss is small."""

    @property
    def steps(self) -> int:
        return self.recipe.length

    @property
    def samples_per_step(self) -> int:
        return self.recipe.batch

    @property
    def samples_per_epoch(self) -> float:
        return 100.0

    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net}

    def prepare(self, averages: Mapping[str, nn.Module]) -> None:
        self.parallel = self.run.group.parallel(self.net, self.run.device)
        self.net.train()

    def batches(self, begun: int, steps: int, rank: int, ranks: int) -> Iterator[Tensor]:
        rows = self.recipe.batch // ranks
        for number in range(begun, begun + steps):
            x_B1 = torch.rand(self.recipe.batch, 1, generator=torch.Generator().manual_seed(number)) * 2 - 1
            yield x_B1[rank * rows : (rank + 1) * rows]

    def step(self, batch: Tensor, context: StepContext) -> StepResult:
        x_B1 = (self.range * batch).to(self.run.device)
        loss = F.mse_loss(self.parallel(x_B1), torch.sin(3 * x_B1))
        if context.step == self.recipe.break_at:
            loss = loss * torch.nan
        if context.step == self.recipe.jump_at:
            loss = loss * 1000
        context.scale(loss).backward()
        mean = self.run.group.mean(loss.detach()).item()
        self.range = min(2.0, self.range * (1.01 if mean < 0.5 else 0.99))
        return StepResult(loss.detach(), {"range": self.range}, [f"point-{value:.3f}" for value in batch[:, 0]])

    def validate(self) -> Mapping[str, float]:
        self.validations += 1
        with torch.no_grad():
            x_B1 = torch.linspace(-1, 1, 50, device=self.run.device)[:, None]
            self.net.eval()
            error = F.mse_loss(self.net(x_B1), torch.sin(3 * x_B1)).item()
            self.net.train()
        return {"error": float(self.validations) if self.recipe.getting_worse else error}

    def state(self) -> Mapping[str, Any]:
        return {"range": self.range, "validations": self.validations}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.range, self.validations = state["range"], state["validations"]

    def export(self, folder: Path, note: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.net.state_dict(), folder / "net.safetensors", metadata={"note": note})


def make(recipe: Any, run: Run) -> TinyMethod:
    return TinyMethod(recipe, run)


METHOD = MethodType("tiny", "a curve", TinyRecipe, make)

if __name__ == "__main__":
    from tests.support import tiny_method  # Ray workers import what they run by this name

    train(tiny_method.make, load(tiny_method.TinyRecipe, "models", sys.argv[1]), Path(sys.argv[2]))
