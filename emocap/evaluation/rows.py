"""What every row of results says, whatever the protocol."""

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
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
from emocap.io.media import Film, Frames, Sound
from emocap.metrics.intervals import of_mean

_PACKAGES = ("torch", "open_clip_torch", "scikit-learn", "pillow")


def of_card(name: str, card: Card, examples: Sequence[Example], contents: Sequence[str], data: Path) -> dict[str, Any]:
    """What all rows of a card have in common. contents: the sha256 of what each example shows."""
    kinds = {type(example.media) for example in examples}
    return {
        "benchmark": name,
        "title": card.title,
        "task": card.task,
        "media": "sounds" if Sound in kinds else "clips" if kinds & {Film, Frames} else "pictures",
        "compound": any(one.parts for one in card.classes.values()),
        "data": str(data),
        "data_sha256": data_sha256(examples, contents),
        "published": [one.model_dump(mode="json") for one in card.published],
        "versions": {"emocap": __version__, **{p: importlib.metadata.version(p) for p in _PACKAGES}},
    }


def of_outcome(examples: Sequence[Example], folds: Sequence[Fold], outcome: outcomes.Outcome) -> dict[str, Any]:
    """What a row says of its outcome and of the examples."""
    return {
        "metrics": outcomes.measured(outcome),
        **outcome.told,
        "counts": {side: _counted(examples, rows) for side, rows in _sides(folds).items()},
        "test_subjects": len({examples[row].subject for row in outcome.rows} - {None}),
        "subgroups": outcomes.subgroups(outcome, examples),
    }


def over_folds(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row over the official folds, of each number of shots: the mean of every metric, with Student's interval."""
    found = []
    for shots in dict.fromkeys(row["shots"] for row in rows):
        own = [row for row in rows if row["shots"] == shots]
        metrics: dict[str, dict[str, float | None]] = {}
        for name in own[0]["metrics"]:
            # A fold in which it cannot be told is not a fold in which it is 0.
            values = np.array([v for row in own if (v := row["metrics"][name]["value"]) is not None])
            if len(values) < 2:
                metrics[name] = {"value": None, "low": None, "high": None, "sd": None}
                continue
            low, high = of_mean(values)
            told = {"value": float(values.mean()), "low": low, "high": high, "sd": float(values.std(ddof=1))}
            metrics[name] = {key: outcomes.rounded(value) for key, value in told.items()}
        tested = sum((Counter(row["counts"]["test"]) for row in own), Counter[str]())
        mean = {**own[0], "fold": "mean", "metrics": metrics, "counts": {"test": dict(tested)}}
        if "confusion" in mean:
            mean["confusion"] = _summed([row["confusion"] for row in own])
        for key in ("questions", "unparsable", "cut_short"):
            mean |= {key: sum(row[key] for row in own)} if key in mean else {}
        if "unanswered" in mean:
            mean["unanswered"] = dict(sum((Counter(row["unanswered"]) for row in own), Counter[str]()))
        # These are of one fold alone.
        for key in ("by_prompt", "f1", "present", "unknown", "regularisation_c", "absent_classes", "subgroups"):
            mean.pop(key, None)
        mean |= {"counts_expected": None, "predictions": None, "seconds": round(sum(r["seconds"] for r in own), 2)}
        mean["test_subjects"] = sum(row["test_subjects"] for row in own)
        found.append(mean)
    return found


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
