"""Benchmarks while training goes on: the weights of the moment, exported and measured without leaving a trace."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from torch import nn

from emocap.core.errors import UserError
from emocap.training import checkpoints
from emocap.training.recipe import EvaluateRecipe
from emocap.training.rng_state import random_state, set_random_state

Measure = Callable[[Path, EvaluateRecipe], dict[str, float]]
"""Takes the folder of an open_clip local-dir model and returns CARD/PROTOCOL/METRIC → value."""


def take_measures(model: nn.Module, out: Path, recipe: EvaluateRecipe, measure: Measure) -> dict[str, float]:
    """What ``measure`` says of a model whose configuration lies in ``out/model``; random states stay as they are."""
    random = random_state()
    with tempfile.TemporaryDirectory(dir=out, prefix=".measured-") as name:
        # Beside the configuration there may be the files of a tokenizer.
        shutil.copytree(out / "model", name, ignore=shutil.ignore_patterns("*.safetensors"), dirs_exist_ok=True)
        checkpoints.export(Path(name), model)
        measures = measure(Path(name), recipe)
    set_random_state(random)
    return measures


def is_best(measures: dict[str, float], recipe: EvaluateRecipe, best: float | None) -> bool:
    """Whether the measure that the recipe chooses by is above the best before. Raises UserError where it is none."""
    if recipe.best is None:
        return False
    if recipe.best not in measures:
        raise UserError(f"evaluate.best: there is no {recipe.best}; there are {', '.join(measures)}")
    return best is None or measures[recipe.best] > best
