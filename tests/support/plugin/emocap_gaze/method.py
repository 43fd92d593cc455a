"""A line through the origin, fitted to y = 3x."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from emocap.training.method import BaseMethod, MethodType, Run, StepContext, StepResult
from emocap.training.recipe import OptimizerRecipe, RunRecipe


class LineRecipe(RunRecipe):
    method: str = "line"
    optimizer: OptimizerRecipe = OptimizerRecipe(lr=0.1, weight_decay=0.0)
    length: int = 60


class Line(BaseMethod):
    samples_per_step = 4
    samples_per_epoch = 40.0

    def __init__(self, recipe: LineRecipe, run: Run) -> None:
        self.recipe, self.run = recipe, run
        self.net = nn.Linear(1, 1, bias=False).to(run.device)
        self.steps = recipe.length

    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net}

    def batches(self, begun: int, steps: int, rank: int, ranks: int) -> Iterator[Tensor]:
        for number in range(begun, begun + steps):
            yield torch.rand(4, 1, generator=torch.Generator().manual_seed(number))

    def step(self, batch: Tensor, context: StepContext) -> StepResult:
        x_B1 = batch.to(self.run.device)
        loss = ((self.net(x_B1) - 3 * x_B1) ** 2).mean()
        context.scale(loss).backward()
        return StepResult(loss.detach())

    def export(self, folder: Path, note: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.net.state_dict(), folder / "line.safetensors", metadata={"note": note})


def make(recipe: Any, run: Run) -> Line:
    return Line(recipe, run)


METHOD = MethodType("line", "a line through the origin", LineRecipe, make)
