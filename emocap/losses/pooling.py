"""How a text picks its region out of the patches of a picture: a_m and u of equation (4) of our reading.

A pool takes the patches of C pictures, C×M×D, and K texts for each, C×K×D (L2-normalised), and gives C×K×D regions.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from emocap.core.errors import UserError
from emocap.losses.recipe import LocalRecipe

Pool = Callable[[Tensor, Tensor], Tensor]


def make_pool(recipe: LocalRecipe, width: int) -> nn.Module:
    """The pool of a recipe for embeddings of a width. Raises UserError where the heads do not divide it."""
    if recipe.pool == "attention":
        if width % recipe.heads:
            raise UserError(f"objective.local.heads: {recipe.heads} heads do not divide embeddings of {width}")
        return AttentionPool(width, recipe.heads)
    return SoftmaxPool(recipe.temperature) if recipe.pool == "softmax" else SparsePool()


class SparsePool(nn.Module):
    """Similarities scaled to 0..1 over the patches, zero below 1/M, renormalised: DreamLIP's (arXiv 2403.17007).

    Patches are L2-normalised first (our reading).
    """

    def forward(self, patch_CMD: Tensor, text_CKD: Tensor) -> Tensor:
        """Regions, C×K×D."""
        patch_CMD = F.normalize(patch_CMD, dim=-1)
        similarity_CKM = text_CKD @ patch_CMD.transpose(1, 2)
        low_CK1, high_CK1 = similarity_CKM.amin(-1, keepdim=True), similarity_CKM.amax(-1, keepdim=True)
        scaled_CKM = (similarity_CKM - low_CK1) / (high_CK1 - low_CK1).clamp_min(1e-6)
        kept_CKM = scaled_CKM * (scaled_CKM >= 1 / scaled_CKM.shape[-1])
        return kept_CKM / kept_CKM.sum(-1, keepdim=True).clamp_min(1e-6) @ patch_CMD


class SoftmaxPool(nn.Module):
    """The softmax over patches of similarity / temperature; patches are L2-normalised first (our reading)."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, patch_CMD: Tensor, text_CKD: Tensor) -> Tensor:
        """Regions, C×K×D."""
        patch_CMD = F.normalize(patch_CMD, dim=-1)
        similarity_CKM = text_CKD @ patch_CMD.transpose(1, 2)
        return (similarity_CKM / self.temperature).softmax(-1) @ patch_CMD


class AttentionPool(nn.Module):
    """Text-conditioned attention of several heads: FLAIR's (arXiv 2412.03561, equation 1).

    The text is the query, the patches and one zero token, which a text that is nowhere can attend to, are keys and
    values. Layer norms before the projections are our reading.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.text_norm, self.patch_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, patch_CMD: Tensor, text_CKD: Tensor) -> Tensor:
        """Regions, C×K×D."""
        patch_CMD = F.pad(self.patch_norm(patch_CMD), (0, 0, 0, 1))
        query_CKD = self.query(self.text_norm(text_CKD))
        pooled_CHKE = F.scaled_dot_product_attention(
            self._split(query_CKD), self._split(self.key(patch_CMD)), self._split(self.value(patch_CMD))
        )
        region_CKD: Tensor = self.out(pooled_CHKE.transpose(1, 2).flatten(2))
        return region_CKD

    def _split(self, x_CND: Tensor) -> Tensor:
        """C × H heads × N × E, E = D / H."""
        return x_CND.reshape(*x_CND.shape[:2], self.heads, -1).transpose(1, 2)
