"""One question with what it shows, as endpoints are asked it."""

# Tested in tests/evaluation/test_predictions.py.

import base64
import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from pydantic import Field

from emocap.io.audio import wave
from emocap.io.images import ImageError, Pixels
from emocap.io.media import Film, Frames, Media, Several, Sound
from emocap.llm.chat_client import Unaskable
from emocap.llm.endpoints import Answer
from emocap.llm.recipe import AskRecipe
from emocap.llm.reply_log import ACCEPTED, Reply

_PICTURE_TOKENS, _SOUND_TOKENS = 1500, 3000
"""Tokens assumed for one of these until the first reply reports its usage."""


class ChatRecipe(AskRecipe):
    """How a model that writes is asked."""

    first_token_logprobs: int = Field(20, ge=0, le=20)
    """Of how many likely first words a reply tells the odds, where a task weighs them; 0 where a server refuses to."""


@dataclass(frozen=True)
class ChatRequest:
    """A question. ``key`` is unique among those that are asked together."""

    key: str
    text: str
    media: Media | None = None
    """Shown before the text."""
    content: str | None = None
    """sha256 of ``media``, where it is known already."""
    pictures: bool = True
    """Whether pictures are sent, or frames of a clip."""
    sound: bool = False
    """Whether the sound is, of a clip or a recording."""
    frames: int = 8
    """Number of frames sampled per clip (segment midpoints)."""
    every: float | None = None
    """For video files instead: seconds between frames, from the first frame on, at most ``frames`` of them."""
    side: int = 768
    """Longest side of a picture as it is sent, in pixels."""
    system: str | None = None
    max_tokens: int | None = None
    """Longest reply; None: as the recipe of the model says."""
    seed: int | None = None
    """For the server's sampling; two that differ in it alone are two questions."""
    first_token_logprobs: bool = False
    """Whether the reply is to tell what else might have been its first word, and how likely."""


@dataclass(frozen=True)
class ChatQuery:
    """An :class:`ChatRequest` to a model: an :class:`emocap.llm.chat_client.Query`."""

    ask: ChatRequest
    recipe: ChatRecipe
    parameters: dict[str, Any] = field(init=False)
    request: str = field(init=False)

    def __post_init__(self) -> None:
        recipe, ask = self.recipe, self.ask
        parameters: dict[str, Any] = {recipe.limit: ask.max_tokens or recipe.max_tokens}
        if recipe.temperature is not None:
            parameters["temperature"] = recipe.temperature
        if ask.seed is not None:
            parameters["seed"] = ask.seed
        if ask.first_token_logprobs and recipe.first_token_logprobs:
            parameters |= {"logprobs": True, "top_logprobs": recipe.first_token_logprobs}
        identity = [ask.text, ask.system, recipe.model, parameters, self._media_identity()]
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "request", hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest())

    def _media_identity(self) -> list[Any]:
        """What decides about the media that are sent: their bytes, and what is made of them."""
        ask = self.ask
        if ask.media is None:
            return []
        try:
            content = ask.content or ask.media.sha256()
        except ImageError as error:
            content = error.reason  # messages() tells of it
        looks = [ask.frames, ask.side, ask.every] if ask.every else [ask.frames, ask.side]
        return [content, ask.pictures and looks, ask.sound]

    @property
    def key(self) -> str:
        """See Query."""
        return self.ask.key

    @property
    def prompt_tokens(self) -> int:
        """See Query."""
        pictures = self._pictures() if self.ask.pictures else 0
        return len(self.ask.text) // 2 + pictures * _PICTURE_TOKENS + self.ask.sound * _SOUND_TOKENS

    def _pictures(self) -> int:
        """How many there are."""
        match self.ask.media:
            case None | Sound():
                return 0
            case Several(paths=paths):
                return len(paths)
            case Film() | Frames():
                return self.ask.frames
            case _:
                return 1

    def messages(self, last: Reply | None) -> list[dict[str, Any]]:
        """See Query. A reply that could not be used is not shown again: a protocol's question is asked as it is."""
        ask = self.ask
        content: list[dict[str, Any]] = []
        try:
            if ask.media and ask.pictures:
                content += [_picture(pixels, ask.side) for pixels in _pictures(ask, ask.media)]
            if ask.media and ask.sound:
                if not isinstance(ask.media, Film | Sound):
                    raise ImageError("no_sound", f"{ask.key} is a picture")
                data = base64.b64encode(wave(ask.media.path)).decode()
                content.append({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}})
        except ImageError as error:
            raise Unaskable(error.reason, error.detail) from None
        content.append({"type": "text", "text": ask.text})
        system = [{"role": "system", "content": ask.system}] if ask.system else []
        return [*system, {"role": "user", "content": content}]

    def judge(self, answer: Answer) -> tuple[str, str]:
        """See Query. Whether the words are an answer to the question is for the task to say."""
        if answer.refusal or answer.finish_reason == "content_filter":
            return "refused", answer.refusal or "the server's content filter ended the reply"
        if not answer.text.strip():
            return ("cut" if answer.finish_reason == "length" else "empty"), "it was empty"
        return ACCEPTED, ""


def _pictures(ask: ChatRequest, media: Media) -> list[Pixels]:
    if ask.every and isinstance(media, Film):
        return media.each(ask.every, ask.frames)
    return media.pictures(ask.frames)


def _picture(pixels: Pixels, side: int) -> dict[str, Any]:
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image.save(file, "JPEG", quality=90)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url}}
