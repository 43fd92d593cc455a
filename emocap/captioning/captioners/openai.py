"""Captions asked of endpoints that speak the OpenAI chat completions protocol."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emocap.captioning.base import CaptionerType, NoCaption, Outcome
from emocap.captioning.prompt import Prompt, load_prompt
from emocap.captioning.recipe import CaptionerRecipe
from emocap.captioning.replies import AboutFace, Question, read_caption
from emocap.llm.chat_client import ChatClient, NoReply
from emocap.llm.reply_log import Reply, Usage, read_usage
from emocap.schema.samples import Captioned, Sample


class OpenAICaptioner:
    """Asks endpoints for captions. One object serves any number of threads, which share its limits and its budget.

    >>> captioner = OpenAICaptioner(recipe, load_prompt(recipe.prompt), read_keys(recipe), out / "replies")
    >>> outcomes = captioner.caption(samples, "emocap-000012")
    """

    def __init__(
        self, recipe: CaptionerRecipe, prompt: Prompt, keys: Mapping[str, str], replies: Path, *, backoff: float = 0.5
    ) -> None:
        """See :class:`emocap.llm.chat_client.ChatClient`."""
        self._recipe, self._prompt, self._question = recipe, prompt, Question(recipe, prompt)
        self._client = ChatClient(recipe, keys, replies, where="captioner.", noun="faces", backoff=backoff)

    def caption(self, samples: Sequence[Sample], ledger: str) -> list[Outcome]:
        """What becomes of each sample, in their order; blocks until all is known. May be called from many threads,
        each with a ledger of its own: the name of a file in ``replies``.

        Raises UserError for what the user must set right, BudgetSpent, or the endpoints' silence; requests that were
        under way then are first waited for, and their replies are in the ledger.
        """
        queries = [AboutFace(self._question, sample.record.key, sample.jpeg) for sample in samples]
        return [self._outcome(reply) for reply in self._client.ask(queries, ledger)]

    def usage(self) -> Usage:
        """What all runs into the folder have taken so far, and what is under way. May be called from any thread."""
        return self._client.usage()

    def close(self) -> None:
        """Ends the thread and its connections; callers that still wait get an error."""
        self._client.close()

    def _outcome(self, reply: Reply | NoReply) -> Outcome:
        if isinstance(reply, NoReply):
            return NoCaption(reply.reason, reply.detail, reply.text)
        made = Captioned(
            backend="openai",
            model=self._recipe.model,
            prompt=self._prompt.version,
            prompt_tokens=reply.prompt_tokens or None,
            completion_tokens=reply.completion_tokens or None,
        )
        return read_caption(reply.text), made


def _make(recipe: CaptionerRecipe, prepared: Any, keys: Mapping[str, str], replies: Path) -> OpenAICaptioner:
    return OpenAICaptioner(recipe, prepared, keys, replies)


def _prepare(recipe: CaptionerRecipe) -> Prompt:
    return load_prompt(recipe.prompt)


def _check(recipe: CaptionerRecipe) -> None:
    if recipe.model is None:
        raise ValueError("backend: openai needs captioner.model, the name under which the endpoints serve it")
    if not recipe.endpoints:
        raise ValueError(
            "backend: openai needs captioner.endpoints, for example [{base_url: http://localhost:8000/v1}]"
        )


def _shards_in_hand(recipe: CaptionerRecipe, faces: int) -> int:
    # Enough that no endpoint waits at the end of a shard.
    return 2 + 2 * sum(endpoint.concurrency for endpoint in recipe.endpoints) // faces


def _describe(recipe: CaptionerRecipe, replies: Path) -> dict[str, Any]:
    usage = read_usage(replies)
    return {
        "model": recipe.model,
        "prompt": load_prompt(recipe.prompt).version,
        "replies": usage.replies,
        "accepted": usage.accepted,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": usage.cost,
        "budget": recipe.budget,
    }


CAPTIONER = CaptionerType(
    "openai",
    _make,
    prepare=_prepare,
    check=_check,
    shards_in_hand=_shards_in_hand,
    describe=_describe,
    is_model=True,
)
