"""Cards × protocols → results.jsonl, one row each, and for every official fold."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import as_expected
from emocap.core.errors import UserError
from emocap.encoders import Encoder, load
from emocap.encoders.features import Looking, extract
from emocap.evaluation import rows as rows_of
from emocap.evaluation.inputs import gather, used
from emocap.evaluation.linear.fewshot import SEEDS, SHOTS
from emocap.evaluation.protocols.base import Setting
from emocap.evaluation.registry import PROTOCOLS, TASKS
from emocap.evaluation.results import FILE, ResultRow, read_results, store, write_predictions

__all__ = ["evaluate", "read_results"]


def evaluate(
    cards: dict[str, Card],
    model: str | Encoder,
    protocols: Sequence[str],
    data: Path,
    out: Path,
    *,
    shots: Sequence[int] = SHOTS,
    seeds: int = SEEDS,
    looking: Looking | None = None,
    exact: bool = False,
    allow_missing: bool = False,
    overrides: Sequence[str] = (),
) -> list[ResultRow]:
    """Measure ``model`` on every card with every protocol; write and return the rows of ``out/results.jsonl``.

    Rows of other models, cards or protocols that are there already stay; the same ones are replaced. A protocol is
    passed over on cards whose task does not have it. Official folds have a row each and one of their mean; few-shot
    one for each of ``shots``, over ``seeds`` draws. ``looking``: how pictures are looked at, and where their features
    are kept. ``overrides``: what was changed in the cards, for the rows. Raises UserError for a card without any,
    where ``exact`` for data without the card's counts or with a class that has no test examples, for examples whose
    media is missing unless ``allow_missing`` leaves them out, counted in ``missing``, and as the readers, splits and
    encoders do.
    """
    for name, card in cards.items():
        refuse_others(name, card, protocols)
    if seeds < 2 or not all(number > 0 for number in shots):
        raise UserError("few-shot: two seeds at least, for their spread, and one shot at least")
    read_results(out / FILE)  # rows of another version are refused before anything is measured
    encoder = load(model) if isinstance(model, str) else model
    looking = looking or Looking()
    rows = []
    for name, card in cards.items():
        task = TASKS[card.task]
        taught = any(PROTOCOLS[protocol].trains for protocol in protocols if protocol in task.protocols)
        looked_at = partial(used, taught=taught)
        inputs = gather(name, card, data, exact=exact, allow_missing=allow_missing, looked_at=looked_at)
        examples, contents, folds = inputs.examples, inputs.contents, inputs.folds
        expected = as_expected(card, examples, task.needs)
        sha256 = {example.name: content for example, content in zip(examples, contents, strict=True)}
        features: dict[str, npt.NDArray[np.float32]] = {}
        common: dict[str, Any] = {
            **rows_of.of_card(name, card, examples, contents, data),
            "model": encoder.name,
            "overrides": list(overrides),
            "segments": card.segments,
            "pooling": looking.pooling,
            "preprocess": encoder.preprocess_text,
            "model_sha256": encoder.sha256,
        }
        for protocol in protocols:
            if protocol not in task.protocols:
                continue
            wanted = used(examples, folds, PROTOCOLS[protocol].trains)
            if unseen := [example for example in wanted if example.name not in features]:
                known = [sha256[example.name] for example in unseen]
                features |= extract(encoder, unseen, card.segments, looking, known)
            here = []
            for number, pooled in enumerate(folds, start=1 if len(folds) > 1 else 0):
                setting = Setting(encoder, card, examples, pooled, features, shots, seeds)
                begun = time.monotonic()
                for outcome in task.protocols[protocol](setting):
                    own = {**common, "protocol": protocol, "fold": number, "shots": outcome.shots}
                    own["missing"] = inputs.missing(number)
                    own["counts_expected"] = expected if number < 2 else None  # the card's are of the first fold
                    row = rows_of.of_outcome(own, examples, pooled, outcome)
                    predictions = write_predictions(out, row, data, examples, outcome)
                    seconds = time.monotonic() - begun
                    here.append(row.model_copy(update={"predictions": predictions, "seconds": seconds}))
                    begun = time.monotonic()
            rows += here + (rows_of.over_folds(here) if len(folds) > 1 else [])
    store(out / FILE, rows)
    return rows


def refuse_others(name: str, card: Card, protocols: Sequence[str]) -> None:
    """Raise UserError where none of the protocols measures a card."""
    having = TASKS[card.task].protocols
    if not any(protocol in having for protocol in protocols):
        raise UserError(f"{name} is measured by --protocol {' or '.join(having)}")
