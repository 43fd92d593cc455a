"""Pooling by attention with parameters, as in FLAIR."""

# Tested in tests/losses/test_pooling.py.

import torch.nn.functional as F
from torch import Tensor, nn

from emocap.core.errors import UserError
from emocap.losses.recipe import LocalRecipe
from emocap.losses.registry import PoolType


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


def _make(recipe: LocalRecipe, width: int) -> AttentionPool:
    if width % recipe.heads:
        raise UserError(f"objective.local.heads: {recipe.heads} heads do not divide embeddings of {width}")
    return AttentionPool(width, recipe.heads)


POOL = PoolType("attention", _make)
