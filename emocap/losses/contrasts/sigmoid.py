"""The pairwise sigmoid loss of SigLIP (arXiv 2303.15343, equation 1)."""

# Tested in tests/losses/test_sigmoid.py.

import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.losses.registry import Contrast

FIRST_BIAS = -10.0
"""What the bias, learned, begins with: nearly all pairs are negative."""


def sigmoid(logit_CN: Tensor, target_CN: Tensor) -> Tensor:
    """Σ_i Σ_j −log σ(z_ij · logit_ij), z = +1 for positives (targets above 0) and −1 elsewhere.

    Every pair stands for itself: how a row of targets divides its weight does not matter.
    """
    return -F.logsigmoid(torch.where(target_CN > 0, logit_CN, -logit_CN)).sum()


CONTRAST = Contrast("sigmoid", sigmoid, first_bias=FIRST_BIAS)
