"""The leaderboard: models × benchmarks in one table per task and protocol, measured and published numbers apart."""

from collections.abc import Iterable
from dataclasses import dataclass

from emocap.reports.results import Measure, Result


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
    shown: Result
    """Of folds their mean; of few-shot the most shots."""
    folds: list[Result]
    """The folds that ``shown`` is the mean of."""
    shots: list[Result]
    """Of few-shot: from few to many."""

    @property
    def counts_differ(self) -> bool:
        """Whether some row says that its counts are not those of the card; the mean of folds does not say it."""
        return any(one.row.get("counts_expected") is False for one in (self.shown, *self.folds))

    @property
    def own_wheels(self) -> bool:
        """Whether it was measured on emotion wheels that are not those of the metric's authors."""
        return self.shown.row.get("wheel_is_the_authors") is False

    @property
    def tags(self) -> list[str]:
        """What a reader must know before believing the number."""
        fold = self.shown.fold
        alone = [f"fold {fold} alone"] if fold not in (0, "mean") else []
        wheels = [f"wheels: {self.shown.row.get('wheel')}"] * self.own_wheels
        return alone + wheels + ["counts differ from the card"] * self.counts_differ


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
    near: float | None = None
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
    def any_row(self) -> Result | None:
        """A row that tells of the data, which all its rows share."""
        return self.entries[0].shown if self.entries else None

    @property
    def tests(self) -> int:
        """How many examples it was tested on; 0 where nothing was measured."""
        counts = self.any_row.row.get("counts", {}) if self.any_row else {}
        return sum(counts.get("test", {}).values())

    @property
    def shots(self) -> int | None:
        """Of few-shot: the shots that its cells show."""
        return max((entry.shown.shots or 0 for entry in self.entries), default=0) or None

    @property
    def differs(self) -> bool:
        """Whether some row's counts are not those of the card."""
        return any(entry.counts_differ for entry in self.entries)


@dataclass(frozen=True)
class View:
    """A table: the benchmarks of a task that have one protocol."""

    protocol: str
    called: str
    groups: list[Group]

    def lines(self, lines: Iterable[Line]) -> list[Line]:
        """Those that have a number here."""
        return [line for line in lines if any(line.key in group.cells for group in self.groups)]


@dataclass(frozen=True)
class Section:
    """A task and its tables."""

    key: str
    title: str
    views: list[View]


@dataclass(frozen=True)
class Board:
    """All tables, and who and what stands in them."""

    measured: list[Line]
    published: list[Line]
    sections: list[Section]
    sources: list[str]
    """Of the published numbers; the first is number 1."""

    @property
    def groups(self) -> list[Group]:
        """All of them, in the order of the page."""
        return [group for section in self.sections for view in section.views for group in view.groups]

    @property
    def compares(self) -> bool:
        """Whether there is more to see than one model on one or two benchmarks."""
        benchmarks = {group.benchmark for group in self.groups}
        return len(self.measured) + len(self.published) > 1 or len(benchmarks) > 2
