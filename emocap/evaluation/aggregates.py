"""Suites: several benchmarks that have one number together, which is a row of its own in results.jsonl."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocap.core.registries import Registry
from emocap.evaluation.results import FILE, MetricValue, Responses, ResultRow, read_results, store
from emocap.evaluation.rows import missing_of, responses_of


@dataclass(frozen=True)
class Suite:
    """Benchmarks that are measured together."""

    name: str
    parts: tuple[str, ...]
    """Names of the cards. A model has a row of the suite once it has a row of every one of them."""
    combine: Callable[[Sequence[ResultRow]], ResultRow | None]
    """The rows of the parts, in their order → the row of the suite; None where it is undefined."""
    protocol: str = "generate"


SUITES = Registry[Suite]("suite", "emocap.evaluation.suites", "SUITE")


def add_suites(out: Path, model: str) -> list[ResultRow]:
    """Write the rows of the suites of which ``model`` has every part into ``out/results.jsonl``; returns them."""
    rows = [row for row in read_results(out / FILE) if row.model == model and not row.parts]
    found = []
    for suite in SUITES:
        own = {row.benchmark: row for row in rows if row.protocol == suite.protocol and row.fold in (0, "mean")}
        if all(part in own for part in suite.parts):
            combined = suite.combine([own[part] for part in suite.parts])
            found += [combined] if combined else []
    if found:
        store(out / FILE, found)
    return found


def aggregate(rows: Sequence[ResultRow], **fields: Any) -> ResultRow:
    """The row of a suite: ``fields``, and what follows from the rows of its parts."""
    first, expected = rows[0], {row.counts_expected for row in rows}
    media = {row.media for row in rows}
    responses = responses_of([row.responses for row in rows])
    return ResultRow.model_validate(
        {
            "task": first.task,
            "protocol": first.protocol,
            "model": first.model,
            "parts": [row.benchmark for row in rows],
            "media": first.media if len(media) == 1 else "clips",
            "counts": {"test": {row.title: row.tested for row in rows}},
            "counts_expected": False if False in expected else None if None in expected else True,
            "overrides": [f"{row.benchmark}: {one}" for row in rows for one in row.overrides],
            "missing": missing_of(rows),
            # Temperature and usage are those of all cards of a folder, and belong to their rows.
            "responses": Responses(**responses.model_dump(exclude={"match", "temperature", "usage"})),
            "data": first.data,
            "data_sha256": hashlib.sha256("".join(row.data_sha256 for row in rows).encode()).hexdigest(),
            "versions": first.versions,
            "seconds": sum(row.seconds for row in rows),
            **fields,
        }
    )


def weighted_mean(values: Sequence[MetricValue], weights: Sequence[float]) -> MetricValue:
    """The mean of metrics of independent data; those without weight do not count.

    Its interval follows from theirs as if all were normal. Undefined where nothing has weight or a value is undefined.
    """
    counted = [(one, weight) for one, weight in zip(values, weights, strict=True) if weight]
    total = sum(weight for _, weight in counted)
    if not total or any(one.value is None for one, _ in counted):
        return MetricValue(value=None)
    value = sum((one.value or 0.0) * weight for one, weight in counted) / total
    if any(one.low is None or one.high is None for one, _ in counted):
        return MetricValue(value=value)
    spreads = [weight * ((one.high or 0.0) - (one.low or 0.0)) / 2 for one, weight in counted]
    reach = math.sqrt(sum(spread**2 for spread in spreads)) / total
    return MetricValue(value=value, low=value - reach, high=value + reach)
