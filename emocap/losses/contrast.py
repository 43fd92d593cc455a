"""Contrast of queries and candidates under a matrix of targets: equation (2) of our reading.

A contrast goes over the rows of logits in chunks, so that they never exist whole: memory grows with candidates ×
chunk, and the backward pass computes each chunk again. What a row costs is a function of its own: ``softmax`` here,
others in ``contrasts/``.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Rows = Callable[[slice], Tensor]
"""Makes those rows of a Q×N matrix that a slice asks for."""
RowLoss = Callable[[Tensor, Tensor], Tensor]
"""Logits and targets, both C×N → the summed loss of C queries."""

CHUNK = 512


def softmax(logit_CN: Tensor, target_CN: Tensor) -> Tensor:
    """Σ_i −Σ_j W_ij log softmax_j(logit_ij); rows of W sum to 1. With the identity, InfoNCE."""
    return (logit_CN.logsumexp(1) - (target_CN * logit_CN).sum(1)).sum()


def contrast_rows(
    query_QD: Tensor,
    candidate_ND: Tensor,
    scale: Tensor,
    target: Tensor | Rows,
    loss: RowLoss = softmax,
    offset: Tensor | None = None,
    penalty_QN: Tensor | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """The summed loss of Q queries over N candidates, both L2-normalised.

    scale: the logit scale τ, and offset: what is added to all logits; scalars. target: W, Q×N, or
    what makes its rows. penalty_QN: what is taken from the logits of pairs that are no positives (W = 0).
    """

    def part(rows: slice) -> Tensor:
        logit_CN = scale * query_QD[rows] @ candidate_ND.T
        if offset is not None:
            logit_CN = logit_CN + offset
        target_CN = target[rows] if isinstance(target, Tensor) else target(rows)
        if penalty_QN is not None:
            logit_CN = logit_CN - penalty_QN[rows].masked_fill(target_CN > 0, 0)
        return loss(logit_CN, target_CN)

    if len(query_QD) <= chunk:
        return part(slice(0, len(query_QD)))
    pieces = [slice(first, first + chunk) for first in range(0, len(query_QD), chunk)]
    return torch.stack(
        [checkpoint(part, rows, use_reentrant=False, preserve_rng_state=False) for rows in pieces]
    ).sum()


def contrast(a_ND: Tensor, b_ND: Tensor, scale: Tensor, ab_NN: Tensor, ba_NN: Tensor, chunk: int = CHUNK) -> Tensor:
    """C(a, b; W): the softmax loss of both directions, averaged, on one process.

    a_ND, b_ND: L2-normalised embeddings, row i of both from the same sample. ab_NN: targets W of queries a over
    candidates b; ba_NN: of queries b over candidates a; rows sum to 1. With both the identity this is open_clip's
    ClipLoss.
    """
    forth = contrast_rows(a_ND, b_ND, scale, ab_NN, chunk=chunk)
    back = contrast_rows(b_ND, a_ND, scale, ba_NN, chunk=chunk)
    return (forth + back) / (2 * len(a_ND))
