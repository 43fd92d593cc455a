"""Rows of results with the folder that they stand in, and which of them stand for a model on a benchmark."""

# Tested in tests/reports/sections/test_suites.py.

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emocap.evaluation import results
from emocap.evaluation.registry import display_of
from emocap.evaluation.results import MetricValue, ResultRow


@dataclass(frozen=True)
class Measure:
    """A number with what is known of its certainty; fractions of 1, or units of the scale for errors."""

    value: float
    low: float | None = None
    high: float | None = None
    sd: float | None = None

    @classmethod
    def of(cls, metric: MetricValue | None) -> "Measure | None":
        """None where there is no metric, or where it is undefined."""
        if metric is None or metric.value is None:
            return None
        return cls(metric.value, metric.low, metric.high, metric.sd)


@dataclass(frozen=True)
class Result:
    """A row of results.jsonl and the folder that it stands in."""

    row: ResultRow
    folder: Path

    @property
    def section(self) -> str:
        """Key of the table that it belongs to."""
        return display_of(self.row.task).section(self.row)

    def measure(self, metric: str) -> Measure | None:
        """One of its numbers; None where there is none."""
        return Measure.of(self.row.metrics.get(metric))


def read_results(folder: Path) -> list[Result]:
    """The rows of an evaluation. Raises UserError for a line that is none, or is one of another version."""
    return [Result(row, folder) for row in results.read_results(folder / results.FILE)]


def representative(rows: Iterable[Result]) -> Result:
    """Of the folds of one measurement: their mean, or the only one, or else the first."""
    by_fold = {result.row.fold: result for result in rows}
    if "mean" in by_fold:
        return by_fold["mean"]
    return by_fold[min(by_fold, key=lambda fold: int(fold))]


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Model → its name in a table: the last part of a run folder's path; all of it where two would be the same."""
    names = {model: model if ":" in model else Path(model).name or model for model in models}
    counted = list(names.values())
    return {model: name if counted.count(name) == 1 else model for model, name in names.items()}
