"""The local branch: every local sentence finds its region among the patches. Equation (4) of our reading."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from emocap.clip.recipe import LocalRecipe


def pool_regions(
    patch_BMD: Tensor, sentence_ND: Tensor, owner_N: Tensor, recipe: LocalRecipe, chunk: int = 256
) -> Tensor:
    """u: for every sentence the region of its own picture that it picks out, N×D, L2-normalised.

    patch_BMD: projected patch tokens, normalised here (our reading). sentence_ND: L2-normalised sentence embeddings.
    owner_N: which of the B pictures a sentence belongs to. Beyond ``chunk`` pictures the backward pass computes the
    regions again, so that no second copy of all patches is kept.
    """
    place_N = _places(owner_N)
    sentence_BKD = patch_BMD.new_zeros(len(patch_BMD), int(place_N.max()) + 1, patch_BMD.shape[2])
    sentence_BKD = sentence_BKD.index_put((owner_N, place_N), sentence_ND.to(patch_BMD.dtype))
    if len(patch_BMD) <= chunk:
        region_BKD = _pool(patch_BMD, sentence_BKD, recipe)
    else:
        pairs = zip(patch_BMD.split(chunk), sentence_BKD.split(chunk), strict=True)
        region_BKD = torch.cat([checkpoint(_pool, *pair, recipe, use_reentrant=False) for pair in pairs])
    return F.normalize(region_BKD[owner_N, place_N], dim=-1)


def _pool(patch_BMD: Tensor, sentence_BKD: Tensor, recipe: LocalRecipe) -> Tensor:
    patch_BMD = F.normalize(patch_BMD, dim=-1)
    similarity_BKM = sentence_BKD @ patch_BMD.transpose(1, 2)
    if recipe.pool == "softmax":
        weight_BKM = (similarity_BKM / recipe.temperature).softmax(-1)
    else:
        low_BK1, high_BK1 = similarity_BKM.amin(-1, keepdim=True), similarity_BKM.amax(-1, keepdim=True)
        scaled_BKM = (similarity_BKM - low_BK1) / (high_BK1 - low_BK1).clamp_min(1e-6)
        kept_BKM = scaled_BKM * (scaled_BKM >= 1 / scaled_BKM.shape[-1])
        weight_BKM = kept_BKM / kept_BKM.sum(-1, keepdim=True).clamp_min(1e-6)
    return weight_BKM @ patch_BMD


def _places(owner_N: Tensor) -> Tensor:
    """For every sentence how many of its picture stand before it; pictures have different numbers of sentences."""
    order_N = owner_N.argsort(stable=True)
    count_B = owner_N.bincount()
    first_B = count_B.cumsum(0) - count_B
    place_N = torch.empty_like(owner_N)
    place_N[order_N] = torch.arange(len(owner_N), device=owner_N.device) - first_B[owner_N[order_N]]
    return place_N
