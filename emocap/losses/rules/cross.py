"""Positives of an image by the similarity of texts, of a text by that of images: equation (3) of our reading."""

# Tested in tests/losses/test_mining.py.

from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.mining import by_similarity, score, similarity
from emocap.losses.recipe import MiningRecipe
from emocap.losses.registry import Mined, MiningRule


def _mine(image_ND: Tensor, text_ND: Tensor, label_N: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
    image_QN, text_QN = similarity(image_ND, share), similarity(text_ND, share)
    image_score_QN, text_score_QN = score(image_QN, recipe, share), score(text_QN, recipe, share)
    return by_similarity(image_QN, text_QN, image_score_QN, text_score_QN, recipe, share)


RULE = MiningRule("cross", _mine)
