"""Softmax pooling with a temperature."""

# Tested in tests/losses/test_pooling.py.

import torch.nn.functional as F
from torch import Tensor, nn

from emocap.losses.registry import PoolType


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


POOL = PoolType("softmax", lambda recipe, width: SoftmaxPool(recipe.temperature))
