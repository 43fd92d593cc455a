"""Ranks: whose rows are whose, and what passes between them. Without ``torch.distributed`` there is one rank.

A loss under R ranks is made so that its gradients, averaged over the ranks, are those of one process on the whole
batch.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this one."""
    return dist.get_rank() if world_size() > 1 else 0


@dataclass(frozen=True)
class RowPartition:
    """N rows spread over the ranks, one rank's after the other's, and those Q of them that this rank computes."""

    counts: tuple[int, ...]
    """How many each rank holds."""
    whole: bool
    """Every rank computes all rows, instead of the ones it holds."""

    @property
    def total(self) -> int:
        """N."""
        return sum(self.counts)

    @property
    def held(self) -> slice:
        """The rows that this rank holds, among all."""
        first = sum(self.counts[: rank()])
        return slice(first, first + self.counts[rank()])

    @property
    def rows(self) -> slice:
        """The rows that this rank computes, among all."""
        return slice(0, self.total) if self.whole else self.held

    def gather(self, held: Tensor) -> Tensor:
        """The rows of all ranks; the gradient returns to the rank that holds them, summed over the ranks."""
        if len(self.counts) == 1:
            return held
        longest = max(self.counts)
        padding = [0, 0] * (held.ndim - 1) + [0, longest - len(held)]
        padded: Tensor = _Gather.apply(F.pad(held, padding))
        if min(self.counts) == longest:
            return padded
        parts = padded.split(longest)
        return torch.cat([part[:count] for part, count in zip(parts, self.counts, strict=True)])

    def gather_rows(self, computed: Tensor) -> Tensor:
        """What all ranks computed for their rows; no gradient."""
        return computed if self.whole else self.gather(computed.detach())

    def total_of(self, computed: Tensor) -> Tensor:
        """The sum over all rows of what was summed over this rank's; no gradient."""
        return computed.detach() if self.whole else add(computed)

    def mean(self, summed: Tensor) -> Tensor:
        """From a sum over this rank's rows to a loss: its average over the ranks is the mean over all rows."""
        return summed / max(1, self.total) * (1 if self.whole else len(self.counts))


def even_share(count: int, whole: bool = False) -> RowPartition:
    """The share of ranks that hold ``count`` rows each."""
    return RowPartition((count,) * world_size(), whole)


def uneven_share(count: int, device: torch.device, whole: bool = False) -> RowPartition:
    """The share of ranks that hold differing numbers of rows; this one holds ``count``."""
    if world_size() == 1:
        return RowPartition((count,), whole)
    count_R = even_share(1).gather(torch.tensor([count], device=device))
    return RowPartition(tuple(count_R.tolist()), whole)


def add(tensor: Tensor) -> Tensor:
    """The sum over the ranks; no gradient."""
    summed = tensor.detach().clone()
    if world_size() > 1:
        dist.all_reduce(summed)
    return summed


class _Gather(torch.autograd.Function):
    """All ranks' tensors of one shape, one after the other."""

    @staticmethod
    def forward(ctx: Any, held: Tensor) -> Tensor:
        gathered = held.new_empty(len(held) * world_size(), *held.shape[1:])
        dist.all_gather_into_tensor(gathered, held.contiguous())
        return gathered

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        own = gradient.new_empty(len(gradient) // world_size(), *gradient.shape[1:])
        dist.reduce_scatter_tensor(own, gradient.contiguous())
        return own
