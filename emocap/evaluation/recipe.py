"""The recipe of an evaluation: which models are measured, on which benchmarks, and how."""

# Tested in tests/evaluation/test_suite.py.

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from emocap.core.errors import UserError
from emocap.core.recipes import Recipe, check, joined, override, parse
from emocap.encoders.features import Pooling


class GenerationRecipe(Recipe):
    """How generative models are asked, and which models grade what they write."""

    judge: str | None = None
    """``openai:NAME`` of the model that scores replies, for tasks that need one."""
    extractor: str | None = None
    """``openai:NAME`` of the model that brings free text into a form that can be scored; null: the judge does it."""
    wheel: str | None = None
    """Folder of emotion wheels as their authors released them; null: ``emotion_wheel`` below the data if it is there,
    otherwise small ones of our own, whose numbers compare with nobody else's."""
    ask: dict[str, Any] = {}
    """Keys of :class:`emocap.llm.chat_models.ChatRecipe` for every model: ``endpoints``, ``budget``, ``price``,
    ``temperature`` ...; below ``model``, ``judge`` or ``extractor`` for that role alone."""


class EvaluationRecipe(Recipe):
    """What ``emocap eval`` and :func:`emocap.evaluate` measure. Rows of the same measurement replace earlier ones."""

    cards: list[str] = Field(min_length=1)
    """Names of benchmarks, YAML files, or patterns such as ``mme-emotion-*``. Of a pattern, cards whose data is absent
    are skipped; a card that is named fails."""
    models: list[str] = []
    """A run folder, ``open_clip:NAME/PRETRAINED``, ``timm:NAME``, ``hf:NAME``, ``farl:FILE``, ``flip:FILE``,
    ``exp-clip:FILE``; ``openai:NAME`` for a generative model; ``predictions:[NAME=]FILE`` for replies that a model
    has given before."""
    data: str
    """Folder that holds a folder for each benchmark."""
    protocols: list[str] | Literal["all"] | None = None
    """``zeroshot``, ``probe``, ``fewshot``, ``retrieval``, ``generate``; all: every protocol that a card and a model
    have; null: ``zeroshot``, and ``generate`` for generative models."""
    allow_counts: bool = False
    """Measure although the data has other counts than the card, or lacks a class in its test split."""
    allow_missing: bool = False
    """Leave out examples whose media is missing or cannot be read; rows and pages count them."""
    overrides: list[str] = []
    """Changes to every card, as ``layout.last=1``."""
    pooling: Pooling = "mean"
    """How the features of a clip's frames become one."""
    shots: list[int] = Field(default=[1, 2, 4, 8, 16], min_length=1)
    """Few-shot: training examples per class."""
    seeds: int = 5
    """Few-shot: number of random draws."""
    cache: bool | str = True
    """Where features are cached: true for the user's cache folder, false for nowhere, or a folder."""
    device: str | None = None
    """``cpu``, ``cuda`` or another device of torch; null: a GPU if there is one."""
    workers: int | None = None
    """Ray workers that extract features; null: one per GPU if there are several."""
    generation: GenerationRecipe = GenerationRecipe()

    @model_validator(mode="after")
    def _few_shot_can_be_repeated(self) -> "EvaluationRecipe":
        if self.seeds < 2 or not all(number > 0 for number in self.shots):
            raise ValueError("few-shot needs at least two seeds, for their spread, and shots of at least one")
        return self


def read_recipe(words: Sequence[str], given: Mapping[str, Any]) -> EvaluationRecipe:
    """The recipe that words mean: names of cards, or one YAML file with the key ``cards``; and ``key=value``.

    given: keys that come from elsewhere and take precedence over the file; ``key=value`` takes precedence over both.
    Keys that no recipe of an evaluation has change the cards. Raises UserError as recipes do.
    """
    settings = [word for word in words if is_setting(word)]
    names = [word for word in words if word not in settings]
    of_cards = [word for word in settings if re.split(r"[.=]", word)[0] not in EvaluationRecipe.model_fields]
    content: Any = {"cards": names}
    where = "evaluation"
    if len(names) == 1 and (file := _recipe_file(Path(names[0]))) is not None:
        content, where = file, names[0]
    content = joined(content, dict(given))
    for setting in settings:
        if setting not in of_cards:
            content = override(content, setting)
    content["overrides"] = [*content.get("overrides", []), *of_cards]
    if "data" not in content:
        raise UserError("data is missing: name the folder that holds the benchmarks")
    return check(EvaluationRecipe, content, where)


def is_setting(word: str) -> bool:
    """Whether a word is ``dotted.key=value`` and no file of such a name."""
    return re.match(r"[A-Za-z_][\w.-]*=", word) is not None and not Path(word).is_file()


def _recipe_file(path: Path) -> dict[str, Any] | None:
    """The content of a file that is the recipe of an evaluation, and not a card."""
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return None
    content = parse(path.read_text(encoding="utf-8"), str(path))
    return content if isinstance(content, dict) and "cards" in content else None
