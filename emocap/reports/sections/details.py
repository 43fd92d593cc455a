"""What lies behind a number: bars with chance, confusion matrix, prompts, counts, subgroups, failures, versions."""

from dataclasses import dataclass
from fractions import Fraction

from emocap.evaluation.registry import metric_display
from emocap.reports import facts
from emocap.reports.facts import TextTable
from emocap.reports.failures import Failure, failures, heading
from emocap.reports.leaderboard import Entry, Group, Leaderboard, protocol_label
from emocap.reports.results import Measure
from emocap.reports.section import Page, Part, Section, template


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
class MatrixCell:
    """A cell of a confusion matrix."""

    shade: str
    """CSS class: d or k, for the diagonal and beside it, and the share in steps of 5%."""
    percent: int
    count: int


@dataclass(frozen=True)
class ConfusionMatrix:
    """A confusion matrix; rows: true classes."""

    labels: list[str]
    columns: list[str]
    """The labels, and "none" where some answers are none of them."""
    rows: list[list[MatrixCell]]

    @property
    def large(self) -> bool:
        """Whether counts no longer fit beside the percents."""
        return len(self.labels) > 12


@dataclass(frozen=True)
class ModelDetail:
    """What lies behind the number of one model."""

    entry: Entry
    matrix: ConfusionMatrix | None
    prompts: dict[str, list[str]]
    """Empty where all models were given the same."""
    tables: list[TextTable]
    responses: list[tuple[str, str]]
    """Of generative models: questions, replies, and what they took."""
    facts: list[tuple[str, str]]
    """In which it differs from the other models."""
    failures: list[Failure]
    failures_heading: str


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
    tables: list[TextTable]
    prompts: dict[str, list[str]]
    facts: list[tuple[str, str]]
    models: list[ModelDetail]

    @property
    def has_failures(self) -> bool:
        """Whether the page must say how it is with pictures."""
        return any(model.failures for model in self.models)


def detail(group: Group, pictures: bool) -> Detail:
    """All that is known of one benchmark by one protocol; what all models share is said once."""
    rows = [entry.result.row for entry in group.entries]
    own = [facts.others(row) for row in rows]
    shared = {name: text for name, text in own[0].items() if all(one.get(name) == text for one in own)}
    prompts = [facts.prompts(row) for row in rows]
    same_prompts = all(one == prompts[0] for one in prompts)
    chance = rows[0].chance_of(group.metric)
    return Detail(
        group=group,
        protocol=protocol_label(group.protocol),
        chance=chance,
        meanings=facts.meanings(group),
        subjects=rows[0].test_subjects,
        bars=_bars(group, chance),
        tables=_filled(facts.all_metrics(group), facts.units(group), facts.counts(rows[0])),
        prompts=prompts[0] if same_prompts else {},
        facts=list(shared.items()),
        models=[
            _model_detail(
                entry,
                group,
                pictures,
                {} if same_prompts else texts,
                [(name, text) for name, text in named.items() if name not in shared],
            )
            for entry, named, texts in zip(group.entries, own, prompts, strict=True)
        ],
    )


def _model_detail(
    entry: Entry, group: Group, pictures: bool, prompts: dict[str, list[str]], own: list[tuple[str, str]]
) -> ModelDetail:
    errors = failures([entry.result, *entry.folds], pictures)
    return ModelDetail(
        entry=entry,
        matrix=_matrix(entry),
        prompts=prompts,
        tables=_filled(
            facts.parts(entry, group), facts.by_prompt(entry), *facts.subgroups(entry), facts.paired(entry)
        ),
        responses=facts.responses(entry.result.row),
        facts=own,
        failures=errors,
        failures_heading=heading(entry.result.row.task, errors) if errors else "",
    )


def _filled(*tables: TextTable) -> list[TextTable]:
    return [table for table in tables if table.rows]


def _bars(group: Group, chance: float | None) -> list[Bar]:
    """Bars from zero; the track is 0 to 1, and as much longer as values below 0 and errors above 1 need."""
    cells = [cell for cells in group.cells.values() for cell in cells if cell.entry and cell.metric == group.metric]
    measures = [cell.measure for cell in cells]
    ends = [end for m in measures for end in (m.value, m.low, m.high) if end is not None]
    low = min([0.0, *ends])
    high = max(ends, default=1.0) * 1.05 if metric_display(group.metric).has_unit else max([1.0, *ends])
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


def _matrix(entry: Entry) -> ConfusionMatrix | None:
    """Of folds without a matrix of all: the sum of theirs."""
    given = [one.row for one in (entry.result, *entry.folds) if one.row.confusion]
    if not given:
        return None
    labels = given[0].labels
    alike = given[:1] if given[0] is entry.result.row else [row for row in given if row.labels == labels]
    widest = max(len(row.confusion[0]) for row in alike)
    counts = [[0] * widest for _ in labels]
    for row in alike:
        for number, line in enumerate(row.confusion):
            for column, count in enumerate(line):
                counts[number][column] += count
    return ConfusionMatrix(
        labels,
        [*labels, "none"][:widest],
        [[_matrix_cell(count, sum(row), i == j) for j, count in enumerate(row)] for i, row in enumerate(counts)],
    )


def _matrix_cell(count: int, total: int, diagonal: bool) -> MatrixCell:
    share = Fraction(count, total or 1)
    return MatrixCell(f"{'d' if diagonal else 'k'}{round(20 * share)}", round(100 * share), count)


def _show(page: Page, subject: object) -> Part | None:
    leaderboard: Leaderboard = page.content["leaderboard"]
    details = [detail(group, page.pictures) for group in leaderboard.groups if group.entries]
    return Part(template("details.html", details=details, pictures=page.pictures)) if details else None


SECTION = Section("details", 10, _show, place="details")
