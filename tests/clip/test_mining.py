import math
import statistics
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.clip.mining import precision, same, targets
from emocap.clip.recipe import MiningRecipe


def unit(n: int, d: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1)


def standardised(similarity: list[list[float]]) -> list[list[float]]:
    n = len(similarity)
    others = [similarity[i][j] for i in range(n) for j in range(n) if i != j]
    mean, deviation = statistics.fmean(others), statistics.pstdev(others)
    if n < 3:
        return [[0.0] * n] * n
    return [[(similarity[i][j] - mean) / deviation for j in range(n)] for i in range(n)]


def oracle(image: Tensor, text: Tensor, base: Tensor, recipe: MiningRecipe) -> list[list[list[float]]]:
    """Equation (3), a pair at a time."""
    images, texts = (image @ image.T).tolist(), (text @ text.T).tolist()
    if recipe.rule == "consensus":
        z_image, z_text = standardised(images), standardised(texts)
        smaller = [[min(p, q) for p, q in zip(r, s, strict=True)] for r, s in zip(z_image, z_text, strict=True)]
        guides = [(smaller, smaller), (smaller, smaller)]
    else:
        guides = [(texts, standardised(texts)), (images, standardised(images))]
    made = []
    for guide, score in guides:
        weights = []
        for i in range(len(guide)):
            others = [j for j in range(len(guide)) if j != i]
            if recipe.rule != "soft":
                others = [j for j in others if score[i][j] >= recipe.delta]
                others = sorted(others, key=lambda j: -score[i][j])[: recipe.k]
            row = base[i].tolist()
            if others:
                shares = {j: math.exp(guide[i][j] / recipe.temperature) for j in others}
                total = sum(shares.values())
                row = [(1 - recipe.alpha) * w + recipe.alpha * shares.get(j, 0) / total for j, w in enumerate(row)]
            weights.append(row)
        made.append(weights)
    return made


@pytest.mark.parametrize("rule", ["cross", "consensus", "soft"])
@pytest.mark.parametrize("settings", [{}, {"k": 1}, {"k": 50}, {"delta": 0.5, "alpha": 0.6}, {"delta": 99.0}])
@pytest.mark.parametrize("n", [2, 9, 30])
def test_the_targets_are_the_formula(rule: str, settings: dict[str, Any], n: int) -> None:
    recipe = MiningRecipe.model_validate({"rule": rule, "delta": 1.0, **settings})
    image, text = unit(n, 4, 0), unit(n, 4, 1)
    base = same(torch.arange(n) // 2).double()
    for ours, wanted in zip(targets(image, text, base, recipe), oracle(image, text, base, recipe), strict=True):
        torch.testing.assert_close(ours, torch.tensor(wanted, dtype=torch.float64))
        torch.testing.assert_close(ours.sum(1), torch.ones(n, dtype=torch.float64))


def test_off_joins_equal_texts_and_nothing_else() -> None:
    base = same(torch.tensor([0, 1, 0]))
    assert base.tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]]
    for made in targets(unit(3, 4, 0), unit(3, 4, 1), base, MiningRecipe(rule="off")):
        assert made is base


def test_where_nothing_is_near_enough_a_row_stays_as_it_was() -> None:
    base = torch.eye(5, dtype=torch.float64)
    for made in targets(unit(5, 4, 0), unit(5, 4, 1), base, MiningRecipe(delta=50)):
        assert torch.equal(made, base)


def test_one_sample_is_no_harm() -> None:
    for rule in ("cross", "consensus", "soft"):
        for made in targets(unit(1, 4, 0), unit(1, 4, 1), torch.ones(1, 1).double(), MiningRecipe(rule=rule)):
            assert made.tolist() == [[1.0]]


def test_no_gradient_flows_through_the_guides() -> None:
    image, text = unit(6, 4, 0).requires_grad_(), unit(6, 4, 1).requires_grad_()
    for made in targets(image, text, torch.eye(6).double(), MiningRecipe(delta=0)):
        assert not made.requires_grad


def test_images_are_mined_by_texts_and_texts_by_images() -> None:
    image = F.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [-1, 1]]), dim=1)
    text = F.normalize(torch.tensor([[1.0, 0], [0, 1], [1, 0.1], [-1, -1]]), dim=1)
    by_text, by_image = targets(image, text, torch.eye(4), MiningRecipe(delta=1.0, k=1))
    assert by_text[0, 2] > 0
    assert by_text[0, 1] == 0
    assert by_image[0, 1] > 0
    assert by_image[0, 2] == 0


def test_precision_weighs_what_was_mined_between_labelled_samples() -> None:
    weights = torch.tensor([[0.7, 0.2, 0.1, 0], [0.3, 0.7, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5]])
    base = torch.eye(4)
    assert precision(weights, base, torch.tensor([0, 0, 1, -1])) == pytest.approx(0.5 / 0.6)
    assert math.isnan(precision(base, base, torch.tensor([0, 0, 1, 1])))
