"""Which methods there are, and how the recipe of one finds its way to the engine."""

# Tested in tests/methods/clip/test_guards.py.

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emocap.core.recipes import check, read
from emocap.core.registries import Registry
from emocap.training.benchmarks import Measure
from emocap.training.engine import train as run_engine
from emocap.training.method import MethodType
from emocap.training.recipe import RunRecipe

METHODS = Registry[MethodType]("method", "emocap.methods", "METHOD")


def load_recipe(name: str, overrides: Sequence[str] = ()) -> RunRecipe:
    """A training recipe, checked as its key ``method`` asks; clip where it has none.

    Raises UserError as :func:`emocap.core.recipes.load` does, and for a method that does not exist.
    """
    content, path = read("models", name, overrides)
    return check_recipe(content, str(path))


def check_recipe(content: Mapping[str, Any], where: str) -> RunRecipe:
    """A recipe from its content; ``where`` begins the message of the UserError where it is none."""
    return check(METHODS[str(content.get("method", "clip"))].recipe, content, where)


def train(recipe: RunRecipe, out: Path, measure: Measure | None = None) -> None:
    """Train what a recipe describes and leave the run in ``out``; see :func:`emocap.training.engine.train`."""
    run_engine(METHODS[recipe.method].make, recipe, out, measure)
