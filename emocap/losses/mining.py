"""Cross-modal guided positive mining: equation (3) of our reading.

From a guide to targets, for Q queries of this rank over the N samples of the batch: ``similarity`` → ``score``
(standardised) → what a rule makes of it (``rules/``), mostly by ``candidates`` (threshold, top-k, mutual) and
``weights`` → ``mix`` with what is positive anyway. Nothing here carries a gradient.
"""

import torch
from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.recipe import MiningRecipe
from emocap.losses.registry import RULES, Mined


def same(group_N: Tensor, rows: slice = slice(None)) -> Tensor:
    """Targets that join equal texts: Q×N, row i spreads 1 evenly over the samples with the group number of i.

    Equal captions are the plainest false negatives.
    """
    equal_QN = group_N[rows, None] == group_N
    return equal_QN / equal_QN.sum(1, keepdim=True)


@torch.no_grad()
def mine(image_ND: Tensor, text_ND: Tensor, label_N: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
    """Positives of image queries and of text queries; the rule is any but off.

    image_ND, text_ND: the guides of all ranks, L2-normalised. label_N: class numbers, negative if unknown.
    """
    return RULES[recipe.rule].mine(image_ND, text_ND, label_N, recipe, share)


def by_similarity(
    image_QN: Tensor,
    text_QN: Tensor,
    image_score_QN: Tensor,
    text_score_QN: Tensor,
    recipe: MiningRecipe,
    share: RowPartition,
) -> Mined:
    """Positives of images by the similarity of texts and the other way round, from similarities and their scores."""
    by_text_QN = weights(text_QN, candidates(text_score_QN, recipe, share), recipe.temperature)
    by_image_QN = weights(image_QN, candidates(image_score_QN, recipe, share), recipe.temperature)
    return Mined(image_QN=by_text_QN, text_QN=by_image_QN)


def similarity(guide_ND: Tensor, share: RowPartition) -> Tensor:
    """Cosines of this rank's queries to all samples, Q×N."""
    return guide_ND[share.rows] @ guide_ND.T


def score(similarity_QN: Tensor, recipe: MiningRecipe, share: RowPartition) -> Tensor:
    """z: similarities in standard deviations from the mean over the other pairs, of the batch or of the row."""
    other_QN = others(share, similarity_QN)
    if share.total < 3:
        return torch.zeros_like(similarity_QN)  # one pair is no distribution
    count = share.total - 1
    mean = similarity_QN.where(other_QN, 0).sum(1, keepdim=True) / count
    if recipe.standardise == "batch":
        mean = share.total_of(mean.sum()) / share.total
    variance = (similarity_QN - mean).square().where(other_QN, 0).sum(1, keepdim=True) / count
    if recipe.standardise == "batch":
        variance = share.total_of(variance.sum()) / share.total
    return (similarity_QN - mean) / variance.sqrt().clamp_min(1e-6)


def candidates(score_QN: Tensor, recipe: MiningRecipe, share: RowPartition) -> Tensor:
    """N_i as a mask, Q×N: at least δ, the k best (with all that equal the last of them), mutual where asked for."""
    candidate_QN = others(share, score_QN)
    if recipe.delta is not None:
        candidate_QN &= score_QN >= recipe.delta
    if recipe.k is not None and recipe.k < share.total:
        ranked_QN = score_QN.masked_fill(~candidate_QN, -torch.inf)
        candidate_QN &= ranked_QN >= ranked_QN.topk(recipe.k, dim=1).values[:, -1:]
    if recipe.mutual:
        candidate_QN &= share.gather_rows(candidate_QN.byte()).T[share.rows] > 0
    return candidate_QN


def weights(similarity_QN: Tensor, candidate_QN: Tensor, temperature: float) -> Tensor:
    """How a query divides 1 among its candidates: the softmax of similarity / τ_m. Rows without any are 0."""
    return (similarity_QN / temperature).masked_fill(~candidate_QN, -torch.inf).softmax(1).nan_to_num()


def mix(base_QN: Tensor, mined_QN: Tensor, alpha: float) -> Tensor:
    """W: a row keeps 1 − α of its base and gives α to what is mined for it; one without finds stays its base."""
    found_Q1 = (mined_QN > 0).any(1, keepdim=True)
    return torch.where(found_Q1, (1 - alpha) * base_QN + alpha * mined_QN, base_QN)


def others(share: RowPartition, like: Tensor) -> Tensor:
    """Which samples are others than the query: Q×N."""
    number_N = torch.arange(share.total, device=like.device)
    return number_N[share.rows, None] != number_N


def agreement(mined_QN: Tensor, base_QN: Tensor, label_N: Tensor, share: RowPartition) -> dict[str, Tensor]:
    """How mining agrees with the labels: precision, recall, both averaged over classes, and how many it finds.

    Only what is mined beyond the base counts, and only between samples with labels. precision: share of the mined
    weight that lies on the query's own class. recall: share of the pairs of a class, without those of the base, that
    are mined: that have more weight than they would if it were spread over the whole batch. Classes are those of the
    queries; nan where there is nothing to measure.
    """
    known_QN = (label_N[share.rows, None] >= 0) & (label_N >= 0) & (base_QN == 0)
    agree_QN = known_QN & (label_N[share.rows, None] == label_N)
    weight_QN = mined_QN.where(known_QN, 0)
    found_QN = mined_QN > 1 / share.total
    measured_4Q = torch.stack(
        [
            weight_QN.where(agree_QN, 0).sum(1),
            weight_QN.sum(1),
            (agree_QN & found_QN).sum(1),
            agree_QN.sum(1),
        ]
    )
    # The place of a label's first appearance among the sorted ones numbers the classes without asking the device.
    class_N = torch.searchsorted(label_N.sort().values, label_N)
    per_class_4N = measured_4Q.new_zeros(4, share.total).index_add(1, class_N[share.rows], measured_4Q)
    right_N, weight_N, hit_N, pair_N = share.total_of(per_class_4N)
    found = share.total_of((found_QN & (base_QN == 0)).sum())
    return {
        "precision": right_N.sum() / weight_N.sum(),
        "recall": hit_N.sum() / pair_N.sum(),
        "precision_macro": (right_N / weight_N).nanmean(),
        "recall_macro": (hit_N / pair_N).nanmean(),
        "per_query": found / share.total,
    }
