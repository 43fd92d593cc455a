"""The objective of EmoCapCLIP: equation (1) of our reading."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocap.clip.contrast import contrast, contrast_groups
from emocap.clip.local import pool_regions
from emocap.clip.mining import precision, same, targets
from emocap.clip.recipe import ObjectiveRecipe


@dataclass(frozen=True)
class LocalFeatures:
    """The N local sentences of a batch and the patches that they speak of."""

    patch_BMD: Tensor
    """Projected patch tokens."""
    sentence_ND: Tensor
    """L2-normalised."""
    owner_N: Tensor
    """Which of the B samples a sentence belongs to."""
    group_N: Tensor
    """Equal numbers: equal sentences."""


@dataclass(frozen=True)
class Features:
    """What the towers made of a batch of B samples; embeddings are L2-normalised."""

    image_BD: Tensor
    global_BD: Tensor
    summary_BD: Tensor
    global_group_B: Tensor
    """Equal numbers: equal texts."""
    summary_group_B: Tensor
    local: LocalFeatures | None = None


class Objective(nn.Module):
    """L = λ_g · C(v, g; W) + λ_s · C(v, s; W) + λ_l · L_local.

    Holds the one parameter that is not part of the model: the local term's own logit scale.
    """

    def __init__(self, recipe: ObjectiveRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.local_logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(
        self, features: Features, logit_scale: Tensor, step: int, label_B: Tensor | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss, a scalar, and its parts for the log.

        logit_scale: the model's, as a logarithm. step: mining begins after its warm-up. label_B: class numbers where
        they are known, negative elsewhere; they only serve to log how precise the mining is.
        """
        recipe, f = self.recipe, features
        scale = logit_scale.exp()
        mining = recipe.mining
        if step < mining.warmup:
            mining = mining.model_copy(update={"rule": "off"})
        guide_BD = F.normalize(f.global_BD + f.summary_BD, dim=-1)
        loss = torch.zeros((), device=f.image_BD.device)
        told: dict[str, float] = {"logit_scale": float(scale.detach())}
        for name, weight, text_BD, group_B in (
            ("global", recipe.global_weight, f.global_BD, f.global_group_B),
            ("summary", recipe.summary_weight, f.summary_BD, f.summary_group_B),
        ):
            if weight:
                base_BB = same(group_B)
                image_BB, text_BB = targets(f.image_BD, guide_BD, base_BB, mining)
                part = contrast(f.image_BD, text_BD, scale, image_BB, text_BB)
                loss = loss + weight * part
                told[name] = float(part.detach())
                if mining.rule != "off" and label_B is not None:
                    told["mined_precision"] = precision(image_BB, base_BB, label_B)
                    told["mined_per_query"] = float(((image_BB > 0) & (base_BB == 0)).sum(1).float().mean())
        if recipe.local_weight and f.local:
            region_ND = pool_regions(f.local.patch_BMD, f.local.sentence_ND, f.local.owner_N, recipe.local)
            local_scale = self.local_logit_scale.exp()
            part = contrast_groups(region_ND, f.local.sentence_ND, local_scale, f.local.group_N)
            loss = loss + recipe.local_weight * part
            told |= {"local": float(part.detach()), "local_logit_scale": float(local_scale.detach())}
        told["loss"] = float(loss.detach())
        return loss, told
