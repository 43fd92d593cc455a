"""One card × one model that writes → its row of results.jsonl."""

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emocap.errors import UserError
from emocap.evaluate import rows
from emocap.evaluate.cards import Card
from emocap.evaluate.check import as_expected, refuse
from emocap.evaluate.examples import Example
from emocap.evaluate.generate.ask import Ask
from emocap.evaluate.generate.models import Model, Response
from emocap.evaluate.generate.tasks import Aids, Answered, Task, task_of
from emocap.evaluate.layouts import read
from emocap.evaluate.results import store, write_predictions
from emocap.evaluate.splits import divide
from emocap.faces.images import ImageError


def evaluate(
    name: str, card: Card, model: Model, data: Path, out: Path, aids: Aids, *, exact: bool = False
) -> list[dict[str, Any]]:
    """Ask ``model`` about every test example of a card; write and return the row of ``out/results.jsonl``.

    The same row of an earlier run is replaced; a reply that is kept is not asked for again. exact: as in
    :func:`emocap.evaluate.run.evaluate`. Raises UserError for a card that models which write are not measured on, and
    as readers, models and tasks do.
    """
    task = task_of(card)
    if task is None or card.generate is None:
        raise UserError(f"{name} is not measured by what models write")
    begun = time.monotonic()
    examples = read(card, data)
    if exact:
        refuse(name, card, examples)
    folds = divide(card, examples)[0]
    tested = folds[0].test
    asks = [_asks(card, task, examples[row]) for row in tested]
    responses = model.answer([ask for some in asks for ask in some], name)
    following = iter(responses)
    grouped = [[next(following) for _ in some] for some in asks]
    outcome = task.read(Answered(name, card, examples, tested, grouped, aids))
    outcome = dataclasses.replace(outcome, replies=outcome.replies or [_said(some) for some in grouped])
    contents = [_content(example) for example in examples]
    row = {
        **rows.of_card(name, card, examples, contents, data),
        "protocol": "generate",
        "fold": 0,
        "shots": None,
        "model": model.name,
        "preprocess": _sent(card),
        "system": card.generate.system,
        "prompts": {"question": [card.generate.prompt]},
        **rows.of_outcome(examples, folds, outcome),
        "questions": len(responses),
        "unanswered": dict(Counter(response.reason for response in responses if response.text is None)),
        **model.told,
        **{role: aid.name for role, aid in (("extractor", aids.extractor), ("judge", aids.judge)) if aid},
        "counts_expected": as_expected(card, examples),
    }
    row["predictions"] = write_predictions(out, row, data, examples, outcome)
    row["seconds"] = round(time.monotonic() - begun, 2)
    store(out / "results.jsonl", [row])
    return [row]


def _asks(card: Card, task: Task, example: Example) -> list[Ask]:
    """The questions about one example. Of several the n-th has the key ``NAME#n``."""
    how = card.generate
    assert how
    texts = task.questions(card, example)
    return [
        Ask(
            key=example.name if len(texts) == 1 else f"{example.name}#{number}",
            text=text,
            media=example.media if how.shows else None,
            pictures="pictures" in how.shows,
            sound="sound" in how.shows,
            frames=how.frames,
            side=how.side,
            system=how.system,
            max_tokens=how.max_tokens,
            odds=bool(task.odds),
        )
        for number, text in enumerate(texts, start=1)
    ]


def _said(responses: Sequence[Response]) -> str | None:
    """Word for word; of several questions a paragraph each."""
    texts = [response.text for response in responses if response.text is not None]
    return "\n\n".join(texts) if texts else None


def _content(example: Example) -> str:
    """sha256 of what it shows; empty where it is not there: whoever has predictions need not have the pictures."""
    try:
        return example.media.sha256()
    except ImageError:
        return ""


def _sent(card: Card) -> str:
    how = card.generate
    assert how
    told = {
        "pictures": f"JPEG of at most {how.side} pixels a side, of clips {how.frames} frames",
        "sound": "sound as WAV of 16 kHz",
    }
    return "; ".join(told[one] for one in how.shows) or "text alone"
