"""Asking endpoints that speak the OpenAI chat completions protocol, whatever it is that is asked.

All queries wait in one queue. Every endpoint takes from it whatever it can serve, so that load balances itself; a
query whose request fails goes back into the queue, for any endpoint. Every reply is in the ledger before it counts,
and what is in a ledger is never asked for again: a run may be killed at any moment and goes on from there.
"""

# Tested in tests/captioning/captioners/test_openai.py.

import asyncio
import logging
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from emocap.core.errors import UserError
from emocap.llm.budget import Budget, BudgetSpent, Tokens
from emocap.llm.endpoints import Answer, Endpoint, Failed, Refused
from emocap.llm.recipe import AskRecipe
from emocap.llm.reply_log import ACCEPTED, Ledger, Reply, Usage, read_replies

log = logging.getLogger(__name__)

_REFUSED_FIRST, _REFUSED_LATER = 3, 50
"""This many refused queries in a row mean that requests as such are wrong: before an endpoint's first reply, and
after."""


class Query(Protocol):
    """Something to be asked of a model."""

    @property
    def key(self) -> str:
        """Distinguishes its replies from those to other requests in the same reply log."""
        ...

    @property
    def request(self) -> str:
        """sha256 over all that decides about the reply: one with another is asked anew."""
        ...

    @property
    def parameters(self) -> dict[str, Any]:
        """What goes into the body of the request beside model and messages."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """Tokens assumed for the prompt until the first reply reports its usage."""
        ...

    def messages(self, last: Reply | None) -> list[dict[str, Any]]:
        """The conversation; ``last`` is the latest reply, where it could not be used. Raises Unaskable.

        Called on a thread, so that it may read files.
        """
        ...

    def judge(self, answer: Answer) -> tuple[str, str]:
        """The verdict on a reply: ``accepted``, or a reason in a word and what is wrong at length."""
        ...


class Unaskable(Exception):
    """There is nothing to send: a file is missing or broken, for example."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class NoReply:
    """Why a query has no reply that can be used: a reason for counting, a detail for reading, the text if any."""

    reason: str
    detail: str
    text: str | None = None


@dataclass(eq=False)
class _Open:
    """A query that is being asked."""

    query: Query
    request: str
    ledger: Ledger
    outcome: asyncio.Future[Reply | NoReply]
    last: Reply | None = None
    sent: bool = False
    """Whether a request for it is under way."""
    failures: int = 0
    failed_at: float = math.inf
    """When its first request failed."""

    @property
    def ask(self) -> int:
        """Which ask the next one is, from 1."""
        return self.last.ask + 1 if self.last else 1


class ChatClient:
    """Asks endpoints. One object serves any number of threads, which share its limits and its budget.

    >>> asker = Asker(recipe, read_keys(recipe), out / "replies", where="captioner.", noun="faces")
    >>> replies = asker.ask(queries, "emocap-000012")
    """

    def __init__(
        self,
        recipe: AskRecipe,
        keys: Mapping[str, str],
        replies: Path,
        *,
        where: str,
        noun: str,
        backoff: float = 0.5,
    ) -> None:
        """keys: API keys by the names of their variables. replies: the folder of the ledgers. where: what stands
        before a key of the recipe in complaints. noun: what they call queries. backoff: seconds of the first wait
        after a failure; it doubles with every further one.
        """
        self._recipe, self._replies, self._backoff = recipe, replies, backoff
        self._where, self._noun = where, noun
        replies.mkdir(parents=True, exist_ok=True)
        self._usage, self._budget = Usage(), Budget(recipe, where)
        self._answered: set[str] = set()
        for path in sorted(replies.glob("*.jsonl")):
            for reply in read_replies(path):
                self._usage = self._usage.with_reply(reply)
                self._budget.count(reply)
                self._answered.add(reply.endpoint)
        self._usage = replace(self._usage, requests=self._usage.replies)
        self._error: BaseException | None = None
        self._open: set[_Open] = set()
        self._callers: set[asyncio.Task[list[Reply | NoReply]]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._last_failure = "none was asked"
        self._uncounted_reported = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asker", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(keys), self._loop).result()

    async def _start(self, keys: Mapping[str, str]) -> None:
        recipe = self._recipe
        assert recipe.model is not None
        self._queue: asyncio.Queue[_Open] = asyncio.Queue()
        self._answered_at = self._loop.time()
        self._endpoints = []
        for one in recipe.endpoints:
            key = keys[one.key] if one.key else None
            endpoint = Endpoint(one, recipe.model, key, recipe.deadline, self._backoff, self._where)
            endpoint.replied = one.base_url in self._answered
            self._endpoints.append(endpoint)
        self._tasks = {asyncio.create_task(self._serve(endpoint)) for endpoint in self._endpoints}
        self._tasks.add(asyncio.create_task(self._watch()))
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def ask(self, queries: Sequence[Query], ledger: str) -> list[Reply | NoReply]:
        """The reply to each query that was accepted, in their order; blocks until all is known. May be called from
        many threads, each with a ledger of its own: the name of a file in ``replies``.

        Raises UserError for what the user must set right, BudgetSpent, or the endpoints' silence; requests that were
        under way then are first waited for, and their replies are in the ledger.
        """
        return asyncio.run_coroutine_threadsafe(self._ask(queries, ledger), self._loop).result()

    def usage(self) -> Usage:
        """What all runs into the folder have taken so far, and what is under way. May be called from any thread."""
        return self._usage

    def close(self) -> None:
        """Ends the thread and its connections; callers that still wait get an error."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _close(self) -> None:
        self._halt(UserError(f"asking about {self._noun} was closed; the same command goes on from here"))
        running = [*self._tasks, *self._sending]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for asked in list(self._open):
            self._fail(asked)
        await asyncio.gather(*self._callers, return_exceptions=True)
        for endpoint in self._endpoints:
            await endpoint.close()

    async def _ask(self, queries: Sequence[Query], name: str) -> list[Reply | NoReply]:
        if caller := asyncio.current_task():
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        path = self._replies / f"{name}.jsonl"
        requests, past = await asyncio.to_thread(self._look_up, queries, path)
        ledger = await asyncio.to_thread(Ledger, path)
        try:
            outcomes = []
            for query, request in zip(queries, requests, strict=True):
                asked = _Open(query, request, ledger, self._loop.create_future(), past.get((query.key, request)))
                outcomes.append(asked.outcome)
                self._go_on(asked)
            done = await asyncio.gather(*outcomes, return_exceptions=True)
        finally:
            await ledger.close()
        if left := sum(isinstance(outcome, BaseException) for outcome in done):
            raise self._reason(left, name)
        return [outcome for outcome in done if not isinstance(outcome, BaseException)]

    def _look_up(self, queries: Sequence[Query], path: Path) -> tuple[list[str], dict[tuple[str, str], Reply]]:
        """The queries' request hashes, and by key and hash the reply that counts, of those in the ledger: the one that
        was accepted, or else the latest.
        """
        requests = [query.request for query in queries]
        wanted = {(query.key, request) for query, request in zip(queries, requests, strict=True)}
        past: dict[tuple[str, str], Reply] = {}
        for reply in read_replies(path) if path.exists() else ():
            known = past.get((reply.key, reply.request))
            if (reply.key, reply.request) in wanted and (known is None or known.verdict != ACCEPTED):
                past[reply.key, reply.request] = reply
        return requests, past

    def _reason(self, left: int, ledger: str) -> BaseException:
        """The error for a caller, with the number of queries that it misses."""
        if isinstance(self._error, BudgetSpent):
            return BudgetSpent(f"{left} {self._noun} of {ledger} are left: {self._error}")
        assert self._error is not None
        return self._error

    def _go_on(self, asked: _Open) -> None:
        """Ends a query where its latest reply says enough, or else queues it."""
        last = asked.last
        if last is not None and last.verdict == ACCEPTED:
            self._end(asked, last)
        elif last is not None and last.ask >= self._recipe.asks:
            self._end(asked, NoReply(last.verdict, last.detail, last.text))
        elif self._error is not None:
            self._fail(asked)
        else:
            if not self._open:
                self._answered_at = self._loop.time()
            self._open.add(asked)
            self._queue.put_nowait(asked)

    def _end(self, asked: _Open, outcome: Reply | NoReply) -> None:
        self._open.discard(asked)
        asked.outcome.set_result(outcome)

    def _fail(self, asked: _Open) -> None:
        self._open.discard(asked)
        assert self._error is not None
        asked.outcome.set_exception(self._error)

    def _later(self, asked: _Open, seconds: float) -> None:
        """Back into the queue after a while, for any endpoint."""
        if self._error is not None:
            self._fail(asked)
        else:
            self._loop.call_later(seconds, self._queue.put_nowait, asked)

    def _halt(self, error: BaseException) -> None:
        """Nothing more is sent. Faces that wait fail now, those under way when their request has ended."""
        if self._error is None:
            self._error = error
            for asked in [asked for asked in self._open if not asked.sent]:
                self._fail(asked)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that is to run forever ends by a defect, which must not leave the callers waiting."""
        if not task.cancelled() and (error := task.exception()):
            self._halt(error)

    async def _serve(self, endpoint: Endpoint) -> None:
        """Sends queries from the queue to one endpoint, as fast as its limits and the budget allow."""
        while True:
            while endpoint.full:
                endpoint.changed.clear()
                await endpoint.changed.wait()
            if wait := endpoint.wait(self._loop.time()):
                await asyncio.sleep(wait)
                continue
            asked = await self._queue.get()
            if asked.outcome.done():
                continue
            if endpoint.full or endpoint.wait(self._loop.time()):  # it may have failed while the queue was empty
                self._queue.put_nowait(asked)
                continue
            tokens = self._budget.most(asked.query.prompt_tokens, asked.last)
            if not self._budget.allows(tokens):
                self._queue.put_nowait(asked)
                try:
                    await self._budget.wait(tokens)
                except BudgetSpent as error:
                    self._halt(error)
                continue
            self._budget.reserve(tokens)
            self._count(requests=1, in_flight=1)
            endpoint.begin(self._loop.time(), sum(tokens))
            asked.sent = True
            task = asyncio.create_task(self._send(endpoint, asked, tokens))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, endpoint: Endpoint, asked: _Open, tokens: Tokens) -> None:
        """Send one request for a query, of at most this many tokens, and handle its outcome."""
        sent, used = self._loop.time(), 0
        try:
            messages = await asyncio.to_thread(asked.query.messages, asked.last)
            answer = await endpoint.ask(messages, asked.query.parameters, f"{asked.request}-{asked.ask}")
            reply = self._reply(endpoint, asked, answer, self._loop.time() - sent)
            used = reply.prompt_tokens + reply.completion_tokens
            await asked.ledger.append(reply)
        except Unaskable as error:
            self._count(requests=-1)
            self._end(asked, NoReply(error.reason, error.detail))
        except Failed as failure:
            endpoint.failed(failure, sent, self._loop.time())
            self._try_again(endpoint, asked, failure)
        except Refused as error:
            self._refuse(endpoint, asked, error)
        except Exception as error:
            self._halt(error)
            self._fail(asked)
        else:
            endpoint.answered()
            self._answered_at = self._loop.time()
            self._budget.count(reply)
            self._usage = self._usage.with_reply(reply)
            asked.last, asked.failures, asked.failed_at = reply, 0, math.inf
            self._go_on(asked)
        finally:
            asked.sent = False
            self._count(in_flight=-1)
            self._budget.release(tokens)
            endpoint.end(sum(tokens) - used)

    def _reply(self, endpoint: Endpoint, asked: _Open, answer: Answer, seconds: float) -> Reply:
        verdict, detail = asked.query.judge(answer)
        counted = answer.prompt_tokens is not None and answer.completion_tokens is not None
        if not counted and not self._uncounted_reported:
            self._uncounted_reported = True
            log.warning("%s does not say how many tokens it took: they count as 0", endpoint.recipe.base_url)
        prompt, completion = answer.prompt_tokens or 0, answer.completion_tokens or 0
        return Reply(
            key=asked.query.key,
            request=asked.request,
            ask=asked.ask,
            verdict=verdict,
            detail=detail,
            endpoint=endpoint.recipe.base_url,
            model=endpoint.model,
            finish_reason=answer.finish_reason,
            refusal=answer.refusal,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost=self._budget.cost((prompt, completion)),
            seconds=round(seconds, 3),
            text=answer.text,
            first_token=answer.first_token,
        )

    def _try_again(self, endpoint: Endpoint, asked: _Open, failure: Failed) -> None:
        """A query is given up when it has failed often enough while others did not, or its endpoint did speak."""
        self._last_failure = f"{endpoint.recipe.base_url}: {failure}"
        asked.failed_at = min(asked.failed_at, self._loop.time())
        asked.failures += not failure.busy
        if asked.failures >= self._recipe.tries and (failure.present or self._answered_at > asked.failed_at):
            self._end(asked, NoReply("endpoint_failed", self._last_failure))
        else:
            self._count(retries=1)
            self._later(asked, endpoint.backoff(max(1, asked.failures)))

    def _refuse(self, endpoint: Endpoint, asked: _Open, error: Refused) -> None:
        """One query that is refused is its own fault; all of them are the recipe's."""
        endpoint.refused.add(asked.query.key)
        if len(endpoint.refused) >= (_REFUSED_LATER if endpoint.replied else min(_REFUSED_FIRST, len(self._open))):
            self._halt(
                UserError(
                    f"{self._where.rstrip('. ')}: endpoint {endpoint.recipe.base_url} takes no requests ({error})"
                )
            )
            self._fail(asked)
        elif endpoint.replied:
            self._end(asked, NoReply("bad_request", str(error)))
        else:
            self._count(retries=1)
            self._later(asked, self._backoff)

    def _count(self, requests: int = 0, retries: int = 0, in_flight: int = 0) -> None:
        now = self._usage
        self._usage = replace(
            now,
            requests=now.requests + requests,
            retries=now.retries + retries,
            in_flight=now.in_flight + in_flight,
        )

    async def _watch(self) -> None:
        """Ends the work when no endpoint has replied for too long."""
        patience = self._recipe.patience
        while True:
            await asyncio.sleep(min(patience / 10, 5.0))
            if self._open and self._loop.time() - self._answered_at > patience:
                self._halt(
                    UserError(
                        f"no endpoint has replied for {patience:g} s (the last failure: {self._last_failure}); "
                        "the same command goes on from here"
                    )
                )
