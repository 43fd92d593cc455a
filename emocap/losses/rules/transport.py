"""Positives by a transport plan, in which every sample is as much of a positive as any other."""

# Tested in tests/losses/test_mining.py.

from dataclasses import replace

import torch
from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.mining import score, similarity
from emocap.losses.recipe import MiningRecipe
from emocap.losses.registry import Mined, MiningRule

_SINKHORN_ROUNDS = 10


def _mine(image_ND: Tensor, text_ND: Tensor, label_N: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
    by_text_QN = transport(text_ND, recipe, share)
    return Mined(by_text_QN, by_text_QN if recipe.by == "text" else transport(image_ND, recipe, share))


def transport(guide_ND: Tensor, recipe: MiningRecipe, share: RowPartition) -> Tensor:
    """How queries divide 1 among all samples when every sample is to receive as much, Q×N.

    Entropic optimal transport between the batch and itself (Cuturi 2013), nobody being carried to itself:
    exp(z / τ_m), whose columns and rows are brought to sum to 1 in turn (Sinkhorn), rows last. A threshold serves the
    classes that are many; in a plan a rare sample is found by the few that are like it, and the many cannot be
    everybody's positives. Every rank makes the whole plan of N×N. Our reading.
    """
    if share.total < 3:
        return torch.zeros_like(similarity(guide_ND, share))  # there is no choice
    whole = replace(share, whole=True)
    log_NN = score(similarity(guide_ND, whole), recipe, whole) / recipe.temperature
    log_NN = log_NN.fill_diagonal_(-torch.inf)
    for _ in range(_SINKHORN_ROUNDS):
        log_NN = log_NN.log_softmax(0).log_softmax(1)
    return log_NN[share.rows].exp().nan_to_num()


RULE = MiningRule("transport", _mine)
