"""An exponential moving average of the towers' weights."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of the model that ``update_parameters(model)`` moves towards it after every step.

    The decay of step t is min(decay, (1 + t) / (10 + t)), so that a short run does not end near where it began.
    Buffers, such as the statistics of BatchNorm, are the model's own.
    """

    def mean(average: Tensor, current: Tensor, step: Tensor | int) -> Tensor:
        step = torch.as_tensor(step)
        return torch.lerp(current, average, ((1 + step) / (10 + step)).clamp(max=decay).to(average.dtype))

    averaged = AveragedModel(model, avg_fn=mean)
    averaged.requires_grad_(False).eval()
    return averaged
