"""From rows of results to the leaderboard: which models are compared, and which numbers are the best."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from emocap.evaluation.display import TaskDisplay
from emocap.evaluation.registry import display_of, displays, metric_display
from emocap.evaluation.results import PublishedNumbers
from emocap.reports.leaderboard import (
    Cell,
    Entry,
    Group,
    Leaderboard,
    Line,
    TaskTables,
    View,
    protocol_label,
    protocol_order,
)
from emocap.reports.results import Measure, Result, representative, short_names

_MEASURED = ("#b8432f", "#2f6f8f", "#7a8b2f", "#8a5a9f", "#c08a1e", "#4a4a4a", "#1f8a70", "#c2185b")
_PUBLISHED = ("#a9917d", "#7f9fb0", "#a3ab7d", "#b39bbf", "#c9ab6c", "#8f8f8f")
_DASHES = ("6 4", "2 3", "10 3 2 3", "1 4", "12 4")


def make_leaderboard(every: Sequence[Result]) -> Leaderboard:
    """The leaderboard of any number of evaluations, without the rows of suites over several tasks.

    The same measurement in two folders is two lines, named by folder.
    """
    results = [result for result in every if result.row.task is not None]
    owners = _owners(results)
    measured = {
        owner: Line(f"m{place}", name, owner[0], False, _MEASURED[place % len(_MEASURED)], "")
        for place, (owner, name) in enumerate(_named(owners.values()).items())
    }
    numbers = _published(results)
    looks = list(product(_DASHES, _PUBLISHED))
    published = {
        model: Line(f"p{place}", model, model, True, *reversed(looks[place % len(looks)]))
        for place, model in enumerate(dict.fromkeys(entry.model for _, entry in numbers))
    }
    sources = list(dict.fromkeys(entry.source for _, entry in numbers))
    benchmarks: dict[str, list[Result]] = {}
    for result in results:
        benchmarks.setdefault(result.row.benchmark, []).append(result)
    groups: list[Group] = []
    order = protocol_order()
    for benchmark, rows in benchmarks.items():
        theirs = [entry for name, entry in numbers if name == benchmark]
        having = {row.row.protocol for row in rows} | {entry.protocol for entry in theirs}
        for protocol in sorted(having, key=lambda one: (order.index(one) if one in order else len(order), one)):
            entries = _entries([row for row in rows if row.row.protocol == protocol], owners, measured)
            own = [entry for entry in theirs if entry.protocol == protocol]
            metric = (entries[0].result if entries else rows[0]).row.headline
            cells = _measured_cells(entries, metric) | _published_cells(own, metric, published, sources)
            key, title, section = f"d{len(groups)}", rows[0].row.title, rows[0].section
            groups.append(Group(key, benchmark, title, protocol, section, metric, entries, cells))
    titles = {key: title for display in _displays(results) for key, title in display.sections.items()}
    return Leaderboard(
        list(measured.values()), list(published.values()), _sections(groups, titles), sources, list(every)
    )


Owner = tuple[str, str]
"""A model, and the folder of its results where several folders have measured the same."""


def _owners(results: Sequence[Result]) -> dict[int, Owner]:
    """Of every result, by its id(): the owner of its line."""
    folders: dict[tuple[Any, ...], set[str]] = {}
    for result in results:
        folders.setdefault(result.row.identity, set()).add(str(result.folder))
    twice = {identity[-1] for identity, places in folders.items() if len(places) > 1}
    return {
        id(result): (result.row.model, str(result.folder) if result.row.model in twice else "") for result in results
    }


def _named(owners: Iterable[Owner]) -> dict[Owner, str]:
    models = short_names(list(dict.fromkeys(model for model, _ in owners)))
    folders = short_names(list(dict.fromkeys(folder for _, folder in owners if folder)))
    return {
        (model, folder): f"{models[model]} ({folders[folder]})" if folder else models[model]
        for model, folder in dict.fromkeys(owners)
    }


def _entries(rows: Sequence[Result], owners: dict[int, Owner], lines: dict[Owner, Line]) -> list[Entry]:
    """One entry per model, in the order of the lines."""
    entries = []
    for owner, line in lines.items():
        by_shots: dict[int | None, list[Result]] = {}
        for row in rows:
            if owners[id(row)] == owner:
                by_shots.setdefault(row.row.shots, []).append(row)
        if not by_shots:
            continue
        shots = [representative(by_shots[k]) for k in sorted(by_shots, key=lambda shots: shots or 0)]
        folds = [row for row in by_shots[shots[-1].row.shots] if row is not shots[-1]]
        entries.append(Entry(line, shots[-1], folds, shots if shots[-1].row.shots else []))
    return entries


def _measured_cells(entries: Sequence[Entry], metric: str) -> dict[str, list[Cell]]:
    found = []
    for entry in entries:
        own = metric if entry.result.measure(metric) else entry.result.row.headline
        if measure := entry.result.measure(own):
            found.append(Cell(own, measure, entry))
    sign = -1 if metric_display(metric).lower_is_better else 1
    # Numbers of different shots, or one fold beside the mean of all, do not compare.
    alike = [cell for cell in found if cell.metric == metric and _same_terms(cell, found)]
    top = max((sign * cell.measure.value for cell in alike), default=None)
    best = [cell for cell in alike if sign * cell.measure.value == top]
    return {
        cell.entry.line.key: [replace(cell, best=cell in best, p=None if cell in best else _p(cell, best))]
        for cell in found
        if cell.entry
    }


def _same_terms(cell: Cell, others: Sequence[Cell]) -> bool:
    def terms(one: Cell) -> tuple[Any, ...]:
        assert one.entry
        return one.entry.result.row.shots, one.entry.result.row.fold

    return terms(cell) == max((terms(one) for one in others), key=lambda it: (it[0] or 0, it[1] == "mean"))


def _p(cell: Cell, best: Sequence[Cell]) -> float | None:
    """The p of the paired test of a model against the best, where one of their rows has it and it is 0.05 or more."""
    for one in best:
        if not (cell.entry and one.entry):
            continue
        mine, others = cell.entry.result.row, one.entry.result.row
        if test := mine.paired.get(others.model) or others.paired.get(mine.model):
            return test.p if test.p >= 0.05 else None
    return None


def _published(results: Sequence[Result]) -> list[tuple[str, PublishedNumbers]]:
    """Benchmark and numbers; each once, however many rows carry it."""
    found: dict[tuple[str, str], tuple[str, PublishedNumbers]] = {}
    for result in results:
        for entry in result.row.published:
            key = (result.row.benchmark, json.dumps(entry.model_dump(), sort_keys=True))
            found.setdefault(key, (result.row.benchmark, entry))
    return list(found.values())


def _published_cells(
    entries: Sequence[PublishedNumbers], metric: str, lines: dict[str, Line], sources: Sequence[str]
) -> dict[str, list[Cell]]:
    cells: dict[str, list[Cell]] = {}
    for entry in entries:
        own = metric if metric in entry.metrics else next(iter(entry.metrics), "")
        if own:
            source = sources.index(entry.source) + 1
            cell = Cell(own, Measure(entry.metrics[own]), source=source, error=entry.error)
            cells.setdefault(lines[entry.model].key, []).append(cell)
    return cells


def _displays(results: Sequence[Result]) -> list[TaskDisplay]:
    """Of the tasks that have one, in the order of a page, and then of those that have none."""
    known = displays()
    others = {result.row.task: display_of(result.row.task) for result in results}
    return [*known, *(display for display in others.values() if display.task not in {one.task for one in known})]


_ACROSS = ("zeroshot", "generate")
"""Protocols that ask the same of an encoder and of a generative model."""


def _beside(protocols: Mapping[str, Sequence[Group]]) -> list[View]:
    """A table of the benchmarks that were measured by both of _ACROSS, two columns each, if there are any."""
    first, second = ({g.benchmark: g for g in protocols.get(name, []) if g.entries} for name in _ACROSS)
    pairs = [group for name, one in first.items() if name in second for group in (one, second[name])]
    title = " beside ".join(map(protocol_label, _ACROSS))
    return [View("beside", title, pairs, beside=True)] if pairs else []


def _sections(groups: Sequence[Group], titles: Mapping[str, str]) -> list[TaskTables]:
    sections = []
    for key, title in titles.items():
        protocols: dict[str, list[Group]] = {}
        for group in groups:
            if group.section == key:
                protocols.setdefault(group.protocol, []).append(group)
        order = [protocol for protocol in protocol_order() if protocol in protocols]
        order += [protocol for protocol in protocols if protocol not in order]
        views = [View(protocol, protocol_label(protocol), protocols[protocol]) for protocol in order]
        # Measured numbers come before protocols that have only published ones.
        views.sort(key=lambda view: not any(group.entries for group in view.groups))
        if views:
            sections.append(TaskTables(key, title, [*_beside(protocols), *views]))
    return sections
