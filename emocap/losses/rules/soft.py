"""Every other sample is a positive, by the softmax of the other modality's similarity."""

# Tested in tests/losses/test_mining.py.

from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.mining import others, similarity, weights
from emocap.losses.recipe import MiningRecipe
from emocap.losses.registry import Mined, MiningRule


def _mine(image_ND: Tensor, text_ND: Tensor, label_N: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
    image_QN, text_QN = similarity(image_ND, share), similarity(text_ND, share)
    other_QN = others(share, text_QN)
    by_text_QN, by_image_QN = (weights(one, other_QN, recipe.temperature) for one in (text_QN, image_QN))
    return Mined(image_QN=by_text_QN, text_QN=by_image_QN)


RULE = MiningRule("soft", _mine)
