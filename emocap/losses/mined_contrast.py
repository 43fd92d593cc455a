"""Contrast of images and texts with mined positives, for anybody's training loop.

loss = MinedContrastLoss(rule="transport")
loss(image, text).backward()
"""

# Tested in tests/test_api.py.

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocap.core.recipes import check
from emocap.losses.contrast import contrast_rows
from emocap.losses.gather import even_share
from emocap.losses.mining import mine, mix
from emocap.losses.recipe import MiningRecipe


class MinedContrastLoss(nn.Module):
    """CLIP's loss in which other samples of a batch that mean the same are positives too; equations (2) and (3) of our
    reading (docs/method.md).

    Under ``torch.distributed`` the batch is that of all ranks, and the gradient, averaged over the ranks, is that of
    one process on the whole batch.
    """

    def __init__(self, rule: str = "transport", **mining: Any) -> None:
        """Rule and mining: keys of :class:`emocap.losses.recipe.MiningRecipe`, such as ``alpha`` or ``k``. Raises
        UserError for a key or a value that does not exist.
        """
        super().__init__()
        self.recipe = check(MiningRecipe, {"rule": rule, **mining}, "MinedContrastLoss")
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        """The logarithm of the logit scale; learned, and CLIP keeps it below log 100."""

    def forward(
        self, image_BD: Tensor, text_BD: Tensor, label_B: Tensor | None = None, logit_scale: Tensor | None = None
    ) -> Tensor:
        """A scalar, from B×D embeddings of images and of their texts, normalised or not.

        label_B: class numbers, negative where unknown, which ``rule="labels"`` needs. logit_scale: the model's own, as
        a logarithm, in place of this module's.
        """
        share = even_share(len(image_BD))
        pair_B2D = torch.stack([F.normalize(image_BD, dim=-1), F.normalize(text_BD, dim=-1)], dim=1)
        image_ND, text_ND = share.gather(pair_B2D).unbind(1)
        label_B = torch.full_like(image_BD[:, 0], -1, dtype=torch.int64) if label_B is None else label_B
        label_N = share.gather(label_B.contiguous())
        scale = (self.logit_scale if logit_scale is None else logit_scale).exp()
        image_QN = text_QN = torch.eye(share.total, device=image_BD.device, dtype=image_ND.dtype)[share.rows]
        if self.recipe.rule != "off":
            with torch.no_grad():
                mined = mine(image_ND.detach(), text_ND.detach(), label_N, self.recipe, share)
            image_QN = mix(image_QN, mined.image_QN, self.recipe.alpha)
            text_QN = mix(text_QN, mined.text_QN, self.recipe.alpha)
        forth = contrast_rows(image_ND[share.rows], text_ND, scale, image_QN)
        back = contrast_rows(text_ND[share.rows], image_ND, scale, text_QN)
        return share.mean(forth + back) / 2
