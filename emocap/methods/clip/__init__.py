"""EmoCapCLIP: towers, batches, and the step that trains them."""

from typing import Any

from emocap.methods.clip.recipe import ClipRecipe
from emocap.training.method import Method, MethodType, Run


def _make(recipe: Any, run: Run) -> Method:
    from emocap.methods.clip.method import ClipMethod

    return ClipMethod(recipe, run)


METHOD = MethodType("clip", "EmoCapCLIP: global and local captions beside faces", ClipRecipe, _make)
