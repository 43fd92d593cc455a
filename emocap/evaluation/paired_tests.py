"""Paired tests between models that were measured on the same examples."""

import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from emocap.evaluation.results import read_results, store
from emocap.metrics.intervals import mcnemar, uar_difference

Row = dict[str, Any]


def compare(out: Path) -> None:
    """Give the rows in ``out/results.jsonl`` the p of tests against every other model: ``paired``, model → p.

    Of emotions it is the paired bootstrap of the difference in UAR, of questions the exact test of McNemar. Compared
    are rows of one benchmark, protocol and fold whose data is the same to the last byte. Few-shot has several
    predictions of every example, and its seeds speak for it.
    """
    alike: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in read_results(out / "results.jsonl"):
        if row.get("task") in ("emotion", "choice") and row.get("predictions") and row["protocol"] != "fewshot":
            alike[row["benchmark"], row["protocol"], row["fold"], row["data_sha256"]].append(row)
    told = []
    for rows in alike.values():
        p: dict[str, dict[str, float]] = {row["model"]: {} for row in rows}
        for one, other in itertools.combinations(rows, 2):
            value = _p(one, other, out)
            if value is not None:
                p[one["model"]][other["model"]] = p[other["model"]][one["model"]] = value
        told += [{**row, "paired": p[row["model"]]} for row in rows if p[row["model"]] != row.get("paired", {})]
    if told:
        store(out / "results.jsonl", told)


def _p(one: Row, other: Row, out: Path) -> float | None:
    """None where the two were not asked about the same examples."""
    first, second = (pq.read_table(out / row["predictions"]).sort_by("name").to_pydict() for row in (one, other))
    if not first["name"] or first["name"] != second["name"] or first["true"] != second["true"]:
        return None
    if one["task"] == "choice":
        right = [np.array(told["predicted"]) == np.array(told["true"]) for told in (first, second)]
        return mcnemar(right[0], right[1])
    number: dict[str | None, int] = {label: place for place, label in enumerate(one["labels"])}
    number[None] = len(one["labels"])  # a model that writes need not name a class
    true, mine, others = (
        np.array([number[label] for label in labels])
        for labels in (first["true"], first["predicted"], second["predicted"])
    )
    return uar_difference(true, mine, others, len(one["labels"])).p
