"""Benchmark cards: what one YAML file in benchmarks/ may say."""

from typing import Literal, Self

from pydantic import Field, model_validator

from emocap.recipes import Recipe


class LayoutRecipe(Recipe):
    """How the benchmark lies on disk below ``--data``."""

    reader: Literal["build", "folders"]
    """build: a folder made by emocap build; labels, subjects and split come from its records. folders: pictures in
    class folders."""
    folders: dict[str, str] = {}
    """For ``folders``: name of the class folder → label."""
    subject: str | None = None
    """For ``folders``: a regular expression over the path below --data whose first group names the subject."""
    test: float | None = Field(None, gt=0, lt=1)
    """For ``folders``: share of the subjects that are kept for testing, chosen by a hash of their names; null where
    all pictures are for testing."""


class Card(Recipe):
    """One benchmark."""

    title: str
    task: Literal["emotion", "action_units", "retrieval"]
    """retrieval: pictures and the texts of their captions find each other; of a build's test half."""
    layout: LayoutRecipe
    classes: dict[str, list[str]] = {}
    """Label → the words that stand for it in prompts; the order is the order of the results."""
    prompts: list[str] = []
    """Templates with {c} for the word. The logits of all prompts of a class are averaged (Exp-CLIP)."""
    action_units: list[int] = []
    """FACS numbers that are scored."""
    present_from: float = Field(2.0, gt=0, le=5)
    """Least intensity at which a unit counts as present (DISFA: 2)."""
    licence: str = ""
    homepage: str = ""
    """Where to ask for the data."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.task == "emotion" and len(self.classes) < 2:
            raise ValueError("classes: an emotion benchmark has at least two")
        if self.task == "action_units" and not self.action_units:
            raise ValueError("action_units: the list of numbers to score is missing")
        if self.task == "retrieval" and self.layout.reader != "build":
            raise ValueError("layout.reader: only a build has captions to retrieve")
        for prompt in self.prompts:
            if "{c}" not in prompt:
                raise ValueError(f"prompts: {prompt!r} has no place {{c}} for the class")
        return self
