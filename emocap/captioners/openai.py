"""Captions asked of endpoints that speak the OpenAI chat completions protocol.

All faces wait in one queue. Every endpoint takes from it whatever it can serve, so that load balances itself; a face
whose request fails goes back into the queue, for any endpoint. Every reply is in the ledger before it counts, and what
is in a ledger is never asked for again: a build may be killed at any moment and goes on from there.
"""

import asyncio
import logging
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emocap.captioners import NoCaption, Outcome
from emocap.captioners.budget import Budget, BudgetSpent, Tokens
from emocap.captioners.endpoints import Answer, Endpoint, Failed, Refused
from emocap.captioners.ledger import ACCEPTED, Ledger, Reply, Usage, read_replies
from emocap.captioners.prompt import Prompt
from emocap.captioners.recipe import CaptionerRecipe
from emocap.captioners.replies import Question, judge, read_caption
from emocap.errors import UserError
from emocap.samples import Captioned, Sample

log = logging.getLogger(__name__)

_REFUSED_FIRST, _REFUSED_LATER = 3, 50
"""So many faces refused in a row mean that requests as such are wrong: before an endpoint's first reply, and after."""


@dataclass(eq=False)
class _Face:
    """A face that is being asked for."""

    sample: Sample
    request: str
    ledger: Ledger
    outcome: asyncio.Future[Outcome]
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


class OpenAICaptioner:
    """Asks endpoints for captions. One object serves any number of threads, which share its limits and its budget.

    >>> captioner = OpenAICaptioner(recipe, load_prompt(recipe.prompt), read_keys(recipe), out / "replies")
    >>> outcomes = captioner.caption(samples, "emocap-000012")
    """

    def __init__(
        self, recipe: CaptionerRecipe, prompt: Prompt, keys: Mapping[str, str], replies: Path, *, backoff: float = 0.5
    ) -> None:
        """keys: API keys by the names of their variables. replies: the folder of the ledgers. backoff: seconds of the
        first wait after a failure; it doubles with every further one.
        """
        self._recipe, self._prompt, self._replies, self._backoff = recipe, prompt, replies, backoff
        self._question = Question(recipe, prompt)
        replies.mkdir(parents=True, exist_ok=True)
        self._usage, self._budget = Usage(), Budget(recipe, prompt)
        self._answered: set[str] = set()
        for path in sorted(replies.glob("*.jsonl")):
            for reply in read_replies(path):
                self._usage = self._usage.with_reply(reply)
                self._budget.count(reply)
                self._answered.add(reply.endpoint)
        self._usage = replace(self._usage, requests=self._usage.replies)
        self._error: BaseException | None = None
        self._open: set[_Face] = set()
        self._callers: set[asyncio.Task[list[Outcome]]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._last_failure = "none was asked"
        self._uncounted_told = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="captioner", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(keys), self._loop).result()

    async def _start(self, keys: Mapping[str, str]) -> None:
        recipe = self._recipe
        assert recipe.model is not None
        self._queue: asyncio.Queue[_Face] = asyncio.Queue()
        self._answered_at = self._loop.time()
        self._endpoints = []
        for one in recipe.endpoints:
            key = keys[one.key] if one.key else None
            endpoint = Endpoint(one, recipe.model, key, recipe.deadline, self._backoff)
            endpoint.replied = one.base_url in self._answered
            self._endpoints.append(endpoint)
        self._tasks = {asyncio.create_task(self._serve(endpoint)) for endpoint in self._endpoints}
        self._tasks.add(asyncio.create_task(self._watch()))
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def caption(self, samples: Sequence[Sample], ledger: str) -> list[Outcome]:
        """What becomes of each sample, in their order; blocks until all is known. May be called from many threads,
        each with a ledger of its own: the name of a file in ``replies``.

        Raises UserError for what the user must set right, BudgetSpent, or the endpoints' silence; requests that were
        under way then are first waited for, and their replies are in the ledger.
        """
        return asyncio.run_coroutine_threadsafe(self._caption(samples, ledger), self._loop).result()

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
        self._halt(UserError("the captioner was closed; the same command goes on from here"))
        running = [*self._tasks, *self._sending]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for face in list(self._open):
            self._fail(face)
        await asyncio.gather(*self._callers, return_exceptions=True)
        for endpoint in self._endpoints:
            await endpoint.close()

    async def _caption(self, samples: Sequence[Sample], name: str) -> list[Outcome]:
        if caller := asyncio.current_task():
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        path = self._replies / f"{name}.jsonl"
        requests, past = await asyncio.to_thread(self._look_up, samples, path)
        ledger = await asyncio.to_thread(Ledger, path)
        try:
            outcomes = []
            for sample, request in zip(samples, requests, strict=True):
                face = _Face(
                    sample, request, ledger, self._loop.create_future(), past.get((sample.record.key, request))
                )
                outcomes.append(face.outcome)
                self._go_on(face)
            done = await asyncio.gather(*outcomes, return_exceptions=True)
        finally:
            await ledger.close()
        if left := sum(isinstance(outcome, BaseException) for outcome in done):
            raise self._reason(left, name)
        return [outcome for outcome in done if not isinstance(outcome, BaseException)]

    def _look_up(self, samples: Sequence[Sample], path: Path) -> tuple[list[str], dict[tuple[str, str], Reply]]:
        """The samples' request hashes, and by key and hash the reply that counts, of those in the ledger: the one that
        was accepted, or else the latest.
        """
        requests = [self._question.request(sample.jpeg) for sample in samples]
        wanted = {(sample.record.key, request) for sample, request in zip(samples, requests, strict=True)}
        past: dict[tuple[str, str], Reply] = {}
        for reply in read_replies(path) if path.exists() else ():
            known = past.get((reply.key, reply.request))
            if (reply.key, reply.request) in wanted and (known is None or known.verdict != ACCEPTED):
                past[reply.key, reply.request] = reply
        return requests, past

    def _reason(self, left: int, ledger: str) -> BaseException:
        """The error for a caller that misses so many faces."""
        if isinstance(self._error, BudgetSpent):
            return BudgetSpent(f"{left} faces of {ledger} are left: {self._error}")
        assert self._error is not None
        return self._error

    def _go_on(self, face: _Face) -> None:
        """Ends a face where its latest reply says enough, or else queues it."""
        last = face.last
        if last is not None and last.verdict == ACCEPTED:
            made = Captioned(
                backend="openai",
                model=self._recipe.model,
                prompt=self._prompt.version,
                prompt_tokens=last.prompt_tokens or None,
                completion_tokens=last.completion_tokens or None,
            )
            self._end(face, (read_caption(last.text), made))
        elif last is not None and last.ask >= self._recipe.asks:
            self._end(face, NoCaption(last.verdict, last.detail, last.text))
        elif self._error is not None:
            self._fail(face)
        else:
            if not self._open:
                self._answered_at = self._loop.time()
            self._open.add(face)
            self._queue.put_nowait(face)

    def _end(self, face: _Face, outcome: Outcome) -> None:
        self._open.discard(face)
        face.outcome.set_result(outcome)

    def _fail(self, face: _Face) -> None:
        self._open.discard(face)
        assert self._error is not None
        face.outcome.set_exception(self._error)

    def _later(self, face: _Face, seconds: float) -> None:
        """Back into the queue after a while, for any endpoint."""
        if self._error is not None:
            self._fail(face)
        else:
            self._loop.call_later(seconds, self._queue.put_nowait, face)

    def _halt(self, error: BaseException) -> None:
        """Nothing more is sent. Faces that wait fail now, those under way when their request has ended."""
        if self._error is None:
            self._error = error
            for face in [face for face in self._open if not face.sent]:
                self._fail(face)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that is to run forever ends by a defect, which must not leave the callers waiting."""
        if not task.cancelled() and (error := task.exception()):
            self._halt(error)

    async def _serve(self, endpoint: Endpoint) -> None:
        """Sends faces from the queue to one endpoint, as fast as its limits and the budget allow."""
        while True:
            while endpoint.full:
                endpoint.changed.clear()
                await endpoint.changed.wait()
            if wait := endpoint.wait(self._loop.time()):
                await asyncio.sleep(wait)
                continue
            face = await self._queue.get()
            if face.outcome.done():
                continue
            if endpoint.full or endpoint.wait(self._loop.time()):  # it may have failed while the queue was empty
                self._queue.put_nowait(face)
                continue
            tokens = self._budget.most(face.last)
            if not self._budget.allows(tokens):
                self._queue.put_nowait(face)
                try:
                    await self._budget.wait(tokens)
                except BudgetSpent as error:
                    self._halt(error)
                continue
            self._budget.reserve(tokens)
            self._count(requests=1, in_flight=1)
            endpoint.begin(self._loop.time(), sum(tokens))
            face.sent = True
            task = asyncio.create_task(self._send(endpoint, face, tokens))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, endpoint: Endpoint, face: _Face, tokens: Tokens) -> None:
        """One request for a face, and what follows from it; it may take so many tokens."""
        sent, used = self._loop.time(), 0
        try:
            messages = self._question.messages(face.sample.jpeg, face.last)
            answer = await endpoint.ask(messages, self._question.parameters, f"{face.request}-{face.ask}")
            reply = self._reply(endpoint, face, answer, self._loop.time() - sent)
            used = reply.prompt_tokens + reply.completion_tokens
            await face.ledger.append(reply)
        except Failed as failure:
            endpoint.failed(failure, sent, self._loop.time())
            self._try_again(endpoint, face, failure)
        except Refused as error:
            self._refuse(endpoint, face, error)
        except Exception as error:
            self._halt(error)
            self._fail(face)
        else:
            endpoint.answered()
            self._answered_at = self._loop.time()
            self._budget.count(reply)
            self._usage = self._usage.with_reply(reply)
            face.last, face.failures, face.failed_at = reply, 0, math.inf
            self._go_on(face)
        finally:
            face.sent = False
            self._count(in_flight=-1)
            self._budget.release(tokens)
            endpoint.end(sum(tokens) - used)

    def _reply(self, endpoint: Endpoint, face: _Face, answer: Answer, seconds: float) -> Reply:
        verdict, detail = judge(answer.text, answer.finish_reason, answer.refusal)
        counted = answer.prompt_tokens is not None and answer.completion_tokens is not None
        if not counted and not self._uncounted_told:
            self._uncounted_told = True
            log.warning("%s does not say how many tokens it took: they count as 0", endpoint.recipe.base_url)
        prompt, completion = answer.prompt_tokens or 0, answer.completion_tokens or 0
        return Reply(
            key=face.sample.record.key,
            request=face.request,
            ask=face.ask,
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
        )

    def _try_again(self, endpoint: Endpoint, face: _Face, failure: Failed) -> None:
        """A face is given up when it has failed often enough while others did not, or while its endpoint did speak."""
        self._last_failure = f"{endpoint.recipe.base_url}: {failure}"
        face.failed_at = min(face.failed_at, self._loop.time())
        face.failures += not failure.busy
        if face.failures >= self._recipe.tries and (failure.present or self._answered_at > face.failed_at):
            self._end(face, NoCaption("endpoint_failed", self._last_failure))
        else:
            self._count(retries=1)
            self._later(face, endpoint.backoff(max(1, face.failures)))

    def _refuse(self, endpoint: Endpoint, face: _Face, error: Refused) -> None:
        """One picture that is refused is the picture's fault; all of them are the recipe's."""
        endpoint.refused.add(face.sample.record.key)
        if len(endpoint.refused) >= (_REFUSED_LATER if endpoint.replied else min(_REFUSED_FIRST, len(self._open))):
            self._halt(UserError(f"captioner: endpoint {endpoint.recipe.base_url} takes no requests ({error})"))
            self._fail(face)
        elif endpoint.replied:
            self._end(face, NoCaption("bad_request", str(error)))
        else:
            self._count(retries=1)
            self._later(face, self._backoff)

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
