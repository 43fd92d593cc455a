"""Replies on disk: what was paid for is written down before it is used, so that it is never paid for again.

A ledger is a file of JSON lines, one :class:`Reply` each, usable or not. It is only ever appended to; a line counts
from the moment it is synced to disk. A process that is killed while it writes leaves half a line, which the next one
cuts off: nobody has used that reply.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from emocap.core.errors import UserError

ACCEPTED = "accepted"


class Reply(BaseModel):
    """What an endpoint said to one query, what it took, and what became of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: str
    """The query's."""
    request: str
    """sha256 over all that decides about the reply: what is shown, prompt, model and parameters."""
    ask: int
    """How many times the query has been asked with this reply: 1 for the first."""
    verdict: str
    """accepted, or the reason why the reply cannot be used."""
    detail: str = ""
    """The verdict's reason at length; empty where the reply was accepted."""
    endpoint: str
    model: str
    finish_reason: str | None = None
    refusal: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """In the currency of the recipe's ``price``; 0 where none is given."""
    seconds: float = 0.0
    """From sending the request to the end of the reply."""
    text: str
    """As it came."""
    first_token: dict[str, float] | None = None
    """Tokens that might have come first → their log-probabilities, where they were asked for."""


@dataclass(frozen=True)
class Usage:
    """What asking has taken."""

    requests: int = 0
    """Requests sent. Those of earlier runs are known only by their replies."""
    replies: int = 0
    accepted: int = 0
    retries: int = 0
    """Requests sent again because an endpoint was busy, broken or silent; only those of this run are known."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    in_flight: int = 0

    def with_reply(self, reply: Reply) -> "Usage":
        """The usage with one reply more."""
        return replace(
            self,
            replies=self.replies + 1,
            accepted=self.accepted + (reply.verdict == ACCEPTED),
            prompt_tokens=self.prompt_tokens + reply.prompt_tokens,
            completion_tokens=self.completion_tokens + reply.completion_tokens,
            cost=self.cost + reply.cost,
        )


def read_usage(replies: Path) -> Usage:
    """What all ledgers in a folder add up to, read line by line."""
    total = Usage()
    for path in sorted(replies.glob("*.jsonl")):
        for reply in read_replies(path):
            total = total.with_reply(reply)
    return replace(total, requests=total.replies)


def read_replies(path: Path) -> Iterator[Reply]:
    """The replies in a ledger; half a line at its end is passed over. Raises UserError for any other broken line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                try:
                    yield Reply.model_validate_json(line)
                except ValidationError:
                    raise UserError(
                        f"{path}, line {number} is damaged: take that line out, and what it answered is asked again"
                    ) from None


class Ledger:
    """One file of replies, open for appending. To be used from one event loop."""

    def __init__(self, path: Path) -> None:
        """Opens the file, which need not exist, and cuts off half a line at its end."""
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        _cut_half_line(self._descriptor)
        _sync_folder(path.parent)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, reply: Reply) -> None:
        """Returns once the reply is on disk; raises UserError where that fails. Replies that come while a sync is
        under way share the next one.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((reply.model_dump_json().encode() + b"\n", written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        await written

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, b"".join(line for line, _ in batch))
            except OSError as error:
                for _, written in batch:
                    written.set_exception(UserError(f"{self._path} cannot be written: {error.strerror}"))
            else:
                for _, written in batch:
                    written.set_result(None)
        self._writer = None

    def _write(self, lines: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)  # a full disk must not leave half a line for the next one to join
            raise

    async def close(self) -> None:
        """Nothing may be appended after this."""
        if self._writer is not None:
            await self._writer
        os.close(self._descriptor)


def _cut_half_line(descriptor: int) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    position = end
    while position > 0:
        start = max(0, position - 65536)
        newline = os.pread(descriptor, position - start, start).rfind(b"\n")
        if newline >= 0:
            position = start + newline + 1
            break
        position = start
    if position < end:
        os.ftruncate(descriptor, position)


def _sync_folder(folder: Path) -> None:
    """Makes sure that a file's name survives a crash of the machine along with its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
