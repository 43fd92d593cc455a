"""Symmetric contrast under a matrix of targets: equation (2) of our reading."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint


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


def contrast_groups(a_ND: Tensor, b_ND: Tensor, scale: Tensor, group_N: Tensor, chunk: int = 512) -> Tensor:
    """C(a, b; W) where row i of W spreads 1 evenly over the samples with the group number of i.

    The same value and gradients as ``contrast`` with the targets of ``mining.same``, but the N×N logits never exist
    whole: memory grows with N × ``chunk``, and the backward pass computes them again.
    """
    _, number_N, size_G = group_N.unique(return_inverse=True, return_counts=True)
    zero_GD = torch.zeros(len(size_G), a_ND.shape[1], device=a_ND.device, dtype=a_ND.dtype)
    # The logits of a group's pairs add up to the logit of its sums, from either side.
    a_GD, b_GD = zero_GD.index_add(0, number_N, a_ND), zero_GD.index_add(0, number_N, b_ND)
    total: Tensor = -2 * scale * ((a_GD * b_GD).sum(1) / size_G).sum()
    for query_ND, candidate_ND in ((a_ND, b_ND), (b_ND, a_ND)):
        for query_CD in query_ND.split(chunk):
            if len(query_ND) <= chunk:
                total = total + _log_sum(query_CD, candidate_ND, scale)
            else:
                total = total + checkpoint(_log_sum, query_CD, candidate_ND, scale, use_reentrant=False)
    return total / (2 * len(a_ND))


def _log_sum(query_CD: Tensor, candidate_ND: Tensor, scale: Tensor) -> Tensor:
    return (scale * query_CD @ candidate_ND.T).logsumexp(1).sum()
