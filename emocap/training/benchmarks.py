"""Benchmarks while training goes on: the weights of the moment, exported and measured without leaving a trace."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from emocap.core.errors import UserError
from emocap.training.recipe import EvaluateRecipe
from emocap.training.rng_state import random_state, set_random_state

if TYPE_CHECKING:
    from emocap.benchmarks.cards import Card

Measure = Callable[[Path, EvaluateRecipe], dict[str, float]]
"""Takes the folder of an exported model and returns CARD/PROTOCOL/METRIC → value."""


def check_benchmarks(recipe: EvaluateRecipe) -> None:
    """Raise now the UserError of a card, a protocol or data that are missing: ``measure`` would hours later."""
    from emocap.evaluation.registry import read_examples
    from emocap.evaluation.runner import refuse_others

    cards, folders = _cards(recipe)
    for name, card in cards.items():
        refuse_others(name, card, recipe.protocols)
        read_examples(card, Path(folders[name]))


def measure_benchmarks(model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
    """Measure a model on the benchmarks of a recipe: CARD/PROTOCOL/METRIC → value.

    Raises UserError as ``emocap eval`` does.
    """
    from emocap.evaluation.runner import evaluate

    cards, folders = _cards(recipe)
    found = {}
    # Cards that look at the same data share its features.
    for folder in dict.fromkeys(folders[name] for name in cards):
        here = {Path(name).stem: card for name, card in cards.items() if folders[name] == folder}
        with tempfile.TemporaryDirectory() as scratch:
            rows = evaluate(here, str(model), recipe.protocols, Path(folder), Path(scratch))
        for row in rows:
            if row.fold not in (0, "mean"):
                continue
            protocol = f"{row.protocol}-{row.shots}" if row.shots else row.protocol
            for metric, measured in row.metrics.items():
                if measured.value is not None:
                    found[f"{row.benchmark}/{protocol}/{metric}"] = measured.value
    return found


def measure_now(
    export: Callable[[Path], None], out: Path, recipe: EvaluateRecipe, measure: Measure
) -> dict[str, float]:
    """What ``measure`` gives for a model that ``export`` writes; random states stay as they are.

    Beside the model's configuration in ``out/model`` there may be the files of a tokenizer: they are copied along.
    """
    random = random_state()
    with tempfile.TemporaryDirectory(dir=out, prefix=".measured-") as name:
        if (out / "model").is_dir():
            shutil.copytree(out / "model", name, ignore=shutil.ignore_patterns("*.safetensors"), dirs_exist_ok=True)
        export(Path(name))
        measures = measure(Path(name), recipe)
    set_random_state(random)
    return measures


def is_best(measures: dict[str, float], recipe: EvaluateRecipe, best: float | None) -> bool:
    """Whether the metric that the recipe chooses by is above the best before. Raises UserError if it is missing."""
    if recipe.best is None:
        return False
    if recipe.best not in measures:
        raise UserError(f"evaluate.best: there is no {recipe.best}; there are {', '.join(measures)}")
    return best is None or measures[recipe.best] > best


def _cards(recipe: EvaluateRecipe) -> tuple[dict[str, "Card"], dict[str, str]]:
    """The cards of a recipe, and the folder of each."""
    from emocap.evaluation.registry import load_card

    cards = {name: load_card(name) for name in recipe.cards}
    return cards, recipe.data if isinstance(recipe.data, dict) else dict.fromkeys(cards, recipe.data)
