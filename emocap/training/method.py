"""What the engine runs: a method brings modules, batches, a step, state and an export, and the engine does the rest.

    run = Run(out, device, group, dtype)
    method = ClipMethod(recipe, run)

A method that extends :class:`BaseMethod` writes only what it has. The engine gives it resuming, checkpoints, guards,
logs, several ranks, Ray workers, an average of the weights, and benchmarks while it trains.
"""

# Tested in tests/training/test_engine.py.

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from emocap.training.process_group import ProcessGroup
from emocap.training.recipe import RunRecipe


@dataclass(frozen=True)
class Run:
    """What a method is made with."""

    out: Path
    """The run's folder. Only the first rank writes there."""
    device: torch.device
    group: ProcessGroup
    dtype: torch.dtype | None
    """What autocast computes in; None for fp32."""


@dataclass(frozen=True)
class StepContext:
    """What a step needs to know of the run."""

    step: int
    """Its number, from 1."""
    steps: int
    """How many there are."""
    scale: Callable[[Tensor], Tensor]
    """Multiplies a loss for the backward pass: in fp16 small gradients would vanish."""


@dataclass(frozen=True)
class StepResult:
    """What a step leaves, besides gradients."""

    loss: Tensor
    """A scalar without a graph, of this rank; the ranks' mean is the loss of the batch."""
    logs: Mapping[str, Any] = field(default_factory=dict)
    """Name → number, to be logged as means over the ranks."""
    keys: Sequence[str] = ()
    """Names of the samples of this rank, for the error message where the loss is not finite."""


class Method(Protocol):
    """Something that can be trained."""

    @property
    def recipe(self) -> RunRecipe:
        """Each method's recipe extends :class:`RunRecipe`."""
        ...

    @property
    def steps(self) -> int:
        """How many steps a whole run has, at least 1."""
        ...

    @property
    def samples_per_step(self) -> int:
        """Samples of a step, over all ranks."""
        ...

    @property
    def samples_per_epoch(self) -> float:
        """For the logs: how many samples count as an epoch."""
        ...

    def modules(self) -> Mapping[str, nn.Module]:
        """What is trained, averaged and saved, by name; the same modules in every call."""
        ...

    def learning_rate(self, name: str) -> float | None:
        """The highest learning rate of a parameter, by its dotted name in ``modules``; None: the recipe's."""
        ...

    def prepare(self, averages: Mapping[str, nn.Module]) -> None:
        """Called once before the first step, when the weights of an earlier checkpoint are in their places.

        Here modules get wrapped for several ranks, and into training mode. averages: the running means of
        ``modules``, empty where the recipe has no ``ema``.
        """
        ...

    def batches(self, begun: int, steps: int, rank: int, ranks: int) -> Iterator[Any]:
        """This rank's share of the batches of ``steps`` steps that follow the first ``begun`` ones.

        The batch of a step depends on its number alone, so that a resumed run sees what an undisturbed one does.
        """
        ...

    def step(self, batch: Any, context: StepContext) -> StepResult:
        """Forward and backward pass of one batch: leaves gradients that are means over all ranks."""
        ...

    def after_update(self) -> None:
        """Called after every update of the weights, to clamp some for example."""
        ...

    def validate(self) -> Mapping[str, float]:
        """Name → value on held-out data, of which ``RunRecipe.select`` chooses by one; on every rank the same data, or
        a share of it: the engine takes the mean over the ranks.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """What else a run needs to go on, such as a curriculum: tensors, numbers, texts, lists and dicts of them."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        ...

    def export(self, folder: Path, note: str) -> None:
        """Write the model into a folder, so that it can be used without the run. ``note``: which weights they are."""
        ...


class BaseMethod:
    """The parts of a method that many leave as they are."""

    def learning_rate(self, name: str) -> float | None:
        """The recipe's, for all."""
        return None

    def prepare(self, averages: Mapping[str, nn.Module]) -> None:
        """Nothing."""

    def after_update(self) -> None:
        """Nothing."""

    def validate(self) -> Mapping[str, float]:
        """Nothing is measured."""
        return {}

    def state(self) -> Mapping[str, Any]:
        """No state."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """No state."""


@dataclass(frozen=True)
class MethodType:
    """A kind of method, as the registry holds it; one for each folder in ``emocap.methods``, as its ``METHOD``."""

    name: str
    """What a recipe calls it: ``method: clip``."""
    title: str
    recipe: type[RunRecipe]
    make: Callable[[Any, Run], Method]
    """Makes a method of its recipe. Ray workers import it by its name."""
