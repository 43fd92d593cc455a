"""What a recipe may say about captions."""

from typing import Literal

from pydantic import Field

from emocap.recipes import Recipe


class EndpointRecipe(Recipe):
    """A server that speaks the OpenAI chat completions protocol."""

    base_url: str
    """Such as http://localhost:8000/v1."""
    key: str | None = None
    """Name of the environment variable that holds the API key; none is sent where null."""
    model: str | None = None
    """What this server calls the model, where that is not ``captioner.model``."""
    concurrency: int = Field(32, ge=1)
    """Requests under way at the same time."""
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)


class PriceRecipe(Recipe):
    """What tokens cost, in the currency of ``budget`` per million."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)


class CaptionerRecipe(Recipe):
    """How faces get their captions."""

    backend: Literal["annotations", "openai", "none"] = "annotations"
    """annotations: written from the labels. openai: asked of endpoints. none: crops and records only."""
    model: str | None = None
    """Name of the model, as the endpoints know it."""
    endpoints: list[EndpointRecipe] = []
    prompt: str = "emocap-1"
    """A prompt that comes with emocap, or a text file of your own."""
    temperature: float = Field(0.2, ge=0)
    max_tokens: int = Field(1024, ge=1)
    """Longest reply; one that is cut there is asked for again."""
    asks: int = Field(3, ge=1)
    """How often a face is asked for while replies cannot be used: cut, empty, refused, not the schema, or faulty."""
    tries: int = Field(8, ge=1)
    """How often a request is sent while the endpoint fails: busy, broken, or silent."""
    deadline: float = Field(120.0, gt=0)
    """Seconds after which a request counts as failed."""
    patience: float = Field(600.0, gt=0)
    """Seconds without a single answer from any endpoint after which the build stops, to be gone on with later."""
    price: PriceRecipe | None = None
    budget: float | None = Field(None, gt=0)
    """Most money to spend, over all runs into the same folder; the build stops before it is exceeded."""
