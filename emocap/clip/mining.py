"""Cross-modal guided positive mining: equation (3) of our reading."""

import torch
from torch import Tensor

from emocap.clip.recipe import MiningRecipe


def same(group_N: Tensor) -> Tensor:
    """Targets that join equal texts: N×N, row i spreads 1 evenly over the samples with the group number of i.

    Equal captions are the plainest false negatives: they are positives of each other whatever the mining does.
    """
    equal_NN = (group_N[:, None] == group_N[None, :]).float()
    return equal_NN / equal_NN.sum(1, keepdim=True)


@torch.no_grad()
def targets(image_ND: Tensor, text_ND: Tensor, base_NN: Tensor, recipe: MiningRecipe) -> tuple[Tensor, Tensor]:
    """W for image queries and for text queries, both N×N with rows that sum to 1. No gradient flows through them.

    image_ND: image embeddings. text_ND: t̂, the guide of the texts. Both L2-normalised. base_NN: the targets without
    mining. A row keeps 1 − α of its base and gives α to what is mined for it; a row for which nothing is found stays
    its base.
    """
    if recipe.rule == "off":
        return base_NN, base_NN
    image_NN, text_NN = image_ND @ image_ND.T, text_ND @ text_ND.T
    if recipe.rule == "consensus":
        image_NN = text_NN = torch.minimum(_standardise(image_NN), _standardise(text_NN))
    return _mine(text_NN, base_NN, recipe), _mine(image_NN, base_NN, recipe)


def _mine(guide_NN: Tensor, base_NN: Tensor, recipe: MiningRecipe) -> Tensor:
    """The targets of queries whose positives the guide chooses."""
    n = len(guide_NN)
    candidate_NN = ~torch.eye(n, dtype=torch.bool, device=guide_NN.device)
    if recipe.rule != "soft":
        score_NN = guide_NN if recipe.rule == "consensus" else _standardise(guide_NN)
        candidate_NN &= score_NN >= recipe.delta
        if recipe.k < n:
            ranked_NN = score_NN.masked_fill(~candidate_NN, -torch.inf)
            candidate_NN &= ranked_NN >= ranked_NN.topk(recipe.k, dim=1).values[:, -1:]
    weight_NN = (guide_NN / recipe.temperature).masked_fill(~candidate_NN, -torch.inf).softmax(1)
    found_N1 = candidate_NN.any(1, keepdim=True)
    mined_NN = (1 - recipe.alpha) * base_NN + recipe.alpha * weight_NN.nan_to_num()
    return torch.where(found_N1, mined_NN, base_NN)


def _standardise(similarity_NN: Tensor) -> Tensor:
    """z: each similarity in standard deviations from the mean over the pairs of different samples."""
    n = len(similarity_NN)
    if n < 3:
        return torch.zeros_like(similarity_NN)  # one pair is no distribution
    other_P = similarity_NN[~torch.eye(n, dtype=torch.bool, device=similarity_NN.device)]
    return (similarity_NN - other_P.mean()) / other_P.std(correction=0).clamp_min(1e-6)


def precision(weight_NN: Tensor, base_NN: Tensor, label_N: Tensor) -> float:
    """Share of the mined weight that lies on samples of the query's own label; nan where nothing was mined.

    label_N: class numbers, negative where a sample has none. Only pairs with both labels count.
    """
    known_NN = (label_N[:, None] >= 0) & (label_N[None, :] >= 0)
    mined_NN = ((weight_NN > 0) & (base_NN == 0) & known_NN).float() * weight_NN
    agree_NN = (label_N[:, None] == label_N[None, :]).float()
    total = mined_NN.sum()
    return float((mined_NN * agree_NN).sum() / total) if total > 0 else float("nan")
