"""From rows of results to the board: who is compared with whom, and which numbers are the best."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from emocap.reports.board import Board, Cell, Entry, Group, Line, Section, View
from emocap.reports.measures import PROTOCOLS, is_error, number
from emocap.reports.results import SECTIONS, Measure, Result, representative, short_names

_MEASURED = ("#b8432f", "#2f6f8f", "#7a8b2f", "#8a5a9f", "#c08a1e", "#4a4a4a", "#1f8a70", "#c2185b")
_PUBLISHED = ("#a9917d", "#7f9fb0", "#a3ab7d", "#b39bbf", "#c9ab6c", "#8f8f8f")
_DASHES = ("6 4", "2 3", "10 3 2 3", "1 4", "12 4")


def make_board(results: Sequence[Result]) -> Board:
    """The board of any number of evaluations. The same measurement in two folders is two lines, named by folder."""
    owners = _owners(results)
    measured = {
        owner: Line(f"m{place}", name, owner[0], False, _MEASURED[place % len(_MEASURED)], "")
        for place, (owner, name) in enumerate(_named(owners.values()).items())
    }
    told = _published(results)
    looks = list(product(_DASHES, _PUBLISHED))
    published = {
        model: Line(f"p{place}", model, model, True, *reversed(looks[place % len(looks)]))
        for place, model in enumerate(dict.fromkeys(entry["model"] for _, entry in told))
    }
    sources = list(dict.fromkeys(entry["source"] for _, entry in told))
    benchmarks: dict[str, list[Result]] = {}
    for result in results:
        benchmarks.setdefault(result.row["benchmark"], []).append(result)
    groups: list[Group] = []
    for benchmark, rows in benchmarks.items():
        theirs = [entry for name, entry in told if name == benchmark]
        having = {row.row["protocol"] for row in rows} | {entry["protocol"] for entry in theirs}
        for protocol in sorted(having, key=lambda one: (list(PROTOCOLS).index(one) if one in PROTOCOLS else 99, one)):
            entries = _entries([row for row in rows if row.row["protocol"] == protocol], owners, measured)
            some = [entry for entry in theirs if entry["protocol"] == protocol]
            metric = (entries[0].shown if entries else rows[0]).headline
            cells = _measured_cells(entries, metric) | _published_cells(some, metric, published, sources)
            title = str(rows[0].row.get("title") or benchmark)
            groups.append(
                Group(f"d{len(groups)}", benchmark, title, protocol, rows[0].section, metric, entries, cells)
            )
    return Board(list(measured.values()), list(published.values()), _sections(groups), sources)


Owner = tuple[str, str]
"""A model, and the folder of its results where several folders have measured the same."""


def _owners(results: Sequence[Result]) -> dict[int, Owner]:
    """For every result, by its id(): whose line it is on."""
    folders: dict[tuple[Any, ...], set[str]] = {}
    identities = {}
    for result in results:
        row = result.row
        identity = (row["benchmark"], row["protocol"], result.fold, result.shots, row["model"])
        identities[id(result)] = identity
        folders.setdefault(identity, set()).add(str(result.folder))
    twice = {identity[-1] for identity, places in folders.items() if len(places) > 1}
    return {
        id(result): (result.row["model"], str(result.folder) if result.row["model"] in twice else "")
        for result in results
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
                by_shots.setdefault(row.shots, []).append(row)
        if not by_shots:
            continue
        shots = [representative(by_shots[k]) for k in sorted(by_shots, key=lambda shots: shots or 0)]
        folds = [row for row in by_shots[shots[-1].shots] if row is not shots[-1]]
        entries.append(Entry(line, shots[-1], folds, shots if shots[-1].shots else []))
    return entries


def _measured_cells(entries: Sequence[Entry], metric: str) -> dict[str, list[Cell]]:
    found = []
    for entry in entries:
        own = metric if entry.shown.measure(metric) else entry.shown.headline
        if measure := entry.shown.measure(own):
            found.append(Cell(own, measure, entry))
    sign = -1 if is_error(metric) else 1
    # Numbers of different shots, or one fold beside the mean of all, are no contest.
    alike = [cell for cell in found if cell.metric == metric and _same_terms(cell, found)]
    top = max((sign * cell.measure.value for cell in alike), default=None)
    best = [cell for cell in alike if sign * cell.measure.value == top]
    return {
        cell.entry.line.key: [replace(cell, best=cell in best, near=None if cell in best else _near(cell, best))]
        for cell in found
        if cell.entry
    }


def _same_terms(cell: Cell, others: Sequence[Cell]) -> bool:
    def terms(one: Cell) -> tuple[Any, ...]:
        assert one.entry
        return one.entry.shown.shots, one.entry.shown.fold

    return terms(cell) == max((terms(one) for one in others), key=lambda it: (it[0] or 0, it[1] == "mean"))


def _near(cell: Cell, best: Sequence[Cell]) -> float | None:
    """The p of the paired test of a model against the best, where one of their rows has it and it is 0.05 or more."""
    for one in best:
        if not (cell.entry and one.entry):
            continue
        for mine, other in ((cell.entry.shown, one.entry.shown), (one.entry.shown, cell.entry.shown)):
            told = (mine.row.get("paired") or {}).get(other.row["model"])
            p = number(told.get("p", told.get(cell.metric)) if isinstance(told, dict) else told)
            if p is not None:
                return p if p >= 0.05 else None
    return None


def _published(results: Sequence[Result]) -> list[tuple[str, dict[str, Any]]]:
    """Benchmark and entry; each once, however many rows carry it."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for result in results:
        for entry in result.row.get("published") or []:
            told = {"protocol": "zeroshot", "error": None, **entry}
            found.setdefault(
                json.dumps([result.row["benchmark"], told], sort_keys=True), (result.row["benchmark"], told)
            )
    return list(found.values())


def _published_cells(
    entries: Sequence[dict[str, Any]], metric: str, lines: dict[str, Line], sources: Sequence[str]
) -> dict[str, list[Cell]]:
    cells: dict[str, list[Cell]] = {}
    for entry in entries:
        own = metric if metric in entry["metrics"] else next(iter(entry["metrics"]), "")
        if (value := number(entry["metrics"].get(own))) is not None:
            source = sources.index(entry["source"]) + 1
            cell = Cell(own, Measure(value), source=source, error=number(entry["error"]))
            cells.setdefault(lines[entry["model"]].key, []).append(cell)
    return cells


def _sections(groups: Sequence[Group]) -> list[Section]:
    sections = []
    for key, title in SECTIONS.items():
        protocols: dict[str, list[Group]] = {}
        for group in groups:
            if group.section == key:
                protocols.setdefault(group.protocol, []).append(group)
        order = [protocol for protocol in PROTOCOLS if protocol in protocols]
        order += [protocol for protocol in protocols if protocol not in PROTOCOLS]
        views = [View(protocol, PROTOCOLS.get(protocol, protocol), protocols[protocol]) for protocol in order]
        # What was measured is what one sees first.
        views.sort(key=lambda view: not any(group.entries for group in view.groups))
        if views:
            sections.append(Section(key, title, views))
    return sections
