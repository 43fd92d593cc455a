"""Training with benchmarks on the way: what ties the loop to what measures its model."""

import tempfile
from pathlib import Path

from emocap.benchmarks.cards import Card
from emocap.benchmarks.loading import read
from emocap.core.recipes import load
from emocap.evaluation.runner import evaluate, refuse_others
from emocap.training.recipe import EvaluateRecipe


def look_ahead(recipe: EvaluateRecipe) -> None:
    """Raise now the UserError of a card, a protocol or data that are not there: ``measure`` would hours later."""
    cards, folders = _asked(recipe)
    for name, card in cards.items():
        refuse_others(name, card, recipe.protocols)
        read(card, Path(folders[name]))


def measure(model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
    """Measure a model on the benchmarks of a recipe: CARD/PROTOCOL/METRIC → value.

    Raises UserError as ``emocap eval`` does.
    """
    cards, folders = _asked(recipe)
    found = {}
    # Cards that look at the same data share its features.
    for folder in dict.fromkeys(folders[name] for name in cards):
        here = {Path(name).stem: card for name, card in cards.items() if folders[name] == folder}
        with tempfile.TemporaryDirectory() as scratch:
            rows = evaluate(here, str(model), recipe.protocols, Path(folder), Path(scratch))
        for row in rows:
            if row["fold"] not in (0, "mean"):
                continue
            protocol = f"{row['protocol']}-{row['shots']}" if row["shots"] else row["protocol"]
            for metric, value in row["metrics"].items():
                if value["value"] is not None:
                    found[f"{row['benchmark']}/{protocol}/{metric}"] = float(value["value"])
    return found


def _asked(recipe: EvaluateRecipe) -> tuple[dict[str, Card], dict[str, str]]:
    """The cards of a recipe, and the folder of each."""
    cards = {name: load(Card, "benchmarks", name) for name in recipe.cards}
    return cards, recipe.data if isinstance(recipe.data, dict) else dict.fromkeys(cards, recipe.data)
