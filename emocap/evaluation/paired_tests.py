"""Paired tests between models that were measured on the same examples."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from emocap.evaluation.registry import display_of
from emocap.evaluation.results import FILE, PairedTest, ResultRow, read_results, store
from emocap.metrics.intervals import mcnemar, uar_difference

Answers = Sequence[str | None]


def compare(out: Path) -> None:
    """Give the rows in ``out/results.jsonl`` the tests against every other model: ``paired``.

    Of emotions it is the paired bootstrap of the difference in UAR, of questions the exact test of McNemar. Compared
    are rows of one benchmark, protocol and fold whose data is the same to the last byte. Few-shot has several
    predictions of every example, and its draws speak for it.
    """
    alike: dict[tuple[str, str, int | str, str], list[ResultRow]] = defaultdict(list)
    for row in read_results(out / FILE):
        if display_of(row.task).paired_test in TESTS and row.predictions and row.shots is None:
            alike[row.benchmark, row.protocol, row.fold, row.data_sha256].append(row)
    changed = []
    for rows in alike.values():
        tests: dict[str, dict[str, PairedTest]] = {row.model: {} for row in rows}
        for one, other in itertools.combinations(rows, 2):
            if test := _test(one, other, out):
                tests[one.model][other.model] = tests[other.model][one.model] = test
        changed += [
            row.model_copy(update={"paired": tests[row.model]}) for row in rows if tests[row.model] != row.paired
        ]
    if changed:
        store(out / FILE, changed)


def _test(one: ResultRow, other: ResultRow, out: Path) -> PairedTest | None:
    """None where the two were not asked about the same examples."""
    first, second = (pq.read_table(out / str(row.predictions)).sort_by("name").to_pydict() for row in (one, other))
    if not first["name"] or first["name"] != second["name"] or first["true"] != second["true"]:
        return None
    name = str(display_of(one.task).paired_test)
    return PairedTest(test=name, p=TESTS[name](first["true"], first["predicted"], second["predicted"], one.labels))


def _uar_bootstrap(true: Answers, first: Answers, second: Answers, labels: Sequence[str]) -> float:
    number: dict[str | None, int] = {label: place for place, label in enumerate(labels)}
    number[None] = len(labels)  # a generative model need not name a class
    coded = [np.array([number[label] for label in answers]) for answers in (true, first, second)]
    return uar_difference(coded[0], coded[1], coded[2], len(labels)).p


def _mcnemar(true: Answers, first: Answers, second: Answers, labels: Sequence[str]) -> float:
    right = [np.array(answers) == np.array(true) for answers in (first, second)]
    return mcnemar(right[0], right[1])


TESTS: dict[str, Callable[[Answers, Answers, Answers, Sequence[str]], float]] = {
    "uar_bootstrap": _uar_bootstrap,
    "mcnemar": _mcnemar,
}
"""Name → p of two models' predictions, each of the length of the true answers."""
