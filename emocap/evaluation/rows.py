"""What every row of results says, whatever the protocol."""

import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import data_sha256
from emocap.benchmarks.splits import Fold
from emocap.core.version import __version__
from emocap.evaluation import outcomes
from emocap.evaluation.results import MetricValue, Responses, ResultRow
from emocap.io.media import Film, Frames, Sound
from emocap.metrics.intervals import of_mean

_PACKAGES = ("torch", "open_clip_torch", "scikit-learn", "pillow")
_OF_ONE_FOLD = ("by_prompt", "f1", "present", "unknown", "absent_classes", "subgroups")
"""Fields that say nothing of the mean over folds."""


def of_card(name: str, card: Card, examples: Sequence[Example], contents: Sequence[str], data: Path) -> dict[str, Any]:
    """What all rows of a card have in common. contents: the sha256 of the media of each example."""
    kinds = {type(example.media) for example in examples}
    return {
        "benchmark": name,
        "title": card.title,
        "task": card.task,
        "media": "sounds" if Sound in kinds else "clips" if kinds & {Film, Frames} else "pictures",
        "compound": any(one.components for one in card.classes.values()),
        "data": str(data),
        "data_sha256": data_sha256(examples, contents),
        "published": [one.model_dump(mode="json") for one in card.published],
        "versions": {"emocap": __version__, **{p: importlib.metadata.version(p) for p in _PACKAGES}},
    }


def of_outcome(
    common: Mapping[str, Any], examples: Sequence[Example], folds: Sequence[Fold], outcome: outcomes.Outcome
) -> ResultRow:
    """The row of an outcome; ``common``: what is known besides, by the names of fields.

    Whatever the outcome or ``common`` says under a name that neither a row nor its ``responses`` has goes into
    ``details``.
    """
    content = {
        **common,
        "metrics": outcomes.measured(outcome),
        **outcome.details,
        "counts": {side: _counted(examples, rows) for side, rows in _sides(folds).items()},
        "test_subjects": len({examples[row].subject for row in outcome.rows} - {None}),
        "subgroups": outcomes.subgroups(outcome, examples),
        "seconds": 0.0,
    }
    fields = {name: value for name, value in content.items() if name in ResultRow.model_fields}
    responses = {name: value for name, value in content.items() if name in Responses.model_fields}
    details = {name: value for name, value in content.items() if name not in fields and name not in responses}
    return ResultRow.model_validate({**fields, "responses": responses, "details": details})


def over_folds(rows: Sequence[ResultRow]) -> list[ResultRow]:
    """One row over the official folds, of each number of shots: the mean of every metric, with Student's interval."""
    found = []
    for shots in dict.fromkeys(row.shots for row in rows):
        own = [row for row in rows if row.shots == shots]
        first = own[0]
        found.append(
            first.model_copy(
                update={
                    **{name: ResultRow.model_fields[name].get_default() for name in _OF_ONE_FOLD},
                    "fold": "mean",
                    "metrics": {name: _mean([row.metrics[name] for row in own]) for name in first.metrics},
                    "counts": {"test": summed(row.counts["test"] for row in own)},
                    "counts_expected": None,
                    "missing": missing_of(own),
                    "confusion": _summed([row.confusion for row in own]) if first.confusion else [],
                    "responses": responses_of([row.responses for row in own]),
                    "details": {name: said for name, said in first.details.items() if name != "regularisation_c"},
                    "test_subjects": sum(row.test_subjects for row in own),
                    "predictions": None,
                    "seconds": sum(row.seconds for row in own),
                }
            )
        )
    return found


def responses_of(parts: Sequence[Responses]) -> Responses:
    """The sums of counts; everything else is the first one's."""
    unparsable = [part.unparsable for part in parts if part.unparsable is not None]
    return parts[0].model_copy(
        update={
            "questions": sum(part.questions for part in parts),
            "unanswered": summed(part.unanswered for part in parts),
            "unparsable": sum(unparsable) if unparsable else None,
            "cut_short": sum(part.cut_short for part in parts),
        }
    )


def missing_of(parts: Sequence[ResultRow]) -> dict[str, dict[str, int]]:
    """The test examples that were left out of all parts together."""
    total = summed(part.missing.get("test", {}) for part in parts)
    return {"test": total} if total else {}


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of counts, key by key."""
    return dict(sum((Counter(one) for one in counts), Counter[str]()))


def _mean(values: Sequence[MetricValue]) -> MetricValue:
    # A fold in which the metric is undefined is not a fold in which it is 0.
    known = np.array([one.value for one in values if one.value is not None])
    if len(known) < 2:
        return MetricValue(value=None)
    low, high = of_mean(known)
    return MetricValue(value=float(known.mean()), low=low, high=high, sd=float(known.std(ddof=1)))


def _sides(folds: Sequence[Fold]) -> dict[str, npt.NDArray[np.int64]]:
    """Of folds that are measured together: who teaches in one is tested in another, so all are tested."""
    if len(folds) > 1:
        none = np.array([], dtype=np.int64)
        return {"train": none, "val": none, "test": np.unique(np.concatenate([fold.test for fold in folds]))}
    return {"train": folds[0].train, "val": folds[0].val, "test": folds[0].test}


def _counted(examples: Sequence[Example], rows: npt.NDArray[np.int64]) -> dict[str, int]:
    return dict(Counter(examples[row].label or "unlabelled" for row in rows))


def _summed(tables: Sequence[list[list[int]]]) -> list[list[int]]:
    """The sum of confusion matrices, of which some have a column more, for answers that are no class."""
    widest = max(len(table[0]) for table in tables)
    total = np.zeros((len(tables[0]), widest), dtype=np.int64)
    for table in tables:
        total[:, : len(table[0])] += np.array(table)
    return total.tolist()
