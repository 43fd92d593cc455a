"""Suites over several tasks, such as MER-UniBench: the mean of each model beside published ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from emocap.evaluation.registry import display_of
from emocap.evaluation.results import ResultRow
from emocap.reports.leaderboard import Leaderboard, left_out
from emocap.reports.numbers import fraction
from emocap.reports.results import Result, short_names
from emocap.reports.section import Page, Part, Section, template


@dataclass(frozen=True)
class SuiteMean:
    """The number of one model."""

    model: str
    value: float
    tags: list[str]
    """What a reader must know before believing it."""


@dataclass(frozen=True)
class SuiteSummary:
    """One suite."""

    title: str
    datasets: str
    """How many, in words up to twelve."""
    means: list[SuiteMean]
    published: str


def summaries(results: Sequence[Result], leaderboard: Leaderboard) -> list[SuiteSummary]:
    """The suites among the rows, models in the order of the leaderboard."""
    rows = [result.row for result in results if result.row.task is None]
    order = [line.full for line in leaderboard.measured]
    names = short_names(list(dict.fromkeys(order)))
    found = []
    for suite in dict.fromkeys(row.benchmark for row in rows):
        own = [row for row in rows if row.benchmark == suite and row.metrics[row.headline].value is not None]
        own.sort(key=lambda row: order.index(row.model) if row.model in order else len(order))
        means = [
            SuiteMean(names.get(row.model, row.model), row.metrics[row.headline].value or 0.0, _tags(row))
            for row in own
        ]
        if means:
            found.append(SuiteSummary(own[0].title, _in_words(len(own[0].parts)), means, _published(own[0])))
    return found


def _tags(row: ResultRow) -> list[str]:
    caveat = display_of(row.task).caveat(row)
    tags = [caveat.text] if caveat else []
    tags += [f"left out: {left_out(row)}"] * bool(row.left_out)
    tags += [f"changed in the cards: {', '.join(row.overrides)}"] * bool(row.overrides)
    return tags + ["counts differ from the card"] * (row.counts_expected is False)


def _published(row: ResultRow) -> str:
    """``AffectGPT 0.748, AffectGPT-R1 0.795 (source)``; empty where there is nothing."""
    by_source: dict[str, list[str]] = {}
    for one in row.published:
        value = one.metrics.get(row.headline)
        if value is not None:
            by_source.setdefault(one.source, []).append(f"{one.model} {fraction(value)}")
    return "; ".join(f"{', '.join(numbers)} ({source})" for source, numbers in by_source.items())


def _in_words(number: int) -> str:
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[number - 2] if 2 <= number <= 12 else str(number)


def _show(page: Page, subject: object) -> Part | None:
    leaderboard: Leaderboard = page.content["leaderboard"]
    found = summaries(leaderboard.results, leaderboard)
    return Part(template("suites.html", suites=found)) if found else None


SECTION = Section("suites", 30, _show, place="below tables")
