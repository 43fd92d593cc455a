"""The gradient of a batch: at once, or with cached gradients in pieces (GradCache, arXiv 2101.06983).

A contrastive loss ties all samples of a batch together, so the gradients of its pieces do not add up to its own. But
the loss needs only the features, which are small. So the pieces are encoded without a graph, the loss and its gradient
at all the features are computed once, and each piece is encoded again, now with a graph, to pass its rows of that
gradient on. What the loss takes in beside features, logit scales and the objective's own parameters, has its gradient
from the loss itself.

This is exact for towers that treat samples one by one. BatchNorm does not: its statistics are those of a piece.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from emocap.losses.features import Features
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.encode import join, learned, split
from emocap.training.rng_state import random_state, set_random_state

Loss = Callable[[Features], tuple[Tensor, dict[str, Any]]]


def backward(
    encode: nn.Module,
    batch: Batch,
    pieces: int,
    loss_of: Loss,
    beside: Sequence[nn.Parameter],
    scale: Callable[[Tensor], Tensor] = lambda loss: loss,
) -> tuple[Tensor, dict[str, Any]]:
    """Add the gradient of the batch's loss to the parameters; return the loss and its parts.

    encode: an Encoder, or one in DistributedDataParallel, which averages over ranks in the last backward pass.
    beside: parameters that the loss uses directly. They always receive a gradient, zero where the loss does not depend
    on them: DistributedDataParallel waits for every one. scale: multiplies the loss for the backward pass.
    """
    if pieces == 1:
        loss, logs = loss_of(encode(batch))
        (scale(loss) + sum((0 * parameter).sum() for parameter in beside)).backward()
        return loss.detach(), logs

    # All features, without a graph. The second pass must draw the same random numbers and count no statistics twice.
    parts = list(split(batch, pieces))
    plain: Any = encode.module if isinstance(encode, nn.parallel.DistributedDataParallel) else encode
    statistics = {name: buffer.clone() for name, buffer in plain.named_buffers()}
    random, cached = [], []
    with torch.no_grad():
        for part in parts:
            random.append(random_state())
            cached.append(plain(part))
        for name, buffer in plain.named_buffers():
            buffer.copy_(statistics[name])

    # The loss of the whole batch, and its gradient at the features
    features = join(cached)
    leaves = [leaf.requires_grad_() for leaf in learned(features)]
    loss, logs = loss_of(features)
    gradient = torch.autograd.grad(scale(loss), [*leaves, *beside], materialize_grads=True)

    # Each piece again, with a graph
    sizes = zip(*([len(tensor) for tensor in learned(piece)] for piece in cached), strict=True)
    rows = list(zip(*(g.split(size) for g, size in zip(gradient, sizes, strict=False)), strict=True))
    for number, part in enumerate(parts):
        last = number == pieces - 1
        set_random_state(random[number])
        quiet = encode.no_sync() if isinstance(encode, nn.parallel.DistributedDataParallel) and not last else None
        with quiet or contextlib.nullcontext():
            found = learned(encode(part))
            pairs = [pair for pair in zip(found, rows[number], strict=True) if pair[0].requires_grad]
            if last:
                pairs += zip(beside, gradient[len(leaves) :], strict=True)
            if pairs:
                torch.autograd.backward([tensor for tensor, _ in pairs], [value for _, value in pairs])
    return loss.detach(), logs
