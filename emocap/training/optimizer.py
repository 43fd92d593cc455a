"""AdamW over the groups of a recipe, and the rate of every step."""

import math

import torch
from torch import nn

from emocap.training.recipe import OptimizerRecipe


def make_optimizer(model: nn.Module, objective: nn.Module, recipe: OptimizerRecipe) -> torch.optim.Optimizer:
    """AdamW; biases, gains and logit scales, all of fewer than two dimensions, are not decayed.

    Each tower may learn at a rate of its own; every group keeps its own highest rate as ``peak``.
    """
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    # As one module: a bias that the objective shares with the model is one parameter.
    for name, parameter in nn.ModuleDict({"model": model, "objective": objective}).named_parameters():
        if parameter.requires_grad:
            own = {"visual": recipe.image_lr, "text": recipe.text_lr}.get(name.split(".")[1])
            decay = recipe.weight_decay if parameter.ndim >= 2 else 0.0
            found.setdefault((own or recipe.lr, decay), []).append(parameter)
    groups = [{"params": some, "peak": peak, "weight_decay": decay} for (peak, decay), some in found.items()]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=recipe.betas, fused=True)


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
