"""Exponential moving averages of the weights."""

# Tested in tests/training/test_engine.py.

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average(module: nn.Module, decay: float) -> AveragedModel:
    """A copy of the module that ``update_parameters(module)`` moves towards it after every step.

    The decay of step t is min(decay, (1 + t) / (10 + t)), so that a short run does not end near where it began.
    Buffers, such as the statistics of BatchNorm, are the module's own.
    """

    def mean(average: Tensor, current: Tensor, step: Tensor | int) -> Tensor:
        step = torch.as_tensor(step)
        return torch.lerp(current, average, ((1 + step) / (10 + step)).clamp(max=decay).to(average.dtype))

    averaged = AveragedModel(module, avg_fn=mean)
    averaged.requires_grad_(False).eval()
    return averaged


@contextlib.contextmanager
def in_place(modules: Mapping[str, nn.Module], averages: Mapping[str, AveragedModel]) -> Iterator[None]:
    """The averages take the places of the weights while the block runs; without averages nothing changes."""
    kept = {name: {key: value.clone() for key, value in modules[name].state_dict().items()} for name in averages}
    for name, averaged in averages.items():
        modules[name].load_state_dict(averaged.module.state_dict())
    try:
        yield
    finally:
        for name, state in kept.items():
            modules[name].load_state_dict(state)
