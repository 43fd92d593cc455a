"""A server that is asked for captions: its limits, its health, and what its answers mean."""

import asyncio
import email.utils
import logging
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from emocap.core.errors import UserError
from emocap.llm.recipe import EndpointRecipe

if TYPE_CHECKING:
    import openai

log = logging.getLogger(__name__)

_DOWN = 2
"""Rounds of failures in a row from which on an endpoint counts as down."""
_DROPPED = ("ReadError", "WriteError", "RemoteProtocolError")
"""What the HTTP client calls a connection that the other side has closed."""
_LONGEST = 60
"""The longest wait, as a multiple of the first."""


@dataclass(frozen=True)
class Answer:
    """What an endpoint said, and the tokens it counted; None where it does not count."""

    text: str
    finish_reason: str | None
    refusal: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    first_token: dict[str, float] | None = None
    """Tokens that might have come first → their log-probabilities, where they were asked for."""


class Failed(Exception):
    """No answer came, which need not be the request's fault."""

    def __init__(
        self, what: str, *, busy: bool = False, present: bool = False, retry_after: float | None = None
    ) -> None:
        """busy: the endpoint says that it has too much to do. present: it said something, so that it does run.
        retry_after: seconds for which it wants to be left alone.
        """
        super().__init__(what)
        self.busy, self.present, self.retry_after = busy, present, retry_after


class Refused(Exception):
    """The endpoint does not take the request as it is."""


class Pace:
    """A limit per minute, spread evenly: no time span gets more than its share and one."""

    def __init__(self, per_minute: int | None) -> None:
        self._seconds_each = 60 / per_minute if per_minute else 0.0
        self._free = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next may begin."""
        return max(0.0, self._free - now)

    def take(self, now: float, amount: float) -> None:
        """``amount`` begin now."""
        self._free = max(now, self._free) + amount * self._seconds_each

    def give_back(self, amount: float) -> None:
        """Return what was taken and not used."""
        self._free -= amount * self._seconds_each


class Endpoint:
    """One endpoint of a recipe, with its client. To be used from one event loop; ``now`` is that loop's time."""

    def __init__(
        self, recipe: EndpointRecipe, model: str, key: str | None, deadline: float, backoff: float, where: str
    ) -> None:
        """deadline: seconds for a whole request. backoff: seconds of the first wait after failures. where: what
        stands before a key of the recipe in complaints.
        """
        import openai  # takes a second, which only those pay who ask

        self.recipe = recipe
        self.model = recipe.model or model
        self._deadline, self._backoff, self._where = deadline, backoff, where
        self._client = openai.AsyncOpenAI(
            base_url=recipe.base_url,
            api_key=key or "none",
            max_retries=0,
            timeout=None,
        )
        self._headers: dict[str, str | openai.Omit] = {} if key else {"Authorization": openai.Omit()}
        self._requests = Pace(recipe.requests_per_minute)
        self._tokens = Pace(recipe.tokens_per_minute)
        self._paused_until = 0.0
        self._rounds = 0
        self._failed_at = 0.0
        self.in_flight = 0
        self.changed = asyncio.Event()
        """Set whenever a request has ended."""
        self.replied = False
        """Whether it has ever answered."""
        self.refused: set[str] = set()
        """Keys of the queries that it did not take since it last answered."""

    @property
    def full(self) -> bool:
        """Whether no request may be added now. While the endpoint is down, a single one tries it out."""
        return self.in_flight >= (1 if self._rounds >= _DOWN else self.recipe.concurrency)

    def wait(self, now: float) -> float:
        """Seconds until it may be asked again."""
        return max(self._paused_until - now, self._requests.wait(now), self._tokens.wait(now))

    def begin(self, now: float, tokens: int) -> None:
        """Record that a request of at most this many tokens is about to be sent."""
        self.in_flight += 1
        self._requests.take(now, 1)
        self._tokens.take(now, tokens)

    def end(self, unused_tokens: int) -> None:
        """Record that a request has ended, and how many of its tokens were not used."""
        self.in_flight -= 1
        self._tokens.give_back(unused_tokens)
        self.changed.set()

    def answered(self) -> None:
        """It works."""
        self.replied = True
        self.refused.clear()
        self._rounds = 0

    def failed(self, failure: Failed, sent: float, now: float) -> None:
        """A request that was sent at ``sent`` has failed: leave the endpoint alone for a while where that helps."""
        # Requests that were under way together fail together: they count as one round.
        if sent >= self._failed_at:
            self._failed_at = now
            self._rounds += 1
            if self._rounds == _DOWN:
                log.warning("%s: %s; it is tried again from time to time", self.recipe.base_url, failure)
        pause = 0.0
        if failure.retry_after is not None:
            pause = failure.retry_after
        elif failure.busy or self._rounds >= _DOWN:
            pause = self.backoff(self._rounds)
        self._paused_until = max(self._paused_until, now + pause)

    def backoff(self, failures: int) -> float:
        """Seconds to wait, by the number of failures in a row."""
        return self._backoff * min(_LONGEST, 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)

    async def ask(self, messages: list[Any], parameters: dict[str, Any], idempotency_key: str) -> Answer:
        """One request. Raises Failed, Refused, or UserError for what the user must set right."""
        import openai

        try:
            async with asyncio.timeout(self._deadline):
                body = {"model": self.model, "messages": messages, **parameters}
                return read_answer(await self._post(body, idempotency_key))
        except TimeoutError:
            raise Failed(f"no answer within {self._deadline:g} s") from None
        except openai.APIStatusError as error:
            raise self._meaning(error) from None
        except openai.APIConnectionError as error:
            raise Failed(f"no connection: {_cause(error)}") from None

    async def _post(self, body: dict[str, Any], idempotency_key: str) -> str:
        import openai

        # The typed method would walk through every message and schema first, at a quarter of the whole cost.
        options: openai.RequestOptions = {"headers": {"Idempotency-Key": idempotency_key, **self._headers}}
        try:
            return await self._client.post("/chat/completions", cast_to=str, body=body, options=options)
        except openai.APIConnectionError as error:
            # A server may close a kept connection just as we send on it, after an error for example: not our failure.
            if not _cause(error).startswith(_DROPPED):
                raise
            return await self._client.post("/chat/completions", cast_to=str, body=body, options=options)

    def _meaning(self, error: "openai.APIStatusError") -> Exception:
        status, where = error.status_code, f"{self._where.rstrip('. ')}: endpoint {self.recipe.base_url}"
        body = error.body
        message = body.get("message") if isinstance(body, Mapping) else None
        said = str(message or error.response.text or "no reason given")[:400]
        if status in (401, 403):
            variable = self.recipe.key
            mend = (
                f"is {variable} the right key?"
                if variable
                else f"name the variable with its key in {self._where}endpoints"
            )
            return UserError(f"{where} does not let us in ({status}: {said}); {mend}")
        if status == 402:
            return UserError(f"{where} wants to be paid first ({said}); the same command then goes on from here")
        if status == 404:
            return UserError(
                f"{where} serves no model {self.model!r} ({said}); {self.recipe.base_url}/models lists what it has"
            )
        if status in (408, 409, 425, 429) or status >= 500:
            wait = retry_after(error.response.headers, time.time())
            busy, present = status in (429, 503), status not in (408, 502, 504)
            return Failed(f"status {status}: {said}", busy=busy, present=present, retry_after=wait)
        return Refused(f"status {status}: {said}")

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.close()


def _cause(error: "openai.APIConnectionError") -> str:
    return f"{type(error.__cause__).__name__} {error.__cause__}".strip()


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a response asks to wait, given as seconds or as a date; ``now`` in seconds since 1970."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def read_answer(body: str) -> Answer:
    """What stands in a response. Raises Failed for anything that is not a chat completion."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        raise Failed(f"the answer is no chat completion: {body[:200]!r}", present=True) from None
    choice, usage = completion.choices[0], completion.usage or _Usage()
    if choice.finish_reason == "error":
        raise Failed("the server reports an error in place of a reply", present=True)
    return Answer(
        choice.message.content or "",
        choice.finish_reason,
        choice.message.refusal,
        usage.prompt_tokens,
        usage.completion_tokens,
        _first_token(choice.logprobs),
    )


def _first_token(logprobs: "_LogProbs | None") -> dict[str, float] | None:
    if logprobs is None or not logprobs.content:
        return None
    first = logprobs.content[0]
    # Some servers list what is impossible, too, with -Infinity.
    by_token = {one.token: one.logprob for one in (first, *reversed(first.top_logprobs)) if math.isfinite(one.logprob)}
    return by_token or None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Token(BaseModel):
    token: str
    logprob: float


class _Place(_Token):
    top_logprobs: list[_Token] = []


class _LogProbs(BaseModel):
    content: list[_Place] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _LogProbs | None = None


class _Completion(BaseModel):
    """What a chat completion must have; servers differ in the rest."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
