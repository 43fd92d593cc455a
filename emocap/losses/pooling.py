"""How a text picks its region out of the patches of a picture: a_m and u of equation (4) of our reading."""

from collections.abc import Callable

from torch import Tensor, nn

from emocap.losses.recipe import LocalRecipe
from emocap.losses.registry import POOLS

Pool = Callable[[Tensor, Tensor], Tensor]
"""Patches C×M×D and texts C×K×D → regions C×K×D."""


def make_pool(recipe: LocalRecipe, width: int) -> nn.Module:
    """The pool of a recipe for embeddings of a width. Raises UserError for a width that does not fit."""
    return POOLS[recipe.pool].make(recipe, width)
