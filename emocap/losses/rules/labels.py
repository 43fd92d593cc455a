"""Positives by the emotion label: what perfect mining would find."""

# Tested in tests/losses/test_mining.py.

from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.mining import others, weights
from emocap.losses.recipe import MiningRecipe
from emocap.losses.registry import Mined, MiningRule


def _mine(image_ND: Tensor, text_ND: Tensor, label_N: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
    agree_QN = others(share, label_N) & (label_N[share.rows, None] == label_N) & (label_N >= 0)
    weight_QN = weights(agree_QN.to(image_ND.dtype), agree_QN, 1.0)
    return Mined(weight_QN, weight_QN)


RULE = MiningRule("labels", _mine, reads_texts=False)
