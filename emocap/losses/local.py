"""The local branch: every local sentence finds its region among the patches. Equation (4) of our reading.

Two contrasts: of the regions with the sentences that pooled them, or of whole pictures, each pooled by every sentence.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from emocap.losses.contrast import CHUNK, RowLoss, Rows, contrast_rows
from emocap.losses.features import LocalFeatures
from emocap.losses.gather import RowPartition, even_share, uneven_share
from emocap.losses.pooling import Pool
from emocap.losses.recipe import LocalRecipe

PIECE = 2**24
"""Numbers in the regions of the pictures that are pooled together by all sentences, C×N×D."""


def contrast_regions(
    local: LocalFeatures,
    pool: Pool,
    scale: Tensor,
    recipe: LocalRecipe,
    loss: RowLoss,
    offset: Tensor | None,
    whole: bool,
) -> Tensor:
    """C(u, l; W') over the N sentences of all ranks and the region that each pools from its own picture.

    scale, offset: the logit scale τ and what is added to the logits, scalars. whole: every rank computes all rows.
    """
    share = uneven_share(len(local.sentence_ND), local.sentence_ND.device, whole)
    region_QD = pool_regions(local.patch_BMD, local.sentence_ND, local.owner_N, pool)
    region_ND, sentence_ND = share.gather(torch.stack([region_QD, local.sentence_ND], dim=1)).unbind(1)
    joined = joins(sentence_ND, share.gather(local.group_N), share.gather(local.region_N), recipe, share)

    def target(rows: slice) -> Tensor:
        joined_CN = joined(rows)
        return joined_CN / joined_CN.sum(1, keepdim=True)

    forth = contrast_rows(region_ND[share.rows], sentence_ND, scale, target, loss, offset)
    back = contrast_rows(sentence_ND[share.rows], region_ND, scale, target, loss, offset)
    return share.mean(forth + back) / 2


def contrast_pictures(
    local: LocalFeatures,
    pool: Pool,
    scale: Tensor,
    recipe: LocalRecipe,
    offset: Tensor | None,
    step: int,
    piece: int = PIECE,
) -> Tensor:
    """Pictures beside sentences, where every sentence pools every picture: FLAIR's contrast (arXiv 2412.03561).

    logit_in = τ · u_in·l_n, u_in = picture i pooled by sentence n; positives are a picture's own sentences and those
    that W' joins to them. Softmax in both directions where ``offset`` is None, else SigLIP's sigmoid over all pairs.
    step: seeds the choice of ``candidates: one``. Patches stay on their rank, which computes its own pictures' rows;
    pictures go in pieces, which the backward pass computes again.
    """
    device = local.sentence_ND.device
    pictures, share = even_share(len(local.patch_BMD)), uneven_share(len(local.sentence_ND), device)
    sentence_ND = share.gather(local.sentence_ND)
    owner_N = share.gather(local.owner_N + pictures.held.start)
    visible_BN = owner_N == torch.arange(pictures.total, device=device)[pictures.held, None]
    joined = joins(sentence_ND, share.gather(local.group_N), share.gather(local.region_N), recipe, share)
    positive_BN = torch.zeros_like(visible_BN, dtype=torch.uint8)
    for first in range(0, len(local.owner_N), CHUNK):
        rows = slice(first, first + CHUNK)
        positive_BN.index_add_(0, local.owner_N[rows], joined(rows).byte())
    visible_BN |= _chosen(owner_N, pictures.total, step) if recipe.candidates == "one" else True
    positive_BN = (positive_BN > 0) & visible_BN
    count_N = share.total_of(positive_BN.sum(0))

    def part(rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Over some pictures: the loss of the rows, the positives' weighted logits, log Σ exp over each column."""
        patch_CMD, positive_CN, visible_CN = local.patch_BMD[rows], positive_BN[rows], visible_BN[rows]
        region_CND = F.normalize(pool(patch_CMD, sentence_ND.expand(len(patch_CMD), -1, -1)), dim=-1)
        logit_CN = scale * (region_CND * sentence_ND).sum(-1)
        if offset is not None:
            logit_CN = logit_CN + offset
            pair_CN = F.logsigmoid(torch.where(positive_CN, logit_CN, -logit_CN))
            return -pair_CN.where(visible_CN, 0).sum(), logit_CN.new_zeros(()), logit_CN.new_zeros(len(owner_N))
        seen_CN = logit_CN.masked_fill(~visible_CN, -torch.inf)
        weight_CN = positive_CN / positive_CN.sum(1, keepdim=True).clamp_min(1)
        # A picture without sentences has no positives, and may have nothing to choose from.
        row_C = seen_CN.logsumexp(1).where(positive_CN.any(1), 0) - (weight_CN * logit_CN).sum(1)
        return row_C.sum(), (positive_CN / count_N * logit_CN).sum(), seen_CN.logsumexp(0)

    size = max(1, piece // max(1, sentence_ND.numel()))
    pieces = [slice(first, first + size) for first in range(0, len(local.patch_BMD), size)]
    if len(pieces) == 1:
        parts = [part(pieces[0])]
    else:
        parts = [checkpoint(part, rows, use_reentrant=False, preserve_rng_state=False) for rows in pieces]
    row_P, right_P, column_PN = (torch.stack(made) for made in zip(*parts, strict=True))
    if offset is not None:
        return pictures.mean(row_P.sum())
    column_N = even_share(1).gather(column_PN.logsumexp(0, keepdim=True)).logsumexp(0)
    return (pictures.mean(row_P.sum()) + share.mean(column_N[share.held].sum() - right_P.sum())) / 2


def pool_regions(patch_BMD: Tensor, sentence_ND: Tensor, owner_N: Tensor, pool: Pool, chunk: int = 256) -> Tensor:
    """u: for every sentence the region of its own picture that it picks out, N×D, L2-normalised.

    patch_BMD: projected patch tokens. sentence_ND: L2-normalised sentence embeddings. owner_N: which of the B pictures
    a sentence belongs to. Beyond ``chunk`` pictures the backward pass computes the regions again, so that no second
    copy of all patches is kept.
    """
    place_N, most = _positions(owner_N, len(patch_BMD))
    sentence_BKD = patch_BMD.new_zeros(len(patch_BMD), most, patch_BMD.shape[2])
    sentence_BKD = sentence_BKD.index_put((owner_N, place_N), sentence_ND.to(patch_BMD.dtype))
    if len(patch_BMD) <= chunk:
        region_BKD = pool(patch_BMD, sentence_BKD)
    else:
        pairs = zip(patch_BMD.split(chunk), sentence_BKD.split(chunk), strict=True)
        region_BKD = torch.cat([checkpoint(pool, *pair, use_reentrant=False) for pair in pairs])
    return F.normalize(region_BKD[owner_N, place_N], dim=-1)


def joins(sentence_ND: Tensor, group_N: Tensor, region_N: Tensor, recipe: LocalRecipe, share: RowPartition) -> Rows:
    """Which sentences W' joins, a few rows of this rank's Q×N at a time: themselves, equal ones, and mined ones."""
    sentence_ND = sentence_ND.detach()
    number_N = torch.arange(share.total, device=sentence_ND.device)
    number_Q = number_N[share.rows]
    least = _least(sentence_ND, recipe, share) if recipe.mining else None

    def rows(rows: slice) -> Tensor:
        number_C = number_Q[rows]
        joined_CN = number_C[:, None] == number_N
        if recipe.join_equal:
            joined_CN |= group_N[number_C, None] == group_N
        if least is not None:
            near_CN = sentence_ND[number_C] @ sentence_ND.T >= least
            joined_CN |= near_CN & (region_N[number_C, None] == region_N)
        return joined_CN

    return rows


@torch.no_grad()
def _least(sentence_ND: Tensor, recipe: LocalRecipe, share: RowPartition) -> Tensor:
    """The cosine that stands δ_l standard deviations above the mean over pairs of different sentences."""
    pairs = max(1, share.total * (share.total - 1))
    mean = (sentence_ND.sum(0).square().sum() - sentence_ND.square().sum()) / pairs
    squares = torch.zeros_like(mean)
    for query_CD in sentence_ND[share.rows].split(CHUNK):
        squares += (query_CD @ sentence_ND.T - mean).square().sum()
    squares = share.total_of(squares) - (sentence_ND.square().sum(1) - mean).square().sum()  # less those of themselves
    return mean + recipe.mining_delta * (squares / pairs).clamp_min(0).sqrt()


def _positions(owner_N: Tensor, pictures: int) -> tuple[Tensor, int]:
    """For every sentence how many of its picture stand before it, and the most that a picture has, or 1."""
    order_N = owner_N.argsort(stable=True)
    count_B = owner_N.bincount(minlength=pictures)
    first_B = count_B.cumsum(0) - count_B
    place_N = torch.empty_like(owner_N)
    place_N[order_N] = torch.arange(len(owner_N), device=owner_N.device) - first_B[owner_N[order_N]]
    return place_N, max(1, int(count_B.max()))


def _chosen(owner_N: Tensor, pictures: int, step: int) -> Tensor:
    """One sentence of every picture, drawn anew at every step and alike on all ranks, as a mask."""
    drawn_B = torch.rand(pictures, generator=torch.Generator().manual_seed(step)).to(owner_N.device)
    count_B = owner_N.bincount(minlength=pictures)
    return _positions(owner_N, pictures)[0] == (drawn_B * count_B).long()[owner_N]
