from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.losses.contrast import CHUNK, softmax
from emocap.losses.contrasts.multi_instance import multi_instance
from emocap.losses.contrasts.sigmoid import sigmoid
from emocap.losses.features import LocalFeatures
from emocap.losses.gather import even_share
from emocap.losses.local import _chosen, _least, contrast_pictures, contrast_regions, pool_regions
from emocap.losses.pooling import make_pool
from emocap.losses.pools.sparse import SparsePool
from emocap.losses.recipe import LocalRecipe
from tests.support import objective_oracles
from tests.support.objective_oracles import unit

B, M, D = 5, 6, 4
OWNERS = [4, 0, 0, 1, 3, 3, 4, 3]  # the third picture has no sentence
GROUPS = [0, 1, 2, 3, 1, 5, 6, 7]
REGIONS = [0, 0, 1, 1, 0, 1, 0, 1]
LOSSES = {"softmax": softmax, "sigmoid": sigmoid, "multi_instance": multi_instance}


def features() -> tuple[LocalFeatures, tuple[Tensor, ...]]:
    patches = torch.randn(B, M, D, generator=torch.Generator().manual_seed(0), requires_grad=True)
    sentences = unit(len(OWNERS), D, 1).requires_grad_()
    local = LocalFeatures(patches, sentences, torch.tensor(OWNERS), torch.tensor(GROUPS), torch.tensor(REGIONS))
    return local, (patches, sentences)


def recipes(**changed: Any) -> LocalRecipe:
    return LocalRecipe.model_validate(changed)


def normal(x: Tensor) -> Tensor:
    return x / torch.sqrt((x * x).sum())


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "multi_instance"])
@pytest.mark.parametrize(
    "recipe",
    [
        recipes(),
        recipes(join_equal=False),
        recipes(mining=True, mining_delta=0.5),
        recipes(mining=True, mining_delta=0.0, join_equal=False, pool="softmax"),
        recipes(mining=True, mining_delta=99.0),
    ],
    ids=["equal joined", "identity", "mined", "mined alone", "none found"],
)
def test_the_contrast_of_regions_is_the_formula(kind: str, recipe: LocalRecipe) -> None:
    local, leaves = features()
    scale = torch.tensor(9.0, requires_grad=True)
    bias = torch.tensor(-2.0, requires_grad=True) if kind == "sigmoid" else None
    leaves = (*leaves, scale, *([bias] if bias is not None else []))
    ours = contrast_regions(local, make_pool(recipe, D), scale, recipe, LOSSES[kind], bias, whole=False)
    regions = torch.stack(
        [
            normal(objective_oracles.pooled(local.patch_BMD[owner], sentence, recipe))
            for owner, sentence in zip(OWNERS, local.sentence_ND, strict=True)
        ]
    )
    joined = objective_oracles.sentences_joined(local.sentence_ND, GROUPS, REGIONS, recipe)
    wanted = [[together / sum(row) for together in row] for row in joined]
    theirs = objective_oracles.contrast(
        regions, local.sentence_ND, scale, wanted, wanted, kind, 0.0 if bias is None else bias
    )
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, leaves), torch.autograd.grad(theirs, leaves))


def pictures_oracle(
    local: LocalFeatures, scale: Tensor, recipe: LocalRecipe, bias: Tensor | None, chosen: list[bool]
) -> Tensor:
    """Every picture pooled by every sentence, a pair at a time."""
    n = len(OWNERS)
    joined = objective_oracles.sentences_joined(local.sentence_ND, GROUPS, REGIONS, recipe)
    logits = [
        [scale * (normal(objective_oracles.pooled(patches, text, recipe)) @ text) for text in local.sentence_ND]
        for patches in local.patch_BMD
    ]
    visible = [[recipe.candidates == "all" or OWNERS[k] == i or chosen[k] for k in range(n)] for i in range(B)]
    positive = [
        [visible[i][k] and any(joined[m][k] for m in range(n) if OWNERS[m] == i) for k in range(n)] for i in range(B)
    ]
    if bias is not None:
        pairs = [
            torch.log(1 + torch.exp((-1 if positive[i][k] else 1) * (logits[i][k] + bias)))
            for i in range(B)
            for k in range(n)
            if visible[i][k]
        ]
        return torch.stack(pairs).sum() / B
    rows = [
        objective_oracles.softmax_row([logits[i][k] for k in seen], [positive[i][k] / sum(positive[i]) for k in seen])
        for i in range(B)
        if sum(positive[i]) and (seen := [k for k in range(n) if visible[i][k]])
    ]
    columns = []
    for k in range(n):
        seen, count = [i for i in range(B) if visible[i][k]], sum(positive[i][k] for i in range(B))
        columns.append(
            objective_oracles.softmax_row([logits[i][k] for i in seen], [positive[i][k] / count for i in seen])
        )
    return (torch.stack(rows).sum() / B + torch.stack(columns).sum() / n) / 2


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("with_bias", [False, True], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("piece", [1, 2 * 8 * D, 10**9], ids=["one by one", "in twos", "together"])
@pytest.mark.parametrize(
    "recipe",
    [
        recipes(contrast="pictures"),
        recipes(contrast="pictures", join_equal=False, candidates="one"),
        recipes(contrast="pictures", mining=True, mining_delta=0.5, candidates="one", pool="softmax"),
    ],
    ids=["all", "one", "one mined"],
)
def test_the_contrast_of_pictures_is_the_formula(recipe: LocalRecipe, piece: int, with_bias: bool) -> None:
    local, leaves = features()
    scale = torch.tensor(9.0, requires_grad=True)
    bias = torch.tensor(-2.0, requires_grad=True) if with_bias else None
    leaves = (*leaves, scale, *([bias] if bias is not None else []))
    ours = contrast_pictures(local, make_pool(recipe, D), scale, recipe, bias, step=3, piece=piece)
    chosen = _chosen(torch.tensor(OWNERS), B, 3).tolist()
    theirs = pictures_oracle(local, scale, recipe, bias, chosen)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, leaves), torch.autograd.grad(theirs, leaves))


def test_of_every_picture_one_sentence_is_chosen_and_others_at_other_steps() -> None:
    owners = torch.arange(40) // 4
    chosen = [_chosen(owners, 10, step) for step in range(60)]
    assert all(owners[mask].tolist() == list(range(10)) for mask in chosen)
    assert torch.equal(chosen[0], _chosen(owners, 10, 0))
    assert torch.stack(chosen).any(0).all()


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_in_chunks_of_pictures_it_is_the_same(chunk: int) -> None:
    random = torch.Generator().manual_seed(0)
    patches = torch.randn(B, M, D, generator=random, dtype=torch.float64, requires_grad=True)
    sentences = unit(8, D, 1).requires_grad_()
    weights = torch.randn(8, D, generator=random, dtype=torch.float64)

    def run(size: int) -> tuple[Tensor, ...]:
        region = pool_regions(patches, sentences, torch.tensor(OWNERS), SparsePool(), size)
        return region, *torch.autograd.grad((region * weights).sum(), (patches, sentences))

    torch.testing.assert_close(run(chunk), run(1000))


def test_a_sentence_looks_at_its_own_picture_only() -> None:
    random = torch.Generator().manual_seed(0)
    patches, sentences = torch.randn(2, 4, 3, generator=random), unit(2, 3, 0).float()
    before = pool_regions(patches, sentences, torch.tensor([0, 1]), SparsePool())
    changed = torch.stack([patches[0], torch.randn(4, 3, generator=random)])
    after = pool_regions(changed, sentences, torch.tensor([0, 1]), SparsePool())
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


@pytest.mark.parametrize("contrast", ["regions", "pictures"])
def test_a_batch_without_a_sentence_costs_nothing(contrast: str) -> None:
    patches = torch.randn(2, 4, 3, requires_grad=True)
    nothing = torch.zeros(0, dtype=torch.long)
    local = LocalFeatures(patches, torch.zeros(0, 3), nothing, nothing, nothing)
    recipe, scale = recipes(contrast=contrast), torch.tensor(3.0)
    if contrast == "regions":
        loss = contrast_regions(local, SparsePool(), scale, recipe, softmax, None, whole=False)
    else:
        loss = contrast_pictures(local, SparsePool(), scale, recipe, None, step=0)
    assert loss == 0
    loss.backward()
    assert patches.grad is None or torch.equal(patches.grad, torch.zeros_like(patches))


@pytest.mark.parametrize("count", [3, CHUNK + 5])
def test_sentences_are_near_by_the_spread_of_different_ones(count: int) -> None:
    """A sentence's similarity to itself, always 1, has no part in mean and deviation."""
    drawn_ND = torch.randn(count, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sentence_ND = F.normalize(drawn_ND, dim=1)
    pair_P = (sentence_ND @ sentence_ND.T)[~torch.eye(count, dtype=torch.bool)]
    least = _least(sentence_ND, LocalRecipe(mining=True, mining_delta=1.5), even_share(count))
    torch.testing.assert_close(least, pair_P.mean() + 1.5 * pair_P.std(correction=0))
