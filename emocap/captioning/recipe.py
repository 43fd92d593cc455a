"""What a recipe may say about asking models, and about captions."""

from typing import Literal, Self

from pydantic import Field, model_validator

from emocap.llm.recipe import AskRecipe


class CaptionerRecipe(AskRecipe):
    """How faces get their captions."""

    backend: Literal["annotations", "openai", "none"] = "annotations"
    """annotations: written from the labels. openai: asked of endpoints. none: crops and records only."""
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

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if self.backend == "openai" and self.model is None:
            raise ValueError("backend: openai needs captioner.model, the name under which the endpoints serve it")
        if self.backend == "openai" and not self.endpoints:
            raise ValueError(
                "backend: openai needs captioner.endpoints, for example [{base_url: http://localhost:8000/v1}]"
            )
        return self
