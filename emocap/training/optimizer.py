"""AdamW over the groups of a recipe, and the rate of every step."""

import math
from collections.abc import Callable

import torch
from torch import nn

from emocap.training.recipe import OptimizerRecipe


def make_optimizer(
    modules: nn.ModuleDict, recipe: OptimizerRecipe, rate_of: Callable[[str], float | None] = lambda name: None
) -> torch.optim.Optimizer:
    """AdamW; biases, gains and logit scales, all of fewer than two dimensions, are not decayed.

    rate_of: the highest rate of a parameter by its dotted name; None: the recipe's. Every group keeps its own highest
    rate as ``peak``.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    # A parameter that two modules share is named once.
    for name, parameter in modules.named_parameters():
        if parameter.requires_grad:
            decay = recipe.weight_decay if parameter.ndim >= 2 else 0.0
            groups.setdefault((rate_of(name) or recipe.lr, decay), []).append(parameter)
    rows = [{"params": some, "peak": peak, "weight_decay": decay} for (peak, decay), some in groups.items()]
    return torch.optim.AdamW(rows, lr=recipe.lr, betas=recipe.betas, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, recipe: OptimizerRecipe, step: int, steps: int) -> float:
    """Set the learning rates of a step, counted from 1, and return the recipe's own.

    Linear warm-up, then a cosine to zero at the last step.
    """
    warmup = max(1, round(recipe.warmup * steps))
    share = (step - warmup) / max(1, steps - warmup)
    factor = step / warmup if step <= warmup else (1 + math.cos(math.pi * share)) / 2
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    return recipe.lr * factor
