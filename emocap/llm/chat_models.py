"""Models that write: behind endpoints that are asked now, or in files of what they said before."""

# Tested in tests/evaluation/scorers/test_string_match.py.

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from emocap.core.errors import UserError
from emocap.core.recipes import check
from emocap.llm.chat_client import ChatClient, NoReply
from emocap.llm.chat_request import ChatQuery, ChatRecipe, ChatRequest
from emocap.llm.recipe import read_keys
from emocap.llm.reply_log import Reply

ROLES = ("model", "extractor", "judge")
"""model: is measured. extractor: brings what it writes into the form that is measured. judge: scores it."""
_HOST = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Response:
    """What a model said to one question."""

    text: str | None
    """None where there is no answer."""
    reason: str = ""
    """Why there is none, in a word; and at length."""
    detail: str = ""
    first_token_logprobs: Mapping[str, float] | None = None
    """Words that might have come first → their log-probabilities, where they were asked for."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of a file of predictions: what else stands in the row."""
    cut: bool = False
    """Whether it had reached the longest length when it ended."""

    @property
    def answer(self) -> str | None:
        """The text without thoughts: what is in its ``<answer>``, or behind its ``</think>``, where it has these;
        empty where its thoughts do not end. None where there is no answer.
        """
        if self.text is None:
            return None
        rest = self.text.rpartition("</think>")[2]
        answer = re.search(r"<answer>(.*?)(?:</answer>|\Z)", rest, re.DOTALL)
        return (answer[1] if answer else rest.partition("<think>")[0]).strip()


class GenerativeModel(Protocol):
    """Something that answers questions."""

    @property
    def name(self) -> str:
        """As results call it."""
        ...

    @property
    def metadata(self) -> dict[str, Any]:
        """What a row of results says of it."""
        ...

    def answer(self, asks: Sequence[ChatRequest], ledger: str) -> list[Response]:
        """A response to each, in their order. ``ledger``: the name under which replies are kept."""
        ...


class ChatModel:
    """A model behind OpenAI-compatible endpoints. ``with ChatModel(...) as model`` ends its connections."""

    def __init__(self, name: str, recipe: ChatRecipe, replies: Path, where: str = "ask.") -> None:
        """replies: the folder where what it says is kept, and never asked for again. where: what stands before
        a key of the recipe in complaints.
        """
        self.name, self._recipe = name, recipe
        self._client = ChatClient(recipe, read_keys(recipe, where), replies, where=where, noun="questions")

    @property
    def metadata(self) -> dict[str, Any]:
        """Temperature, and what all runs into the folder have taken."""
        usage = self._client.usage()
        cost = {"cost": usage.cost} if self._recipe.price else {}
        return {
            "temperature": self._recipe.temperature,
            "usage": {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, **cost},
        }

    def answer(self, asks: Sequence[ChatRequest], ledger: str) -> list[Response]:
        """See :class:`GenerativeModel`. Raises UserError for what the user must set right; the next run goes on."""
        replies = self._client.ask([ChatQuery(ask, self._recipe) for ask in asks], ledger)
        return [_response(reply) for reply in replies]

    def __enter__(self) -> "ChatModel":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _response(reply: Reply | NoReply) -> Response:
    if isinstance(reply, NoReply):
        return Response(None, reply.reason, reply.detail)
    return Response(reply.text, first_token_logprobs=reply.first_token, cut=reply.finish_reason == "length")


def load_chat_model(spec: str, ask: Mapping[str, Any], out: Path, role: str = "model") -> ChatModel:
    """The model that ``openai:NAME`` means, asked with keys of :class:`ChatRecipe`.

    Keys below a role, as in ``{"judge": {"budget": 5}}``, are for that role alone. Without ``endpoints`` it is the
    one of OPENAI_BASE_URL, or else OpenAI's own, with the key in OPENAI_API_KEY if that is set. Replies are kept below
    ``out/replies``. Raises UserError for anything else.
    """
    kind, _, name = spec.partition(":")
    if kind != "openai" or not name:
        raise UserError(f"{role}: {spec!r} is not a generative model; name it openai:NAME")
    common = {key: value for key, value in ask.items() if key not in ROLES or not isinstance(value, Mapping)}
    content: dict[str, Any] = {**common, **ask.get(role, {}), "model": name}
    if not content.get("endpoints"):
        key = "OPENAI_API_KEY" if os.environ.get("OPENAI_API_KEY") else None
        content["endpoints"] = [{"base_url": os.environ.get("OPENAI_BASE_URL") or _HOST, "key": key}]
    recipe = check(ChatRecipe, content, "ask")
    slug = re.sub(r"[^\w.-]+", "-", name) + "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return ChatModel(spec, recipe, out / "replies" / f"{role}-{slug}", where="ask.")
