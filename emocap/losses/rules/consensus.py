"""Positives by the smaller of the similarities of images and of texts."""

# Tested in tests/losses/test_mining.py.

import torch
from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.mining import by_similarity, score, similarity
from emocap.losses.recipe import MiningRecipe
from emocap.losses.registry import Mined, MiningRule


def _mine(image_ND: Tensor, text_ND: Tensor, label_N: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
    image_QN, text_QN = similarity(image_ND, share), similarity(text_ND, share)
    image_score_QN, text_score_QN = score(image_QN, recipe, share), score(text_QN, recipe, share)
    both_QN, score_QN = torch.minimum(image_QN, text_QN), torch.minimum(image_score_QN, text_score_QN)
    return by_similarity(both_QN, both_QN, score_QN, score_QN, recipe, share)


RULE = MiningRule("consensus", _mine)
