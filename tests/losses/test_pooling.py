import math

import pytest
import torch
from torch import Tensor

from emocap.core.errors import UserError
from emocap.losses.pooling import make_pool
from emocap.losses.pools.attention import AttentionPool
from emocap.losses.recipe import LocalRecipe
from tests.support import objective_oracles
from tests.support.objective_oracles import unit

PATCHES = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    "recipe", [LocalRecipe(), LocalRecipe(pool="softmax", temperature=0.3)], ids=["sparse", "softmax"]
)
def test_a_region_and_its_gradients_are_the_formula(recipe: LocalRecipe) -> None:
    patches, texts = PATCHES.clone().requires_grad_(), unit(6, 4, 1).reshape(2, 3, 4).requires_grad_()
    ours = make_pool(recipe, 4)(patches, texts)
    theirs = torch.stack(
        [torch.stack([objective_oracles.pooled(patches[i], text, recipe) for text in texts[i]]) for i in range(2)]
    )
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad((ours * weights).sum(), (patches, texts)),
        torch.autograd.grad((theirs * weights).sum(), (patches, texts)),
    )


def normed(x: Tensor) -> Tensor:
    return (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-5)


@pytest.mark.usefixtures("double")
def test_attention_is_the_formula_with_a_token_that_stands_for_nothing() -> None:
    torch.manual_seed(0)
    pool = AttentionPool(4, 2)
    texts = unit(6, 4, 1).reshape(2, 3, 4)
    ours = pool(PATCHES, texts)
    for i in range(2):
        keys = [normed(patch) for patch in PATCHES[i]] + [torch.zeros(4)]
        for k in range(3):
            heads = []
            for head in (slice(0, 2), slice(2, 4)):
                query = pool.query(normed(texts[i, k]))[head]
                scores = [torch.exp(query @ pool.key(key)[head] / math.sqrt(2)) for key in keys]
                values = [pool.value(key)[head] for key in keys]
                heads.append(sum(s * v for s, v in zip(scores, values, strict=True)) / sum(scores))
            torch.testing.assert_close(ours[i, k], pool.out(torch.cat(heads)))


def test_heads_that_do_not_divide_are_told() -> None:
    with pytest.raises(UserError, match=r"objective.local.heads: 5 heads do not divide embeddings of 16"):
        make_pool(LocalRecipe(pool="attention", heads=5), 16)


@pytest.mark.parametrize("pool", ["sparse", "softmax", "attention"])
def test_one_patch_and_equal_patches_give_numbers_and_gradients(pool: str) -> None:
    module = make_pool(LocalRecipe.model_validate({"pool": pool, "heads": 1}), 3)
    for count in (1, 4):
        patches = torch.ones(1, count, 3, requires_grad=True)
        region = module(patches, unit(1, 3, 0).float()[None])
        region.sum().backward()
        assert torch.isfinite(region).all()
        assert patches.grad is not None
        assert torch.isfinite(patches.grad).all()
