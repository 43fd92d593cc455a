"""Which contrasts, rules of positive mining and pools there are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emocap.core.registries import Registry

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Contrast:
    """What a row of logits costs: ``objective.contrast`` of a recipe."""

    name: str
    loss: "Callable[[Tensor, Tensor], Tensor]"
    """Logits and targets, both C×N → the summed loss of C queries, a scalar."""
    first_bias: float | None = None
    """Initial value of a bias that is learned and added to all logits; None: there is no bias."""
    of_pictures: bool = True
    """Whether it can contrast pictures in the local term (``objective.local.contrast: pictures``)."""


@dataclass(frozen=True)
class Mined:
    """What is mined for Q queries over N samples: rows sum to 1, or are 0 if nothing was found."""

    image_QN: "Tensor"
    """For image queries."""
    text_QN: "Tensor"
    """For text queries."""


@dataclass(frozen=True)
class MiningRule:
    """How positives are chosen: ``objective.mining.rule`` of a recipe."""

    name: str
    mine: "Callable[..., Mined]"
    """Image and text guides of all ranks, N×D and L2-normalised; class numbers, N, negative if unknown; the
    MiningRecipe; the RowPartition, this rank's queries → what is mined for them."""
    reads_texts: bool = True
    """Whether it compares captions; False: summaries are not needed for it."""


@dataclass(frozen=True)
class PoolType:
    """How a text picks its region out of patches: ``objective.local.pool`` of a recipe."""

    name: str
    make: "Callable[..., nn.Module]"
    """From the LocalRecipe and the width D of embeddings: a module that takes the patches of C pictures, C×M×D, and K
    texts for each, C×K×D (L2-normalised), and gives regions, C×K×D. Raises UserError for a width that does not fit."""


CONTRASTS = Registry[Contrast]("contrast", "emocap.losses.contrasts", "CONTRAST")
RULES = Registry[MiningRule]("mining rule", "emocap.losses.rules", "RULE")
POOLS = Registry[PoolType]("pool", "emocap.losses.pools", "POOL")
