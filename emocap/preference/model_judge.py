"""A model as the judge: behind endpoints, in one of the four ways of EmoPrefer (prompts.py).

Whatever is asked goes through :mod:`emocap.llm.chat_models`, which keeps every reply before it is used: a
verdict is paid for once, however often a run is stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from emocap.io.media import Film, Sound
from emocap.llm.chat_models import GenerativeModel, Response
from emocap.llm.chat_request import ChatRequest
from emocap.preference import prompts
from emocap.preference.media import InputMedia
from emocap.preference.pairs import Pair, Verdict
from emocap.preference.replies import read_reply

T = TypeVar("T", str, Pair)
Strategy = Literal["S1", "S2", "S3", "S4"]
STRATEGIES: tuple[Strategy, ...] = ("S1", "S2", "S3", "S4")
TEXT_ALONE: tuple[Strategy, ...] = ("S3", "S4")
"""In which a second model judges, which sees nothing but texts."""
FRAMES = 8


@dataclass(frozen=True)
class JudgeMedia:
    """How inputs are sent."""

    frames: int = FRAMES
    """Number of frames sampled per clip (segment midpoints)."""
    sound: bool = False
    """Whether the sound of clips is sent, too."""


@dataclass(frozen=True)
class ModelJudge:
    """A judge that is asked; see :class:`emocap.preference.judges.Judge`."""

    model: GenerativeModel
    """Sees the inputs."""
    inputs: InputMedia
    strategy: Strategy = "S1"
    text_model: GenerativeModel | None = None
    """Of S3 and S4: the one that judges by texts alone."""
    sent: JudgeMedia = JudgeMedia()
    both_orders: bool = True

    @property
    def name(self) -> str:
        """See Judge."""
        parts = [f"{self.model.name}, {self.strategy}"]
        if self.text_model:
            parts.append(f"judged by {self.text_model.name}")
        for model in filter(None, (self.model, self.text_model)):
            if temperature := model.metadata.get("temperature"):
                parts.append(f"temperature {temperature:g} of {model.name}")
        if self.sent.frames != FRAMES:
            parts.append(f"{self.sent.frames} frames")
        if self.sent.sound:
            parts.append("with sound")
        return ", ".join(parts)

    @property
    def details(self) -> dict[str, Any]:
        """See Judge: what asking has taken, by model."""
        return {model.name: model.metadata for model in (self.model, self.text_model) if model}

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """See Judge."""
        if self.strategy == "S1":
            verdicts = self._judged(
                self.model, {p: self._describe_media(p, prompts.direct(p.a1, p.a2)) for p in pairs}
            )
            return [verdicts[pair] for pair in pairs]
        descriptions = self._describe([pair.name for pair in pairs])
        known = {pair: text for pair in pairs if (text := descriptions[pair.name].answer)}
        if self.strategy == "S2":
            looked = {p: self._describe_media(p, prompts.against(text, p.a1, p.a2)) for p, text in known.items()}
            verdicts = self._judged(self.model, looked)
        elif self.strategy == "S3":
            read = {p: _read(p, prompts.against(text, p.a1, p.a2)) for p, text in known.items()}
            verdicts = self._judged(self._judging, read)
        else:
            verdicts = self._reasoned(known)
        return [verdicts.get(pair) or _silent(descriptions[pair.name], "no description of it") for pair in pairs]

    @property
    def _judging(self) -> GenerativeModel:
        assert self.text_model is not None
        return self.text_model

    def _describe(self, names: Sequence[str]) -> dict[str, Response]:
        """What the model itself says of each input; asked once, whatever is compared on it."""
        asks = {name: self._show(name, f"{name}#description", prompts.DESCRIBE) for name in dict.fromkeys(names)}
        return _answered(self.model, asks, "descriptions")

    def _reasoned(self, known: dict[Pair, str]) -> dict[Pair, Verdict]:
        asks = {pair: _read(pair, prompts.reasoned(text, pair.a1, pair.a2)) for pair, text in known.items()}
        reasons = _answered(self._judging, asks, "reasons")
        concluding = {pair: _read(pair, prompts.concluded(one.answer)) for pair, one in reasons.items() if one.answer}
        silent = {pair: _silent(one, "no reasons") for pair, one in reasons.items() if not one.answer}
        return silent | self._judged(self._judging, concluding)

    def _judged(self, model: GenerativeModel, asks: "dict[Pair, ChatRequest | Response]") -> dict[Pair, Verdict]:
        responses = _answered(model, asks, "verdicts")
        return {
            pair: _silent(one) if one.answer is None else read_reply(one.answer) for pair, one in responses.items()
        }

    def _describe_media(self, pair: Pair, text: str) -> "ChatRequest | Response":
        return self._show(pair.name, _key(pair), text)

    def _show(self, name: str, key: str, text: str) -> "ChatRequest | Response":
        """A question with the input that it is about; a response where there is nothing to show."""
        media = self.inputs.of(name)
        if media is None:
            return Response(None, "missing_file", f"there is nothing to show of {name}")
        if isinstance(media, Sound) and not self.sent.sound:
            return Response(None, "not_shown", f"{name} is a sound, and sounds are sent only if that is asked for")
        sound = self.sent.sound and isinstance(media, Film | Sound)
        return ChatRequest(
            key, text, media, pictures=not isinstance(media, Sound), sound=sound, frames=self.sent.frames
        )


def _answered(model: GenerativeModel, asks: "dict[T, ChatRequest | Response]", ledger: str) -> dict[T, Response]:
    """The responses to questions, in their order; two that are the same question are asked once."""
    open_ones = {ask.key: ask for ask in asks.values() if isinstance(ask, ChatRequest)}
    responses = dict(zip(open_ones, model.answer(list(open_ones.values()), ledger), strict=True))
    return {thing: responses[ask.key] if isinstance(ask, ChatRequest) else ask for thing, ask in asks.items()}


def _read(pair: Pair, text: str) -> "ChatRequest | Response":
    return ChatRequest(_key(pair), text)


def _key(pair: Pair) -> str:
    """Of a pair in one of its two orders."""
    straight = (pair.model1 or "", pair.a1) <= (pair.model2 or "", pair.a2)
    return f"{pair.name}#{pair.key}#{'12' if straight else '21'}"


def _silent(response: Response, what: str = "") -> Verdict:
    return Verdict(None, ": ".join(filter(None, (what, response.reason, response.detail))))
