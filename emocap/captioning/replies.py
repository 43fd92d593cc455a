"""What is asked of a model, and whether what it says can be used."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from emocap.captioning.prompt import Prompt
from emocap.captioning.recipe import CaptionerRecipe
from emocap.llm.endpoints import Answer
from emocap.llm.reply_log import ACCEPTED, Reply
from emocap.schema.captions import Caption, json_schema, lint, refuses

_PICTURE_TOKENS = 3000
"""Tokens assumed for a picture until the first reply reports its usage; a 512-pixel crop costs less at most APIs."""
_SHOWN = 4000
"""Characters of a reply that the model is shown again; endless whitespace says no more."""


class Question:
    """What goes to the model with every face."""

    def __init__(self, recipe: CaptionerRecipe, prompt: Prompt) -> None:
        self._text = prompt.text
        self.prompt_tokens = len(prompt.text) // 2 + _PICTURE_TOKENS
        self.parameters: dict[str, Any] = {recipe.limit: recipe.max_tokens}
        if recipe.temperature is not None:
            self.parameters["temperature"] = recipe.temperature
        if recipe.structured == "json_schema":
            schema = {"name": "caption", "strict": True, "schema": json_schema()}
            self.parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif recipe.structured == "json_object":
            self.parameters["response_format"] = {"type": "json_object"}
        constant = json.dumps([self._text, recipe.model, self.parameters], sort_keys=True)
        self._hash = hashlib.sha256(constant.encode())

    def request(self, jpeg: bytes) -> str:
        """The sha256 of all that decides about the first reply for a picture."""
        whole = self._hash.copy()
        whole.update(jpeg)
        return whole.hexdigest()

    def messages(self, jpeg: bytes, last: Reply | None) -> list[dict[str, Any]]:
        """The conversation that asks for a picture; ``last`` is the latest reply, where it could not be used."""
        # The text comes first: servers that keep the state of a common beginning compute it only once.
        picture = {"url": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()}
        content = [{"type": "text", "text": self._text}, {"type": "image_url", "image_url": picture}]
        asked: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if last is None:
            return asked
        wrong = (
            f"This reply cannot be used ({last.verdict}): {last.detail}. "
            "Reply again, with the whole JSON object as it was asked for and nothing else."
        )
        # The reply stands between the two: many chat templates want the roles to alternate.
        return [
            *asked,
            {"role": "assistant", "content": last.text.strip()[:_SHOWN] or "(nothing)"},
            {"role": "user", "content": wrong},
        ]


@dataclass(frozen=True)
class AboutFace:
    """The question about one face: an :class:`emocap.llm.chat_client.Query`."""

    question: Question
    key: str
    jpeg: bytes

    @property
    def request(self) -> str:
        """See Query."""
        return self.question.request(self.jpeg)

    @property
    def parameters(self) -> dict[str, Any]:
        """See Query."""
        return self.question.parameters

    @property
    def prompt_tokens(self) -> int:
        """See Query."""
        return self.question.prompt_tokens

    def messages(self, last: Reply | None) -> list[dict[str, Any]]:
        """See Query."""
        return self.question.messages(self.jpeg, last)

    def judge(self, answer: Answer) -> tuple[str, str]:
        """See Query."""
        return judge(answer.text, answer.finish_reason, answer.refusal)


def judge(text: str, finish_reason: str | None, refusal: str | None) -> tuple[str, str]:
    """The verdict on a reply and, unless it is ``accepted``, what is wrong with it.

    Reasons: refused, cut (ended by ``max_tokens``), empty, not_json, wrong_schema, lint.
    """
    if refusal or finish_reason == "content_filter":
        return "refused", refusal or "the server's content filter ended the reply"
    if finish_reason == "length":
        blank = " in endless whitespace" if text and not text[-200:].strip() else ""
        return "cut", f"it was not complete when it reached the longest length{blank}"
    if not text.strip():
        return "empty", "it was empty"
    try:
        caption = read_caption(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] != "json_invalid":
            return "wrong_schema", f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
        return ("refused", text.strip()[:200]) if refuses(text) else ("not_json", "it was not a JSON object")
    problems = lint(caption)
    return ("lint", "; ".join(problems)) if problems else (ACCEPTED, "")


def read_caption(text: str) -> Caption:
    """The caption in a reply; whatever stands around the JSON object, such as a code fence, is left out.

    Raises pydantic's ValidationError.
    """
    return Caption.model_validate_json(text[text.find("{") : text.rfind("}") + 1])
