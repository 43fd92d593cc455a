"""Benchmark cards: what one YAML file in benchmarks/ may say."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from emocap.benchmarks.reading import AnyLayout
from emocap.core.recipes import Recipe


class ClassRecipe(Recipe):
    """One class; a list stands for its words."""

    words: list[str] = []
    """What stands for it in prompts."""
    aliases: list[str] = []
    """Names and codes by which the annotation calls it, besides its own; upper and lower case are the same."""
    descriptions: list[str] = []
    """Sentences about how such a face looks, used as they are where prompts are ``descriptions``."""
    components: list[str] = []
    """Of a compound emotion: the words of its parts. Its embedding is the mean of theirs (EmoCLIP)."""

    @model_validator(mode="before")
    @classmethod
    def _words_alone(cls, value: Any) -> Any:
        return {"words": value} if isinstance(value, list) else value


class SplitRecipe(Recipe):
    """How examples are divided where the data itself does not say it."""

    by: Literal["official", "subjects"] = "official"
    """official: as the reader says, with as many folds as it has. subjects: in turn, some people are tested with what
    the others taught; the predictions of all folds are measured together."""
    folds: int | None = Field(None, ge=2)
    """Of ``subjects``: into how many parts the people are divided; null: every person is a fold (leave one out)."""
    people: list[list[str]] | None = None
    """Of ``subjects``: who is tested in which fold, written out."""


class Published(Recipe):
    """A number that somebody has published for this benchmark; never mixed with what was measured here."""

    model: str
    protocol: str = "zeroshot"
    metrics: dict[str, float]
    """As fractions of 1."""
    source: str
    """Where it stands."""
    error: float | None = None
    """How far it may be off where it was read from a figure, as a fraction of 1."""


class GenerateRecipe(Recipe):
    """How a model that writes is asked, and how what it writes is read."""

    prompt: str
    """With the places {question}, {options} (a line each, lettered), {choices} (a line each, as they are), {classes}
    (their names, in order) and {text}, where the data has them."""
    system: str | None = None
    """A system message, where the protocol has one."""
    modalities: list[Literal["pictures", "sound"]] = ["pictures"]
    """What is sent along, if the data has it: pictures, or ``frames`` frames of a clip; the sound of a clip or a
    recording. Empty: the text alone."""
    frames: int = Field(8, ge=1)
    """Number of frames sampled per clip (segment midpoints)."""
    side: int = Field(768, ge=32)
    """Longest side of a picture as it is sent, in pixels; larger ones are made smaller."""
    max_tokens: int = Field(512, ge=1)
    """Longest reply."""
    match: Literal["option", "string_match", "description"] = "option"
    """option: of questions, the option that the reply names, by its letter or its text; of emotions, the one class
    that it names. string_match: MMAR's. description: the emotion that a description in sentences is about, after
    EmoLA's evaluation of FABA-Bench."""
    about: Literal["emotion", "sentiment", "intent"] = "emotion"
    """Of reasoning: what the last step names."""
    several: bool = False
    """Of reasoning: whether an example may have several labels; the last step is then scored by how many it names."""
    perception: str = "{question}\n\nAnswer with a word or a few."
    """Of visual_room: how each question about what is seen is asked; ``prompt`` asks what is meant."""


class Card(Recipe):
    """One benchmark."""

    title: str
    task: str
    """One of :data:`emocap.evaluation.registry.TASKS`, which checks the card when it is measured."""
    folder: str | None = None
    """Name of its folder below ``--data``; null: ``--data`` is the folder."""
    layout: AnyLayout
    classes: dict[str, ClassRecipe] = {}
    """Label → what stands for it; the order is the order of the results."""
    exclude_labels: list[str] = []
    """Labels of the annotation that this benchmark knowingly leaves out."""
    prompts: list[str] = []
    """Templates with {c} for the word. The logits of all prompts of a class are averaged (Exp-CLIP)."""
    action_units: list[int] = []
    """FACS numbers that are scored."""
    present_from: float = Field(2.0, gt=0, le=5)
    """Least intensity at which a unit counts as present (DISFA: 2)."""
    ratings: dict[str, tuple[float, float]] = {}
    """Name of a rating → least and greatest value of its scale."""
    split: SplitRecipe = SplitRecipe()
    segments: int = Field(16, ge=1)
    """Of clips: into how many equal parts they are divided, of each of which the middle frame is looked at."""
    generate: GenerateRecipe | None = None
    """How models that write are asked; null: they are not."""
    protocols: list[str] = []
    """Only these, where the data cannot have the others that its task has; empty: all of them."""
    metrics: list[str] = []
    """What the field reports, the one that comes first in tables first; empty: what is usual for the task."""
    counts: dict[str, int | dict[str, int]] = {}
    """train, val, test → examples that the official data has, or class → examples. Of official folds: the first."""
    published: list[Published] = []
    licence: str = ""
    homepage: str = ""
    """Where to ask for the data."""
    note: str = ""
    """What a reader of the numbers must know: choices that papers make differently, and what is not certain."""

    @property
    def totals(self) -> dict[str, int]:
        """Of ``counts``: split → examples of all classes."""
        return {split: n if isinstance(n, int) else sum(n.values()) for split, n in self.counts.items()}

    @field_validator("prompts")
    @classmethod
    def _has_a_place(cls, prompts: list[str]) -> list[str]:
        for prompt in prompts:
            if "{c}" not in prompt:
                raise ValueError(f"{prompt!r} has no place {{c}} for the class")
        return prompts

    @model_validator(mode="after")
    def _complete(self) -> Self:
        called: dict[str, str] = {}
        for name, one in self.classes.items():
            for alias in dict.fromkeys(alias.casefold() for alias in (name, *one.aliases)):
                if alias in called:
                    raise ValueError(f"classes: {alias} is called both {called[alias]} and {name}")
                called[alias] = name
        for split, counts in self.counts.items():
            if isinstance(counts, dict) and (unknown := set(counts) - set(self.classes)):
                raise ValueError(f"counts.{split}: {', '.join(sorted(unknown))} is no class")
        return self
