"""One card × one model that writes → its row of results.jsonl."""

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import as_expected
from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.evaluation import rows
from emocap.evaluation.inputs import gather, used
from emocap.evaluation.predictions import Predictions
from emocap.evaluation.registry import TASKS
from emocap.evaluation.results import FILE, ResultRow, read_results, store, write_predictions
from emocap.evaluation.task import GenerativeTask, Graders, TaskResponses
from emocap.llm.chat_models import GenerativeModel, Response
from emocap.llm.chat_request import ChatRequest


def evaluate(
    name: str,
    card: Card,
    model: GenerativeModel,
    data: Path,
    out: Path,
    aids: Graders,
    *,
    exact: bool = False,
    allow_missing: bool = False,
    overrides: Sequence[str] = (),
) -> list[ResultRow]:
    """Ask ``model`` about every test example of a card; write and return the rows of ``out/results.jsonl``.

    There is one row, or one for each official fold and one of their mean; nothing is asked twice that is tested in
    two of them. The same rows of an earlier run are replaced; a reply that is kept is not asked for again. exact,
    allow_missing, overrides: as in :func:`emocap.evaluation.runner.evaluate`; without allow_missing a question about
    what is missing stays without an answer, and a file of predictions needs no pictures. Raises UserError for a card
    that models which write are not measured on, and as readers, models and tasks do.
    """
    needs, task = TASKS[card.task].needs, TASKS[card.task].generative
    if task is None or card.generate is None:
        raise UserError(f"{name} is not measured by what models write")
    begun, aids = time.monotonic(), dataclasses.replace(aids, consulted={})
    if task.judged and not isinstance(model, Predictions):
        aids.need("judge", card)  # before anything is paid for
    read_results(out / FILE)  # rows of another version are refused before anything is asked
    looks = bool(card.generate.modalities) and not isinstance(model, Predictions)
    inputs = gather(
        name,
        card,
        data,
        exact=exact,
        allow_missing=allow_missing and looks,
        looked_at=partial(used, taught=False),
        lenient=True,
    )
    examples, contents, folds = inputs.examples, inputs.contents, inputs.folds
    tested = [np.unique(np.concatenate([fold.test for fold in pooled])) for pooled in folds]
    asked = np.unique(np.concatenate(tested)).tolist()
    asks = [_asks(card, task, examples[row], contents[row]) for row in asked]
    following = iter(model.answer([ask for some in asks for ask in some], name))
    said = {row: [next(following) for _ in some] for row, some in zip(asked, asks, strict=True)}
    common = {
        **rows.of_card(name, card, examples, contents, data),
        "overrides": list(overrides),
        "protocol": "generate",
        "shots": None,
        "model": model.name,
        "preprocess": _sent(card),
        "system": card.generate.system,
        "prompts": {"question": [card.generate.prompt]},
    }
    found = []
    for number, (pooled, own) in enumerate(zip(folds, tested, strict=True), start=1 if len(folds) > 1 else 0):
        grouped = [said[row] for row in own.tolist()]
        outcome = task.read(TaskResponses(name, card, examples, own, grouped, aids))
        outcome = dataclasses.replace(outcome, replies=outcome.replies or [_word_for_word(some) for some in grouped])
        responses = [response for some in grouped for response in some]
        said_besides = {
            **common,
            "fold": number,
            "missing": inputs.missing(number),
            "questions": len(responses),
            "unanswered": dict(Counter(response.reason for response in responses if response.text is None)),
            "cut_short": sum(response.text is not None and response.cut for response in responses),
            **model.metadata,
            **aids.consulted,
            "counts_expected": as_expected(card, examples, needs)
            if number < 2
            else None,  # the card's are of the first fold
        }
        row = rows.of_outcome(said_besides, examples, pooled, outcome)
        predictions = write_predictions(out, row, data, examples, outcome)
        seconds = time.monotonic() - begun
        found.append(row.model_copy(update={"predictions": predictions, "seconds": seconds}))
        begun = time.monotonic()
    found += rows.over_folds(found) if len(folds) > 1 else []
    store(out / FILE, found)
    return found


def _asks(card: Card, task: GenerativeTask, example: Example, content: str) -> list[ChatRequest]:
    """The questions about one example, of which ``content`` is the sha256 of what it shows.

    Of several the n-th has the key ``NAME#n``.
    """
    how = card.generate
    assert how
    texts = task.questions(card, example)
    return [
        ChatRequest(
            key=example.name if len(texts) == 1 else f"{example.name}#{number}",
            text=text,
            media=example.media if how.modalities else None,
            content=content or None,
            pictures="pictures" in how.modalities,
            sound="sound" in how.modalities,
            frames=how.frames,
            side=how.side,
            system=how.system,
            max_tokens=how.max_tokens,
            first_token_logprobs=task.first_token_logprobs,
        )
        for number, text in enumerate(texts, start=1)
    ]


def _word_for_word(responses: Sequence[Response]) -> str | None:
    """Word for word; of several questions a paragraph each."""
    texts = [response.text for response in responses if response.text is not None]
    return "\n\n".join(texts) if texts else None


def _sent(card: Card) -> str:
    how = card.generate
    assert how
    phrases = {
        "pictures": f"JPEG of at most {how.side} pixels a side, of clips {how.frames} frames",
        "sound": "sound as WAV of 16 kHz",
    }
    return "; ".join(phrases[one] for one in how.modalities) or "text alone"
