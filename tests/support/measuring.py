"""Measuring cards in tests without writing a recipe for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emocap.core.recipes import override
from emocap.encoders import Encoder
from emocap.evaluation.recipe import EvaluationRecipe, GenerationRecipe
from emocap.evaluation.suite import Chosen, measure_cards


def generation(
    settings: Sequence[str] = (),
    extractor: str | None = None,
    judge: str | None = None,
    wheel: Path | None = None,
) -> GenerationRecipe:
    """How generative models are asked, with ``key=value`` settings."""
    ask: Any = {}
    for setting in settings:
        ask = override(ask, setting)
    return GenerationRecipe(extractor=extractor, judge=judge, wheel=str(wheel) if wheel else None, ask=ask)


def measure(
    chosen: Sequence[Chosen],
    models: Sequence[str | Encoder],
    protocols: Sequence[str] | None,
    data: Path,
    out: Path,
    **keys: Any,
) -> list[str]:
    """What failed; ``protocols``: None for all. Features are not cached."""
    recipe = EvaluationRecipe(
        cards=[one.name for one in chosen],
        models=[model for model in models if isinstance(model, str)],
        protocols="all" if protocols is None else list(protocols),
        data=str(data),
        cache=False,
        **keys,
    )
    return measure_cards(chosen, recipe, out, [model for model in models if isinstance(model, Encoder)])
