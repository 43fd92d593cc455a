"""The leaderboard: models × benchmarks in one table per task and protocol, measured and published numbers apart."""

# Tested in tests/reports/test_leaderboard_builder.py.

from collections.abc import Iterable
from dataclasses import dataclass

from emocap.evaluation.display import Caveat
from emocap.evaluation.registry import PROTOCOLS, display_of, metric_display
from emocap.evaluation.results import ResultRow
from emocap.reports.results import Measure, Result

_FINE_TUNED = "finetuned"
"""A protocol of published numbers alone."""


def protocol_order() -> list[str]:
    """Names of protocols in the order of the page."""
    known = sorted(PROTOCOLS, key=lambda one: one.order)
    return [
        *(one.name for one in known if not one.generates),
        _FINE_TUNED,
        *(one.name for one in known if one.generates),
    ]


def protocol_label(protocol: str) -> str:
    """What a page calls a protocol."""
    if protocol == _FINE_TUNED:
        return "fine-tuned"
    return PROTOCOLS[protocol].title if protocol in PROTOCOLS else protocol


@dataclass(frozen=True)
class Line:
    """A model: a line of the tables and a polygon of the radar."""

    key: str
    name: str
    full: str
    """As it was named to eval."""
    published: bool
    colour: str
    dash: str
    """SVG's stroke-dasharray; empty where it was measured."""


@dataclass(frozen=True)
class Entry:
    """What was measured of one model on one benchmark by one protocol."""

    line: Line
    result: Result
    """Of folds their mean; of few-shot the most shots."""
    folds: list[Result]
    """The folds that ``result`` is the mean of."""
    shots: list[Result]
    """Of few-shot: from few to many."""

    @property
    def counts_differ(self) -> bool:
        """Whether some row says that its counts are not those of the card; the mean of folds does not say it."""
        return any(one.row.counts_expected is False for one in (self.result, *self.folds))

    @property
    def caveat(self) -> Caveat | None:
        """What its task says must be known before believing the number."""
        return display_of(self.result.row.task).caveat(self.result.row)

    @property
    def tags(self) -> list[tuple[str, str]]:
        """What a reader must know before believing the number: in a word or two, and in full."""
        fold = self.result.row.fold
        tags = [(f"fold {fold} alone", f"fold {fold} alone")] if fold not in (0, "mean") else []
        if self.caveat:
            tags.append((self.caveat.short, self.caveat.text))
        row = self.result.row
        if row.overrides:
            tags.append(("card changed", f"changed in the card: {', '.join(row.overrides)}"))
        if row.left_out:
            number = sum(gone for gone, _ in row.left_out.values())
            tags.append((f"{number:,} missing", f"left out: {left_out(row)}"))
        return tags + [("counts differ", "counts differ from the card")] * self.counts_differ


def left_out(row: ResultRow) -> str:
    """``2 of 9 test examples (1 missing file, 1 broken image)``, of each split that lacks some."""
    told = []
    for split, (gone, total) in row.left_out.items():
        reasons = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in row.missing[split].items())
        told.append(f"{gone:,} of {total:,} {split} examples ({reasons})")
    return "; ".join(told)


@dataclass(frozen=True)
class Cell:
    """A number of a table: measured, with its entry, or published, with the number of its source."""

    metric: str
    measure: Measure
    entry: Entry | None = None
    source: int | None = None
    error: float | None = None
    """How far a published number may be off."""
    best: bool = False
    p: float | None = None
    """p of the paired test against the best, where the difference is not significant."""


@dataclass(frozen=True)
class Group:
    """One benchmark by one protocol: a column of a table, an axis of the radar."""

    key: str
    benchmark: str
    title: str
    protocol: str
    section: str
    metric: str
    entries: list[Entry]
    cells: dict[str, list[Cell]]
    """Key of the line → its numbers; several where several sources have published one."""

    @property
    def tested(self) -> int:
        """Number of test examples; 0 where nothing was measured."""
        return self.entries[0].result.row.tested if self.entries else 0

    @property
    def shots(self) -> int | None:
        """Of few-shot: the shots that its cells show."""
        return max((entry.result.row.shots or 0 for entry in self.entries), default=0) or None

    @property
    def lower_is_better(self) -> bool:
        """Whether the best of its numbers is the least."""
        return metric_display(self.metric).lower_is_better

    @property
    def differs(self) -> bool:
        """Whether some row's counts are not those of the card."""
        return any(entry.counts_differ for entry in self.entries)


@dataclass(frozen=True)
class View:
    """A table: the benchmarks of a task that have one protocol, or those of two beside each other."""

    protocol: str
    title: str
    groups: list[Group]
    beside: bool = False
    """Whether its columns are those of other views, for reading across protocols; no number is the best."""

    def lines(self, lines: Iterable[Line]) -> list[Line]:
        """The lines that have a number here."""
        return [line for line in lines if any(line.key in group.cells for group in self.groups)]


@dataclass(frozen=True)
class TaskTables:
    """A task and its tables."""

    key: str
    title: str
    views: list[View]


@dataclass(frozen=True)
class Leaderboard:
    """All tables, with the models and sources in them."""

    measured: list[Line]
    published: list[Line]
    sections: list[TaskTables]
    sources: list[str]
    """Of the published numbers; the first is number 1."""
    results: list[Result]
    """All rows, those of suites over several tasks too, which are in no table."""

    @property
    def groups(self) -> list[Group]:
        """All of them, in the order of the page."""
        views = [view for section in self.sections for view in section.views if not view.beside]
        return [group for view in views for group in view.groups]

    @property
    def compares(self) -> bool:
        """Whether there is more than one model on one or two benchmarks."""
        benchmarks = {group.benchmark for group in self.groups}
        return len(self.measured) + len(self.published) > 1 or len(benchmarks) > 2
