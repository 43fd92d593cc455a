"""The local branch: every local sentence finds its region among the patches. Equation (4) of our reading."""

import torch.nn.functional as F
from torch import Tensor

from emocap.clip.recipe import LocalRecipe


def pool_regions(patch_BMD: Tensor, sentence_ND: Tensor, owner_N: Tensor, recipe: LocalRecipe) -> Tensor:
    """u: for every sentence the region of its own picture that it picks out, N×D, L2-normalised.

    patch_BMD: projected patch tokens, normalised here (our reading). sentence_ND: L2-normalised sentence embeddings.
    owner_N: which of the B pictures a sentence belongs to.
    """
    patch_NMD = F.normalize(patch_BMD, dim=-1)[owner_N]
    similarity_NM = (patch_NMD @ sentence_ND[:, :, None]).squeeze(-1)
    if recipe.pool == "softmax":
        weight_NM = (similarity_NM / recipe.temperature).softmax(1)
    else:
        low_N1, high_N1 = similarity_NM.amin(1, keepdim=True), similarity_NM.amax(1, keepdim=True)
        scaled_NM = (similarity_NM - low_N1) / (high_N1 - low_N1).clamp_min(1e-6)
        kept_NM = scaled_NM * (scaled_NM >= 1 / scaled_NM.shape[1])
        weight_NM = kept_NM / kept_NM.sum(1, keepdim=True).clamp_min(1e-6)
    return F.normalize((weight_NM[:, None, :] @ patch_NMD).squeeze(1), dim=-1)
