"""How a model behind endpoints is asked."""

# Tested in tests/captioning/test_recipe.py.

import os
import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from emocap.core.errors import UserError
from emocap.core.recipes import Recipe


class EndpointRecipe(Recipe):
    """A server that speaks the OpenAI chat completions protocol."""

    base_url: str
    """Such as http://localhost:8000/v1."""
    key: str | None = None
    """Name of the environment variable that holds the API key; none is sent where null."""
    model: str | None = None
    """What this server calls the model, where that is not the recipe's ``model``."""
    concurrency: int = Field(32, ge=1, le=1000)
    """Requests under way at the same time."""
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if re.match(r"https?://[^/]*@", value):
            raise ValueError("a password does not belong into an address; name the key's variable in key")
        if not re.match(r"https?://[^/]", value):
            raise ValueError("an address begins with http:// or https://, for example http://localhost:8000/v1")
        return value.rstrip("/")

    @field_validator("key")
    @classmethod
    def _names_a_variable(cls, value: str | None) -> str | None:
        # The value may be a secret put here by mistake: the message does not repeat it.
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("give the name of the environment variable that holds the API key, not the key itself")
        return value


class PriceRecipe(Recipe):
    """What tokens cost, in the currency of ``budget`` per million."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost of a number of tokens."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1e6


class AskRecipe(Recipe):
    """How a model behind endpoints is asked."""

    model: str | None = None
    """Name of the model, as the endpoints know it."""
    endpoints: list[EndpointRecipe] = []
    temperature: float | None = Field(0.0, ge=0)
    """Null leaves it to the model; some accept nothing else."""
    max_tokens: int = Field(1024, ge=1)
    """Longest reply."""
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What ``max_tokens`` is called in a request; newer hosted models know only the second."""
    asks: int = Field(3, ge=1)
    """How often one thing is asked while replies cannot be used."""
    tries: int = Field(8, ge=1)
    """How often a request is sent while the endpoint fails: busy, broken, or silent."""
    deadline: float = Field(120.0, gt=0)
    """Seconds after which a request counts as failed."""
    patience: float = Field(600.0, gt=0)
    """Seconds without a single reply from any endpoint after which the run stops, to be gone on with later."""
    price: PriceRecipe | None = None
    budget: float | None = Field(None, gt=0)
    """Most money to spend, over all runs into the same folder; the run stops before it is exceeded."""

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.budget is not None and self.price is None:
            raise ValueError("a budget needs a price, for example {prompt: 0.1, completion: 0.4} per million tokens")
        if self.patience < self.deadline:
            raise ValueError("patience must not be shorter than deadline, or the run stops while a reply is still due")
        return self


def read_keys(recipe: AskRecipe, where: str = "captioner.") -> dict[str, str]:
    """The API keys that the endpoints need, by the names of their environment variables.

    To be called where the user's environment is; raises UserError for a variable that is not set, ``where``: what
    stands before a key of the recipe in it.
    """
    names = dict.fromkeys(endpoint.key for endpoint in recipe.endpoints if endpoint.key)
    if missing := [name for name in names if not os.environ.get(name)]:
        raise UserError(f"{where}endpoints: the environment variable {missing[0]} is not set; export it with the key")
    return {name: os.environ[name] for name in names}
