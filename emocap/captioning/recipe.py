"""What a recipe may say about asking models, and about captions."""

from typing import Literal

from pydantic import Field

from emocap.llm.recipe import AskRecipe


class CaptionerRecipe(AskRecipe):
    """How faces get their captions."""

    backend: str = "annotations"
    """annotations: written from the labels. openai: asked of endpoints. none: crops and records only. Or that of a
    plug-in."""
    prompt: str = "emocap-1"
    """A prompt that comes with emocap, or a text file of your own."""
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the server is held to the form of a caption: by its JSON Schema, by JSON of any form, or, where it refuses
    both, by the prompt alone."""
    temperature: float | None = Field(0.2, ge=0)
    """Null leaves it to the model; some accept nothing else."""
    max_tokens: int = Field(1024, ge=1)
    """Longest reply; one that is cut there is asked for again."""
    asks: int = Field(3, ge=1)
    """How often a face is asked for while replies cannot be used: cut, empty, refused, not the schema, or faulty."""
