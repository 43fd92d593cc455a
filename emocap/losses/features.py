"""What the towers make of a batch, and losses are computed from."""

# Tested in tests/losses/test_local.py.

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LocalFeatures:
    """The N local sentences of a batch and the patches that they speak of."""

    patch_BMD: Tensor
    """Projected patch tokens, not normalised."""
    sentence_ND: Tensor
    """L2-normalised."""
    owner_N: Tensor
    """Which of the B samples a sentence belongs to."""
    group_N: Tensor
    """Equal numbers: equal sentences."""
    region_N: Tensor
    """The number of a sentence's region."""


@dataclass(frozen=True)
class Guide:
    """Embeddings that choose positives without being trained by it: of an EMA of the towers, or of frozen ones."""

    image_BD: Tensor
    text_BD: Tensor
    """t̂: the normalised mean of global and summary embedding."""


@dataclass(frozen=True)
class Features:
    """What the towers made of a batch of B samples; embeddings are L2-normalised."""

    image_BD: Tensor
    global_BD: Tensor
    summary_BD: Tensor
    global_group_B: Tensor
    """Equal numbers: equal texts."""
    summary_group_B: Tensor
    label_B: Tensor
    """Class numbers where they are known, negative elsewhere."""
    local: LocalFeatures | None = None
    guide: Guide | None = None
    """None: the online embeddings guide themselves."""
    sentiment_BC: Tensor | None = None
