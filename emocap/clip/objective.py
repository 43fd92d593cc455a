"""The objective of EmoCapCLIP: equation (1) of our reading."""

import math
from dataclasses import fields, replace
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather

from emocap.clip.batch import Features
from emocap.clip.contrast import contrast, contrast_groups
from emocap.clip.local import pool_regions
from emocap.clip.mining import precision, same, targets
from emocap.clip.recipe import ObjectiveRecipe


def gather(features: Features) -> Features:
    """The features of all ranks: every rank then computes the whole loss."""
    if not dist.is_initialized():
        return features

    def all_of(value_N: Tensor) -> Tensor:
        counts = [torch.zeros(1, dtype=torch.int64, device=value_N.device) for _ in range(dist.get_world_size())]
        dist.all_gather(counts, torch.tensor([len(value_N)], device=value_N.device))
        padded = torch.cat([value_N, value_N.new_zeros(int(max(counts)) - len(value_N), *value_N.shape[1:])])
        found: Any = all_gather(padded) if value_N.is_floating_point() else [torch.zeros_like(padded) for _ in counts]
        if not value_N.is_floating_point():
            dist.all_gather(found, padded)
        return torch.cat([part[: int(count)] for part, count in zip(found, counts, strict=True)])

    def each(value: Any) -> Any:
        told = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{k: all_of(v) if isinstance(v, Tensor) else v and each(v) for k, v in told.items()})

    gathered: Features = each(features)
    if gathered.local and features.local:
        shift_N = torch.full_like(features.local.owner_N, dist.get_rank() * len(features.image_BD))
        owner_N = all_of(features.local.owner_N + shift_N)
        gathered = replace(gathered, local=replace(gathered.local, owner_N=owner_N))
    return gathered


class Objective(nn.Module):
    """L = λ_g · C(v, g; W) + λ_s · C(v, s; W) + λ_l · L_local.

    Holds the one parameter that is not part of the model: the local term's own logit scale.
    """

    def __init__(self, recipe: ObjectiveRecipe, width: int = 0) -> None:
        super().__init__()
        self.recipe = recipe
        self.local_logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, features: Features, logit_scale: Tensor, step: int) -> tuple[Tensor, dict[str, Any]]:
        """The loss, a scalar, and its parts for the log.

        logit_scale: the model's, as a logarithm. step: mining begins after its warm-up. label_B: class numbers where
        they are known, negative elsewhere; they only serve to log how precise the mining is.
        """
        recipe, f = self.recipe, gather(features)
        label_B = f.label_B
        scale = logit_scale.exp()
        mining = recipe.mining
        if step < mining.warmup:
            mining = mining.model_copy(update={"rule": "off"})
        image_BD, guide_BD = f.image_BD, F.normalize(f.global_BD + f.summary_BD, dim=-1)
        if f.guide:
            image_BD, guide_BD = f.guide.image_BD, f.guide.text_BD
        loss = torch.zeros((), device=f.image_BD.device)
        told: dict[str, float] = {"logit_scale": float(scale.detach())}
        for name, weight, text_BD, group_B in (
            ("global", recipe.global_weight, f.global_BD, f.global_group_B),
            ("summary", recipe.summary_weight, f.summary_BD, f.summary_group_B),
        ):
            if weight:
                base_BB = same(group_B)
                image_BB, text_BB = targets(image_BD, guide_BD, base_BB, mining)
                part = contrast(f.image_BD, text_BD, scale, image_BB, text_BB)
                loss = loss + weight * part
                told[name] = float(part.detach())
                if mining.rule != "off":
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
