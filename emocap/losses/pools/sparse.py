"""Sparse pooling, as in DreamLIP."""

# Tested in tests/losses/test_pooling.py.

import torch.nn.functional as F
from torch import Tensor, nn

from emocap.losses.registry import PoolType


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


POOL = PoolType("sparse", lambda recipe, width: SparsePool())
