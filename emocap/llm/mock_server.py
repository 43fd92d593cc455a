"""A mock endpoint: answers like a multimodal model's server, costs nothing, and fails on demand.

Its replies are well-formed and made up: a caption for a face, an option for a question. They depend on the bytes of
the picture or the sound, or else of the text, not on what it shows. Which requests fail, and how, depends on the seed
and on the number of the request. ``GET /log`` tells what was asked, answered and charged for every picture. HTTP/1.1
over plain asyncio.
"""

# Tested in tests/captioning/test_mock_server.py.

import asyncio
import base64
import contextlib
import hashlib
import json
import math
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from emocap.llm.mock_replies import say

FAULTS = (
    "busy",  # 429 with Retry-After
    "broken",  # 500
    "stall",  # nothing ever comes
    "reset",  # the connection breaks
    "cut",  # a reply that reached max_tokens
    "whitespace",  # the same, all of it blank
    "refusal",
    "schema",  # JSON, but not a caption
    "identity",  # a caption that says who the person is
    "empty",
    "invalid",  # half of a caption, as if it were whole
    "html",  # a page in place of JSON, as from a proxy
)
_UNPAID = {"busy": 429, "broken": 500, "html": 200}

Answers = Callable[[Mapping[str, Any], str], str]
"""The reply to the body of a request and the sha256 of what it shows."""
Plan = Callable[[int], str | None]
"""The fault that a request meets, by its number from 0: one of FAULTS, a status such as 401, or None for none."""


def random_faults(share: float, seed: int = 0) -> Plan:
    """Every request fails with probability ``share``; the fault is one of FAULTS."""

    def fault(number: int) -> str | None:
        chance = random.Random(f"{seed}/{number}")
        return chance.choice(FAULTS) if chance.random() < share else None

    return fault


@dataclass
class Picture:
    """What happened to one picture, by its sha256."""

    requests: int = 0
    answered: int = 0
    """Good captions sent."""
    charged: int = 0
    """Replies, good or not, that a provider would have charged."""
    captions_charged: int = 0
    """Good captions among those."""


@dataclass
class Log:
    """What was asked so far."""

    requests: int = 0
    most_at_once: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Charged tokens."""
    pictures: dict[str, Picture] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One request: when it had arrived (``time.monotonic()``), the picture's sha256, the fault, and what it asked."""

    at: float
    picture: str
    fault: str | None
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class _Response:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: str = ""
    fault: str | None = None


class MockServer:
    """The endpoint. To be started on a thread of its own: ``with Rehearsal().running() as base_url``."""

    def __init__(
        self,
        plan: Plan = lambda number: None,
        *,
        latency: float = 0.0,
        retry_after: str = "1",
        honour_idempotency: bool = False,
        counts_tokens: bool = True,
        caption: Callable[[str], str] = lambda picture: "A face.",
        answers: Answers | None = None,
    ) -> None:
        """latency: seconds that a reply takes. retry_after: what a busy answer says in that header.
        honour_idempotency: a repeated ``Idempotency-Key`` gets the first reply again, and is not charged again.
        counts_tokens: replies say how many tokens they took. caption: writes the reply to a question that asks for no
        form that is known, for the sha256 of what it shows. answers: replies to everything, instead.
        """
        self._answers = answers or partial(answer, caption)
        self._plan, self._latency, self._retry_after = plan, latency, retry_after
        self._honours, self._counts_tokens = honour_idempotency, counts_tokens
        self._replies: dict[str, asyncio.Task[_Response]] = {}
        self._at_once = 0
        self._connections: set[asyncio.Task[None]] = set()
        self.log = Log()
        self.seen: deque[Seen] = deque(maxlen=10_000)
        """The latest requests."""

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator[str]:
        """Serves on a thread until the block ends; yields the base_url. Port 0: any that is free."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="mock-server", daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(self.serve(port), loop).result()
        try:
            yield base_url(server)
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def serve(self, port: int) -> asyncio.Server:
        """The server, listening on this machine only."""
        return await asyncio.start_server(self._connection, "127.0.0.1", port, limit=2**20, backlog=1024)

    async def _stop(self, server: asyncio.Server) -> None:
        server.close()
        for task in [*self._connections, *self._replies.values()]:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All requests of one connection, one after the other."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while request := await _read(reader):
                response = await self._respond(*request)
                if response.fault == "stall":
                    await reader.read()
                    return
                if response.fault == "reset":
                    writer.transport.abort()
                    return
                writer.write(
                    f"HTTP/1.1 {response.status} -\r\ncontent-type: {response.content_type}\r\n"
                    f"content-length: {len(response.body)}\r\n{response.headers}\r\n".encode()
                )
                writer.write(response.body)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other side has gone, or the server stops
        finally:
            self._connections.discard(task)
            writer.close()

    async def _respond(self, route: str, headers: Mapping[str, str], body: bytes) -> _Response:
        if route == "GET /log":
            return _Response(200, json.dumps(asdict(self.log)).encode())
        if route == "GET /v1/models":
            return _Response(200, b'{"object": "list", "data": [{"id": "mock", "object": "model"}]}')
        if route != "POST /v1/chat/completions":
            return _Response(404, json.dumps({"error": {"message": f"there is no {route}"}}).encode())
        asked = json.loads(body)
        picture = _picture_in(asked)
        if picture is None:
            return _Response(400, b'{"error": {"message": "there is nothing in the messages"}}')
        return await self._complete(asked, headers, picture_name(picture))

    async def _complete(self, asked: dict[str, Any], headers: Mapping[str, str], picture: str) -> _Response:
        fault = self._plan(self.log.requests)
        self.seen.append(Seen(time.monotonic(), picture, fault, headers, asked))
        counts = self.log.pictures.setdefault(picture, Picture())
        counts.requests += 1
        self.log.requests += 1
        self._at_once += 1
        self.log.most_at_once = max(self.log.most_at_once, self._at_once)
        try:
            if fault is not None and (fault in _UNPAID or fault.isdigit()):
                await asyncio.sleep(self._latency)
                return self._failure(fault)
            key = headers.get("idempotency-key")
            if not self._honours or key is None:
                response = await self._reply(asked, picture, fault)
            else:
                if key not in self._replies:
                    self._replies[key] = asyncio.create_task(self._reply(asked, picture, fault))
                response = await asyncio.shield(self._replies[key])
        finally:
            self._at_once -= 1
        if fault in ("stall", "reset"):
            return _Response(200, b"", fault=fault)
        counts.answered += response.fault is None
        return response

    def _failure(self, fault: str) -> _Response:
        if fault == "html":
            return _Response(200, b"<html><body>The gateway is a mock.</body></html>", "text/html", fault=fault)
        wait = f"retry-after: {self._retry_after}\r\n" if fault == "busy" else ""
        body = b'{"error": {"message": "a mock failure"}}'
        return _Response(_UNPAID.get(fault) or int(fault), body, headers=wait, fault=fault)

    async def _reply(self, asked: dict[str, Any], picture: str, fault: str | None) -> _Response:
        """A reply that is charged, with the fault in it where that is one of content."""
        await asyncio.sleep(self._latency)
        content: str | None = self._answers(asked, picture)
        assert content is not None
        words = _words(asked)
        most = int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 1024)
        tokens, finish_reason, refusal, bad = min(most, len(content) // 4), "stop", None, fault
        if fault == "cut":
            content, finish_reason, tokens = content[: len(content) // 2], "length", most
        elif fault == "whitespace":
            content, finish_reason, tokens = '{"global": "The face"' + "\n" * most, "length", most
        elif fault == "refusal":
            content, refusal = None, "I'm sorry, but I can't describe people."
        elif fault == "schema":
            content = json.dumps({"mood": "good", "reason": "The corners of the mouth are up."})
        elif fault == "identity":
            content = content.replace('"summary": "', '"summary": "A famous actor: ', 1)
        elif fault == "empty":
            content = ""
        elif fault == "invalid":
            content = content[: len(content) // 2]
        else:
            bad = None
        counts = self.log.pictures[picture]
        counts.charged += 1
        counts.captions_charged += bad is None
        self.log.prompt_tokens += words
        self.log.completion_tokens += tokens
        completion: dict[str, Any] = {
            "id": f"mock-{picture[:12]}",
            "object": "chat.completion",
            "created": 0,
            "model": asked.get("model"),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": refusal},
                    "finish_reason": finish_reason,
                }
            ],
        }
        if asked.get("logprobs") and content:
            completion["choices"][0]["logprobs"] = {"content": [_first_token(content, picture)]}
        if self._counts_tokens:
            completion["usage"] = {"prompt_tokens": words, "completion_tokens": tokens, "total_tokens": words + tokens}
        return _Response(200, json.dumps(completion).encode(), fault=bad)


def base_url(server: asyncio.Server) -> str:
    """What an endpoint's recipe calls the server."""
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def picture_name(jpeg: bytes) -> str:
    """What the log calls a picture: its sha256."""
    return hashlib.sha256(jpeg).hexdigest()


def answer(caption: Callable[[str], str], asked: Mapping[str, Any], picture: str) -> str:
    """A reply in the form that the text asks for (see :mod:`emocap.llm.mock_replies`), or else a caption."""
    said = None if "response_format" in asked else say("\n".join(_texts(asked)), picture)
    return caption(picture) if said is None else said


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes] | None:
    """``METHOD path``, headers and body of the next request; None when the other side has closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return first.rpartition(" ")[0], headers, body


def _picture_in(asked: Mapping[str, Any]) -> bytes | None:
    """The first picture or sound, or else all text; None where there is nothing."""
    for part in _parts(asked):
        if part.get("type") == "image_url":
            return base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
        if part.get("type") == "input_audio":
            return base64.b64decode(part["input_audio"]["data"])
    return "\n".join(_texts(asked)).encode() or None


def _first_token(content: str, picture: str) -> dict[str, Any]:
    """The first word's log-probability, and that of others: with "Real" and "Fake" among them."""
    chance = random.Random(picture)
    first, real = re.split(r"\W", content, maxsplit=1)[0], chance.uniform(0.01, 0.98)
    others = {"Real": real, "Fake": 0.99 - real, first: 0.01}
    likely = [{"token": token, "logprob": math.log(max(p, 1e-4))} for token, p in others.items()]
    return {**likely[-1], "top_logprobs": likely}


def _words(asked: Mapping[str, Any]) -> int:
    """The tokens of a prompt, roughly: four characters each, and 258 for every picture or sound."""
    media = sum(part.get("type") in ("image_url", "input_audio") for part in _parts(asked))
    return sum(map(len, _texts(asked))) // 4 + 258 * media


def _texts(asked: Mapping[str, Any]) -> list[str]:
    return [part.get("text", "") for part in _parts(asked) if part.get("type") == "text"]


def _parts(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of all messages, in their order."""
    contents = [message["content"] for message in asked["messages"]]
    return [
        part
        for content in contents
        for part in ([{"type": "text", "text": content}] if isinstance(content, str) else content)
    ]
