"""Cards × protocols → results.jsonl, one row each, and for every official fold."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.checks import as_expected, refuse
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Fold, divide
from emocap.core.errors import UserError
from emocap.encoders import Encoder, load
from emocap.encoders.features import ExtractionConfig, extract, hashes
from emocap.evaluation import rows as rows_of
from emocap.evaluation.linear.fewshot import SEEDS, SHOTS
from emocap.evaluation.protocols.base import Setting
from emocap.evaluation.registry import PROTOCOLS, TASKS, read_examples
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
    extraction: ExtractionConfig | None = None,
    exact: bool = False,
) -> list[ResultRow]:
    """Measure ``model`` on every card with every protocol; write and return the rows of ``out/results.jsonl``.

    Rows of other models, cards or protocols stay in the file; rows of the same measurement are replaced. A protocol is
    skipped for cards whose task does not have it. Official folds have a row each and one for their mean; few-shot has
    a row for each of ``shots``, over ``seeds`` draws. ``extraction``: how clips are pooled, where features are cached
    and who extracts them. Raises UserError for a card without protocols, for data without the card's counts or with a
    class that has no test examples if ``exact``, and as the readers, splits and encoders do.
    """
    for name, card in cards.items():
        refuse_others(name, card, protocols)
    if seeds < 2 or not all(number > 0 for number in shots):
        raise UserError("few-shot: two seeds at least, for their spread, and one shot at least")
    read_results(out / FILE)  # rows of another version are refused before anything is measured
    encoder = load(model) if isinstance(model, str) else model
    extraction = extraction or ExtractionConfig()
    rows = []
    for name, card in cards.items():
        task, examples = TASKS[card.task], read_examples(card, data)
        if exact:
            refuse(name, card, examples, task.needs)
        expected = as_expected(card, examples, task.needs)
        contents = hashes(examples)
        sha256 = {example.name: content for example, content in zip(examples, contents, strict=True)}
        features: dict[str, npt.NDArray[np.float32]] = {}
        folds = divide(card, examples)
        common: dict[str, Any] = {
            **rows_of.of_card(name, card, examples, contents, data),
            "model": encoder.name,
            "segments": card.segments,
            "pooling": extraction.pooling,
            "preprocess": encoder.preprocess_text,
            "model_sha256": encoder.sha256,
        }
        for protocol in protocols:
            if protocol not in task.protocols:
                continue
            used = _used(examples, folds, PROTOCOLS[protocol].trains)
            if unseen := [example for example in used if example.name not in features]:
                known = [sha256[example.name] for example in unseen]
                features |= extract(encoder, unseen, card.segments, extraction, known)
            here = []
            for number, pooled in enumerate(folds, start=1 if len(folds) > 1 else 0):
                setting = Setting(encoder, card, examples, pooled, features, shots, seeds)
                begun = time.monotonic()
                for outcome in task.protocols[protocol](setting):
                    own = {**common, "protocol": protocol, "fold": number, "shots": outcome.shots}
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
        raise UserError(f"{name} is measured by {' or '.join(having)}")


def _used(examples: Sequence[Example], folds: Sequence[Sequence[Fold]], taught: bool) -> list[Example]:
    """The examples that are looked at, in their order."""
    every = [fold for pooled in folds for fold in pooled]
    sides = [side for fold in every for side in ((fold.train, fold.val, fold.test) if taught else (fold.test,))]
    return [examples[row] for row in np.unique(np.concatenate(sides))]
