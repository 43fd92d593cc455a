"""What passes between loader, towers and objective: a batch of samples, and what the towers make of it."""

# Tested in tests/methods/clip/test_grad_cache.py.

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B samples with N local sentences; under several ranks, this rank's share of the batch."""

    keys: list[str]
    image_B3HW: Tensor
    """uint8, or fp32 normalised with the model's mean and standard deviation."""
    global_BL: Tensor
    """Token ids, as of the two below."""
    summary_BL: Tensor
    sentence_NL: Tensor
    owner_N: Tensor
    """Which sample of this share a sentence belongs to."""
    global_group_B: Tensor
    """int64, a hash of the text: equal numbers, equal texts, on every rank. So the two below."""
    summary_group_B: Tensor
    sentence_group_N: Tensor
    region_N: Tensor
    """int64, the number of a sentence's region in ``facs.REGIONS``."""
    label_B: Tensor
    """int64, the number of the sample's emotion label among those of the data, −1 where it has none."""
    sentiment_BC: Tensor | None = None
    """Probabilities of C emotion families in the captions, for EmotionCLIP's reweighting."""

    def pin_memory(self) -> "Batch":
        """The same in page-locked memory, from which a GPU copies while it computes; torch's DataLoader calls this."""
        pinned: dict[str, Any] = {
            name: each.pin_memory() for name, each in vars(self).items() if isinstance(each, Tensor)
        }
        return replace(self, **pinned)
