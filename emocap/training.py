"""Training with benchmarks on the way: what ties the loop to what measures its model."""

import tempfile
from pathlib import Path

from emocap.clip.recipe import EvaluateRecipe
from emocap.evaluate.cards import Card
from emocap.evaluate.run import evaluate
from emocap.recipes import load


def measure(model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
    """Measure a model on the benchmarks of a recipe: CARD/PROTOCOL/METRIC → value.

    Raises UserError as ``emocap eval`` does.
    """
    cards = {name: load(Card, "benchmarks", name) for name in recipe.cards}
    found = {}
    for name, card in cards.items():
        data = recipe.data if isinstance(recipe.data, str) else recipe.data[name]
        with tempfile.TemporaryDirectory() as scratch:
            rows = evaluate({Path(name).stem: card}, str(model), recipe.protocols, Path(data), Path(scratch))
        for row in rows:
            for metric, value in row["metrics"].items():
                found[f"{row['benchmark']}/{row['protocol']}/{metric}"] = float(value["value"])
    return found
