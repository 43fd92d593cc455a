"""Symmetric contrast under a matrix of targets: equation (2) of our reading."""

import torch.nn.functional as F
from torch import Tensor


def contrast(a_ND: Tensor, b_ND: Tensor, scale: Tensor, ab_NN: Tensor, ba_NN: Tensor) -> Tensor:
    """C(a, b; W): cross-entropy of both directions against soft targets, averaged.

    a_ND, b_ND: L2-normalised embeddings, row i of both from the same sample. scale: the logit scale τ, a scalar.
    ab_NN: targets W of queries a over candidates b; ba_NN: of queries b over candidates a; rows sum to 1. With both
    the identity this is InfoNCE, open_clip's ClipLoss.
    """
    logit_NN = scale * a_ND @ b_ND.T
    forth = -(ab_NN * F.log_softmax(logit_NN, dim=1)).sum(1).mean()
    back = -(ba_NN * F.log_softmax(logit_NN.T, dim=1)).sum(1).mean()
    return (forth + back) / 2
