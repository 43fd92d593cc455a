"""MME-Emotion as a whole: the eight tasks of a model pooled, every clip counting as much as any other."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emocap.evaluation.outcomes import rounded
from emocap.evaluation.results import read_results, store

Row = dict[str, Any]

NAME = "mme-emotion"
PARTS = tuple(f"{NAME}-{task}" for task in ("er-lab", "er-wild", "noise-er", "fg-er", "ml-er", "sa", "fg-sa", "ir"))
"""The cards that make up the whole."""
_COUNTS = ("questions", "cut_short", "scored", "unparsable", "scores_unlike_steps")
_PUBLISHED = {
    "model": "best of 20 models",
    "protocol": "generate",
    "metrics": {"rec_s_official": 0.393, "cot_s_official": 0.56},
    "source": "abstract of arXiv 2508.09210, which does not name the model; with its own judge and questions",
    "error": None,
}


def pool(out: Path, model: str) -> list[Row]:
    """The row of the whole, written into ``out/results.jsonl``, where a model's rows of all eight tasks are there; or
    none.
    """
    rows = {
        row["benchmark"]: row
        for row in read_results(out / "results.jsonl")
        if row["model"] == model and row["protocol"] == "generate"
    }
    if not all(part in rows for part in PARTS):
        return []
    row = pooled([rows[part] for part in PARTS])
    store(out / "results.jsonl", [row])
    return [row]


def pooled(rows: Sequence[Row]) -> Row:
    """The row of the whole: means over all clips and, ``_official``, over all clips with a score that can be read.

    That is a mean over tasks, weighted by their clips; its interval follows from those of the tasks, which are
    independent of each other, as if all were normal. Scores are found task by task; the released evaluation finds them
    in the whole as it does in tasks with several labels, which differs only for broken scores.
    """
    clips = [sum(row["counts"]["test"].values()) for row in rows]
    scored = [row["scored"] for row in rows]
    names = list(rows[0]["metrics"])
    expected = {row["counts_expected"] for row in rows}
    return {
        **{key: rows[0][key] for key in ("task", "protocol", "fold", "shots", "model", "media", "compound", "data")},
        "benchmark": NAME,
        "title": "MME-Emotion, all tasks pooled",
        "metrics": {name: _mean(rows, name, scored if name.endswith("_official") else clips) for name in names},
        "data_sha256": hashlib.sha256("".join(row["data_sha256"] for row in rows).encode()).hexdigest(),
        "published": [_PUBLISHED],
        "versions": rows[0]["versions"],
        "counts": {"test": {row["title"]: count for row, count in zip(rows, clips, strict=True)}},
        "test_subjects": 0,
        "subgroups": {},
        **{role: rows[0][role] for role in ("extractor", "judge") if role in rows[0]},
        **{key: sum(row[key] for row in rows) for key in _COUNTS},
        **{key: _summed(rows, key) for key in ("unanswered", "without_steps", "unjudged")},
        "counts_expected": all(expected) if None not in expected else None,
        "predictions": None,
        "seconds": round(sum(row["seconds"] for row in rows), 2),
    }


def _mean(rows: Sequence[Row], name: str, weights: Sequence[int]) -> dict[str, float | None]:
    told = [(row["metrics"][name], weight) for row, weight in zip(rows, weights, strict=True) if weight]
    total = sum(weight for _, weight in told)
    if not total:
        return {"value": None, "low": None, "high": None}
    value = sum(one["value"] * weight for one, weight in told) / total
    reach = math.sqrt(sum((weight * (one["high"] - one["low"]) / 2) ** 2 for one, weight in told)) / total
    return {"value": rounded(value), "low": rounded(value - reach), "high": rounded(value + reach)}


def _summed(rows: Sequence[Row], key: str) -> dict[str, int]:
    return dict(sum((Counter(row[key]) for row in rows), Counter[str]()))
