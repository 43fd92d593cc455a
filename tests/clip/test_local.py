import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.clip.local import pool_regions
from emocap.clip.recipe import LocalRecipe


def oracle(patches: Tensor, sentences: Tensor, owners: list[int], recipe: LocalRecipe) -> list[list[float]]:
    """Equation (4), a patch at a time."""
    regions = []
    for sentence, owner in zip(sentences.tolist(), owners, strict=True):
        units = []
        for patch in patches[owner].tolist():
            length = math.sqrt(sum(x * x for x in patch))
            units.append([x / length for x in patch])
        similar = [sum(x * y for x, y in zip(sentence, unit, strict=True)) for unit in units]
        if recipe.pool == "softmax":
            weights = [math.exp(x / recipe.temperature) for x in similar]
        else:
            low, high = min(similar), max(similar)
            scaled = [(x - low) / (high - low) for x in similar]
            weights = [x if x >= 1 / len(scaled) else 0.0 for x in scaled]
        total = sum(weights)
        pooled = [
            sum(w * unit[d] for w, unit in zip(weights, units, strict=True)) / total for d in range(len(sentence))
        ]
        length = math.sqrt(sum(x * x for x in pooled))
        regions.append([x / length for x in pooled])
    return regions


@pytest.mark.parametrize(
    "recipe", [LocalRecipe(), LocalRecipe(pool="softmax", temperature=0.3)], ids=["sparse", "softmax"]
)
def test_a_region_is_the_formula(recipe: LocalRecipe) -> None:
    random = torch.Generator().manual_seed(0)
    patches = torch.randn(3, 6, 5, generator=random, dtype=torch.float64)
    sentences = F.normalize(torch.randn(7, 5, generator=random, dtype=torch.float64), dim=1)
    owners = [0, 0, 1, 2, 2, 2, 0]
    ours = pool_regions(patches, sentences, torch.tensor(owners), recipe)
    torch.testing.assert_close(ours, torch.tensor(oracle(patches, sentences, owners, recipe), dtype=torch.float64))


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_in_chunks_of_pictures_it_is_the_same(chunk: int) -> None:
    random = torch.Generator().manual_seed(0)
    patches = torch.randn(5, 6, 4, generator=random, dtype=torch.float64, requires_grad=True)
    sentences = F.normalize(torch.randn(8, 4, generator=random, dtype=torch.float64), dim=1).requires_grad_()
    owners = torch.tensor([4, 0, 0, 1, 3, 3, 4, 3])  # the third picture has no sentence
    weights = torch.randn(8, 4, generator=random, dtype=torch.float64)

    def run(size: int) -> tuple[Tensor, ...]:
        region = pool_regions(patches, sentences, owners, LocalRecipe(), size)
        return region, *torch.autograd.grad((region * weights).sum(), (patches, sentences))

    torch.testing.assert_close(run(chunk), run(1000))


def test_a_sentence_looks_at_its_own_picture_only() -> None:
    random = torch.Generator().manual_seed(0)
    patches = torch.randn(2, 4, 3, generator=random)
    sentences = F.normalize(torch.randn(2, 3, generator=random), dim=1)
    before = pool_regions(patches, sentences, torch.tensor([0, 1]), LocalRecipe())
    changed = torch.stack([patches[0], torch.randn(4, 3, generator=random)])
    after = pool_regions(changed, sentences, torch.tensor([0, 1]), LocalRecipe())
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_one_patch_and_equal_patches_give_numbers_and_gradients() -> None:
    for count in (1, 4):
        patches = torch.ones(1, count, 3, requires_grad=True)
        sentence = F.normalize(torch.tensor([[1.0, 2.0, 3.0]]), dim=1)
        region = pool_regions(patches, sentence, torch.tensor([0]), LocalRecipe())
        region.sum().backward()
        assert torch.isfinite(region).all()
        assert patches.grad is not None
        assert torch.isfinite(patches.grad).all()
