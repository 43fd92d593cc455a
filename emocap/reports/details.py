"""What lies behind a number: bars with chance, confusion matrix, prompts, counts, subgroups, failures, versions."""

from dataclasses import dataclass

from emocap.reports import facts
from emocap.reports.board import Entry, Group
from emocap.reports.facts import Table
from emocap.reports.failures import Failure, failures
from emocap.reports.measures import PROTOCOLS, has_unit
from emocap.reports.results import Measure


@dataclass(frozen=True)
class Bar:
    """A measured value on its track; places in percent of the track."""

    entry: Entry
    measure: Measure
    left: float
    width: float
    interval: tuple[float, float] | None
    """Left and width."""
    chance: float | None


@dataclass(frozen=True)
class Square:
    """A cell of a confusion matrix."""

    shade: str
    """CSS class: d or k, for the diagonal and beside it, and the share in steps of 5%."""
    percent: int
    count: int


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix; rows: what is shown."""

    labels: list[str]
    columns: list[str]
    """The labels, and "none" where some answers are none of them."""
    rows: list[list[Square]]

    @property
    def large(self) -> bool:
        """Whether counts no longer fit beside the percents."""
        return len(self.labels) > 12


@dataclass(frozen=True)
class ModelDetail:
    """What lies behind the number of one model."""

    entry: Entry
    matrix: Matrix | None
    prompts: dict[str, list[str]]
    """Empty where all models were given the same."""
    tables: list[Table]
    asked: list[tuple[str, str]]
    """Of models that write: questions, replies, and what they took."""
    facts: list[tuple[str, str]]
    """In which it differs from the other models."""
    failures: list[Failure]


@dataclass(frozen=True)
class Detail:
    """What lies behind a column of a table."""

    group: Group
    protocol: str
    chance: float | None
    meanings: list[tuple[str, str]]
    """Measure → what it is, where it needs saying."""
    subjects: int
    bars: list[Bar]
    tables: list[Table]
    prompts: dict[str, list[str]]
    facts: list[tuple[str, str]]
    models: list[ModelDetail]

    @property
    def has_failures(self) -> bool:
        """Whether the page must say how it is with pictures."""
        return any(model.failures for model in self.models)


def detail(group: Group, pictures: bool) -> Detail:
    """All that is known of one benchmark by one protocol; what all models share is said once."""
    rows = [entry.shown.row for entry in group.entries]
    own = [facts.others(row) for row in rows]
    shared = {name: text for name, text in own[0].items() if all(one.get(name) == text for one in own)}
    prompts = [facts.prompts(row) for row in rows]
    same_prompts = all(one == prompts[0] for one in prompts)
    first = group.entries[0].shown
    chance = first.chance(group.metric)
    return Detail(
        group=group,
        protocol=PROTOCOLS.get(group.protocol, group.protocol),
        chance=chance,
        meanings=facts.meanings(group),
        subjects=first.row.get("test_subjects") or 0,
        bars=_bars(group, chance),
        tables=_filled(facts.all_metrics(group), facts.units(group), facts.counts(first)),
        prompts=prompts[0] if same_prompts else {},
        facts=list(shared.items()),
        models=[
            ModelDetail(
                entry=entry,
                matrix=_matrix(entry),
                prompts={} if same_prompts else told,
                tables=_filled(
                    facts.parts(entry, group), facts.by_prompt(entry), *facts.subgroups(entry), facts.paired(entry)
                ),
                asked=facts.asked(entry.shown.row),
                facts=[(name, text) for name, text in theirs.items() if name not in shared],
                failures=failures([entry.shown, *entry.folds], pictures),
            )
            for entry, theirs, told in zip(group.entries, own, prompts, strict=True)
        ],
    )


def _filled(*tables: Table) -> list[Table]:
    return [table for table in tables if table.rows]


def _bars(group: Group, chance: float | None) -> list[Bar]:
    """Bars from zero; the track is 0 to 1, and as much longer as values below 0 and errors above 1 need."""
    cells = [cell for cells in group.cells.values() for cell in cells if cell.entry and cell.metric == group.metric]
    measures = [cell.measure for cell in cells]
    ends = [end for m in measures for end in (m.value, m.low, m.high) if end is not None]
    low = min([0.0, *ends])
    high = max(ends, default=1.0) * 1.05 if has_unit(group.metric) else max([1.0, *ends])
    scale = 100 / ((high - low) or 1.0)
    return [
        Bar(
            cell.entry,
            m,
            left=scale * (min(0.0, m.value) - low),
            width=scale * abs(m.value),
            interval=(scale * (m.low - low), scale * (m.high - m.low))
            if m.low is not None and m.high is not None
            else None,
            chance=None if chance is None else scale * (chance - low),
        )
        for cell, m in zip(cells, measures, strict=True)
        if cell.entry
    ]


def _matrix(entry: Entry) -> Matrix | None:
    """Of folds without a matrix of all: the sum of theirs."""
    given = [one for one in (entry.shown, *entry.folds) if one.row.get("confusion")]
    if not given:
        return None
    labels = given[0].labels
    alike = given[:1] if given[0] is entry.shown else [one for one in given if one.labels == labels]
    widest = max(len(one.row["confusion"][0]) for one in alike)
    counts = [[0] * widest for _ in labels]
    for one in alike:
        for row, told in enumerate(one.row["confusion"]):
            for column, count in enumerate(told):
                counts[row][column] += int(count)
    return Matrix(
        labels,
        [*labels, "none"][:widest],
        [[_square(count, sum(row), i == j) for j, count in enumerate(row)] for i, row in enumerate(counts)],
    )


def _square(count: int, total: int, diagonal: bool) -> Square:
    share = count / total if total else 0.0
    return Square(f"{'d' if diagonal else 'k'}{round(20 * share)}", round(100 * share), count)
