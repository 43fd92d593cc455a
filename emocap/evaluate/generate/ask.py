"""One question with what it shows, as endpoints are asked it."""

import base64
import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from emocap.captioners.asking import Unaskable
from emocap.captioners.endpoints import Answer
from emocap.captioners.ledger import ACCEPTED, Reply
from emocap.captioners.recipe import AskRecipe
from emocap.evaluate.examples import Film, Media, Sound
from emocap.evaluate.sounds import wave
from emocap.faces.images import ImageError, Pixels

_PICTURE_TOKENS, _SOUND_TOKENS = 1500, 3000
"""What these are taken to cost before the first reply has told."""
_TOP = 20
"""Likely first tokens that are asked for; the most that the protocol allows."""


@dataclass(frozen=True)
class Ask:
    """A question. ``key`` is unique among those that are asked together."""

    key: str
    text: str
    media: Media | None = None
    """Shown before the text."""
    pictures: bool = True
    """Whether pictures are sent, or frames of a clip."""
    sound: bool = False
    """Whether the sound is, of a clip or a recording."""
    frames: int = 8
    """Of a clip: the middle frame of each of so many equal parts."""
    side: int = 768
    """Longest side of a picture as it is sent, in pixels."""
    system: str | None = None
    max_tokens: int | None = None
    """Longest reply; None: as the recipe of the model says."""
    odds: bool = False
    """Whether the reply is to tell what else might have been its first word, and how likely."""


@dataclass(frozen=True)
class Asked:
    """An :class:`Ask` to a model: an :class:`emocap.captioners.asking.Query`."""

    ask: Ask
    recipe: AskRecipe
    parameters: dict[str, Any] = field(init=False)
    request: str = field(init=False)

    def __post_init__(self) -> None:
        recipe, ask = self.recipe, self.ask
        parameters: dict[str, Any] = {recipe.limit: ask.max_tokens or recipe.max_tokens}
        if recipe.temperature is not None:
            parameters["temperature"] = recipe.temperature
        if ask.odds:
            parameters |= {"logprobs": True, "top_logprobs": _TOP}
        told = [ask.text, ask.system, recipe.model, parameters, self._shown()]
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "request", hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest())

    def _shown(self) -> list[Any]:
        """What decides about the media that are sent: their bytes, and what is made of them."""
        ask = self.ask
        if ask.media is None:
            return []
        try:
            content = ask.media.sha256()
        except ImageError as error:
            content = error.reason  # messages() tells of it
        return [content, ask.pictures and [ask.frames, ask.side], ask.sound]

    @property
    def key(self) -> str:
        """See Query."""
        return self.ask.key

    @property
    def prompt_tokens(self) -> int:
        """See Query."""
        pictures = self.ask.frames if self.ask.media and self.ask.pictures else 0
        return len(self.ask.text) // 2 + pictures * _PICTURE_TOKENS + self.ask.sound * _SOUND_TOKENS

    def messages(self, last: Reply | None) -> list[dict[str, Any]]:
        """See Query. A reply that could not be used is not shown again: a protocol's question is asked as it is."""
        ask = self.ask
        content: list[dict[str, Any]] = []
        try:
            if ask.media and ask.pictures:
                content += [_picture(pixels, ask.side) for pixels in ask.media.pictures(ask.frames)]
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
        if self.ask.odds and not answer.first_token:
            return "no_odds", "it does not tell what its first token might have been"
        return ACCEPTED, ""


def _picture(pixels: Pixels, side: int) -> dict[str, Any]:
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image.save(file, "JPEG", quality=90)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url}}
