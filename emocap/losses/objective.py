"""The objective of EmoCapCLIP: equation (1) of our reading."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocap.core.errors import UserError
from emocap.losses.contrast import contrast_rows
from emocap.losses.features import Features, LocalFeatures
from emocap.losses.gather import RowPartition, add, even_share, world_size
from emocap.losses.local import contrast_pictures, contrast_regions
from emocap.losses.mining import agreement, mine, mix, same
from emocap.losses.pooling import make_pool
from emocap.losses.recipe import ObjectiveRecipe
from emocap.losses.registry import CONTRASTS, Mined
from emocap.losses.reweight import penalties


class Objective(nn.Module):
    """L = λ_g · C(v, g; W) + λ_s · C(v, s; W) + λ_l · L_local.

    Holds the parameters that are not part of the model: the local term's logit scale, a pool that learns, and the
    biases of sigmoid losses. Under several ranks the gradients, averaged over them, and the average of the losses are
    those of one process on the whole batch.
    """

    def __init__(self, recipe: ObjectiveRecipe, width: int, logit_bias: nn.Parameter | None = None) -> None:
        """``width``: D, that of the embeddings. ``logit_bias``: the model's, where it has one, as SigLIP's have."""
        super().__init__()
        self.recipe = recipe
        kind = CONTRASTS[recipe.contrast]
        self.loss = kind.loss
        captions, local = recipe.global_weight + recipe.summary_weight > 0, recipe.local_weight > 0
        self.pool = make_pool(recipe.local, width) if local else None
        self.local_logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)), requires_grad=local)
        self.bias = self.local_bias = None
        if kind.first_bias is not None:
            own = nn.Parameter(torch.tensor(kind.first_bias), requires_grad=captions)
            self.bias = own if logit_bias is None else logit_bias
            self.local_bias = nn.Parameter(torch.tensor(kind.first_bias), requires_grad=local)
        elif logit_bias is not None:
            logit_bias.requires_grad_(False)  # no loss of ours moves it

    def forward(self, features: Features, logit_scale: Tensor, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of this rank, a scalar, and what to log: scalars on the device, averaged over the ranks.

        logit_scale: the model's, as a logarithm. step: mining begins after its warm-up. What cannot be measured in a
        batch is nan. Raises UserError where the recipe asks for sentiments and the features have none.
        """
        recipe, f = self.recipe, features
        loss = f.image_BD.new_zeros(())
        logs: dict[str, Tensor] = {}
        if recipe.global_weight or recipe.summary_weight:
            # One exchange between the ranks for all embeddings, one for all numbers.
            share = even_share(len(f.image_BD), whole=recipe.gather == "full")
            embedded_N3D = share.gather(torch.stack([f.image_BD, f.global_BD, f.summary_BD], dim=1))
            number_N3 = share.gather(torch.stack([f.global_group_B, f.summary_group_B, f.label_B], dim=1))
            image_ND, label_N = embedded_N3D[:, 0], number_N3[:, 2].contiguous()
            mined = None
            if recipe.mining.rule != "off" and step >= recipe.mining.warmup:
                mined = mine(*self._guides(f, embedded_N3D, share), label_N, recipe.mining, share)
            pushed = self._pushed(f.sentiment_BC, share)
            scale = logs["logit_scale"] = logit_scale.exp()
            for name, weight, text_ND, group_N in (
                ("global", recipe.global_weight, embedded_N3D[:, 1], number_N3[:, 0]),
                ("summary", recipe.summary_weight, embedded_N3D[:, 2], number_N3[:, 1]),
            ):
                if not weight:
                    continue
                base_QN = same(group_N if recipe.join_equal else torch.arange(share.total).to(group_N), share.rows)
                logs[name] = self._contrast(image_ND, text_ND, scale, base_QN, mined, pushed, share)
                loss = loss + weight * logs[name]
                if mined and "mined_precision" not in logs:
                    for suffix, mined_QN in (("", mined.image_QN), ("_text", mined.text_QN)):
                        agreed = agreement(mined_QN, base_QN, label_N, share)
                        logs |= {f"mined_{measure}{suffix}": value for measure, value in agreed.items()}
        if recipe.local_weight and f.local:
            logs["local_logit_scale"] = self.local_logit_scale.exp()
            logs["local"] = self._local(f.local, step)
            loss = loss + recipe.local_weight * logs["local"]
        logs["loss"] = loss
        return loss, _averaged(logs)

    def _guides(self, f: Features, embedded_N3D: Tensor, share: RowPartition) -> tuple[Tensor, Tensor]:
        """Image and text embeddings that choose positives: those that were given, or the online ones and t̂."""
        if f.guide:
            image_ND, text_ND = share.gather(torch.stack([f.guide.image_BD, f.guide.text_BD], dim=1)).unbind(1)
            return image_ND, text_ND
        image_ND, global_ND, summary_ND = embedded_N3D.unbind(1)
        return image_ND, F.normalize(global_ND + summary_ND, dim=-1)

    def _pushed(self, sentiment_BC: Tensor | None, share: RowPartition) -> tuple[Tensor | None, Tensor | None]:
        """What EmotionCLIP's reweighting takes from the logits of image queries and of text queries."""
        if self.recipe.reweight is None:
            return None, None
        if sentiment_BC is None:
            raise UserError("objective.reweight: the data has no sentiments; leave it null")
        sentiment_NC = share.gather(sentiment_BC)
        return penalties(sentiment_NC[share.rows], sentiment_NC, self.recipe.reweight)

    def _contrast(
        self,
        image_ND: Tensor,
        text_ND: Tensor,
        scale: Tensor,
        base_QN: Tensor,
        mined: Mined | None,
        pushed: tuple[Tensor | None, Tensor | None],
        share: RowPartition,
    ) -> Tensor:
        """C(v, t; W) of this rank."""
        alpha = self.recipe.mining.alpha
        image_QN = mix(base_QN, mined.image_QN, alpha) if mined else base_QN
        text_QN = mix(base_QN, mined.text_QN, alpha) if mined else base_QN
        forth = contrast_rows(image_ND[share.rows], text_ND, scale, image_QN, self.loss, self.bias, pushed[0])
        back = contrast_rows(text_ND[share.rows], image_ND, scale, text_QN, self.loss, self.bias, pushed[1])
        return share.mean(forth + back) / 2

    def _local(self, local: LocalFeatures, step: int) -> Tensor:
        """L_local of this rank."""
        assert self.pool
        recipe, scale = self.recipe.local, self.local_logit_scale.exp()
        if recipe.contrast == "pictures":
            return contrast_pictures(local, self.pool, scale, recipe, self.local_bias, step)
        whole = self.recipe.gather == "full"
        return contrast_regions(local, self.pool, scale, recipe, self.loss, self.local_bias, whole)


def _averaged(logs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The averages over the ranks."""
    mean_T = add(torch.stack([value.detach().float() for value in logs.values()])) / world_size()
    return dict(zip(logs, mean_T, strict=True))
