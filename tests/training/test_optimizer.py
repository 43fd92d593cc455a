import pytest
import torch

from emocap.training.optimizer import make_optimizer, set_rate
from emocap.training.recipe import OptimizerRecipe


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    recipe = OptimizerRecipe(lr=2.0, warmup=0.1)
    optimizer = make_optimizer(torch.nn.ModuleDict({"model": torch.nn.Linear(1, 1)}), recipe)
    rates = [set_rate(optimizer, recipe, step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == max(rates) == 2.0
    assert rates[54] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
    assert optimizer.param_groups[0]["lr"] == rates[-1]


def test_gains_biases_and_scales_do_not_decay() -> None:
    module = torch.nn.ModuleDict({"linear": torch.nn.Linear(3, 2), "norm": torch.nn.LayerNorm(2)})
    decayed, kept = make_optimizer(module, OptimizerRecipe()).param_groups
    assert [p.shape for p in decayed["params"]] == [(2, 3)]
    assert decayed["weight_decay"] == 0.2
    assert len(kept["params"]) == 3
    assert kept["weight_decay"] == 0


def test_each_part_learns_at_its_own_rate_and_locked_weights_not_at_all() -> None:
    model = torch.nn.ModuleDict({"visual": torch.nn.Linear(3, 2), "text": torch.nn.Linear(5, 2)})
    model.register_parameter("logit_scale", torch.nn.Parameter(torch.tensor(1.0)))
    model["text"].bias.requires_grad_(False)
    modules = torch.nn.ModuleDict({"model": model, "objective": torch.nn.Linear(7, 1, bias=False)})
    rates = {"model.visual.weight": 0.1, "model.visual.bias": 0.1, "model.text.weight": 0.5}
    recipe = OptimizerRecipe(lr=1.0, warmup=0)
    optimizer = make_optimizer(modules, recipe, rates.get)
    set_rate(optimizer, recipe, 51, 101)
    found = {tuple(p.shape): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert found == pytest.approx({(2, 3): 0.05, (2,): 0.05, (2, 5): 0.25, (): 0.5, (1, 7): 0.5}, abs=1e-9)
