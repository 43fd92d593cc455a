"""The processes that train together: the number of this one, and what they exchange."""

# Tested in tests/training/test_guards.py.

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from emocap.core.errors import UserError
from emocap.losses.gather import add


@dataclass(frozen=True)
class ProcessGroup:
    """Process number ``rank`` of ``count``. The first one alone writes; alone, nothing is sent."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()

    @contextlib.contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The first one goes through the block alone, the others after it."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, in their order."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def means(self, values: Mapping[str, Any]) -> dict[str, float]:
        """The mean over all ranks of every number, whether it is a tensor or not."""
        rows = self.gather({name: float(value) for name, value in values.items()})
        return {name: sum(row[name] for row in rows) / self.count for name in rows[0]}

    def parallel(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module, such that a backward pass through it leaves gradients that are means over all ranks.

        Alone, the module itself. A forward pass must go through what is returned.
        """
        if self.count == 1:
            return module
        return nn.parallel.DistributedDataParallel(
            module, device_ids=[device] if device.type == "cuda" else None, gradient_as_bucket_view=True
        )

    def mean(self, value_N: torch.Tensor) -> torch.Tensor:
        """The mean of a tensor over all ranks; the same on each of them."""
        return add(value_N) / self.count


@contextlib.contextmanager
def join(device: torch.device, minutes: float) -> Iterator[ProcessGroup]:
    """The group that torchrun's environment or Ray describes, while the block runs; without one, this process.

    Under several ranks on CUDA, every rank's current device is its own afterwards. A rank that waits for another for
    longer than that many minutes stops. Raises UserError if another rank is lost: its own message says why.
    """
    if dist.is_initialized():
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
        return
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield ProcessGroup()
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(minutes=minutes))
    group = ProcessGroup(dist.get_rank(), count)
    try:
        yield group
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error).lower():
            raise UserError(f"rank {group.rank} of {count} lost the others ({str(error).splitlines()[0]})") from error
        raise
    dist.destroy_process_group()
