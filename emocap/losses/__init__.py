"""Contrastive losses, mined positives and the local terms, one file each; they work in anybody's training loop.

Embeddings are B×D tensors, normalised or not; a loss is a scalar tensor. Raises UserError for a key or a rule that
does not exist.

>>> import torch
>>> loss = emocap.losses.MinedContrastLoss(rule="transport")
>>> image, text = torch.randn(8, 16, requires_grad=True), torch.randn(8, 16)
>>> loss(image, text).backward()
>>> image.grad.shape
torch.Size([8, 16])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emocap.losses.mined_contrast import MinedContrastLoss as MinedContrastLoss
    from emocap.losses.objective import Objective as Objective
    from emocap.losses.recipe import ObjectiveRecipe as ObjectiveRecipe

_EXPORTS = {
    "MinedContrastLoss": "mined_contrast",
    "Objective": "objective",
    "ObjectiveRecipe": "recipe",
}
__all__ = ["MinedContrastLoss", "Objective", "ObjectiveRecipe"]


def __getattr__(name: str) -> Any:
    import importlib

    if name in _EXPORTS:
        return getattr(importlib.import_module(f"emocap.losses.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'emocap.losses' has no attribute {name!r}")
