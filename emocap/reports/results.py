"""The rows of results.jsonl, and which of them stand for a model on a benchmark."""

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError
from emocap.reports.measures import is_official, number

SECTIONS = {
    "static": "Emotion, static",
    "dynamic": "Emotion, dynamic",
    "emotion": "Emotion",
    "compound": "Compound emotions",
    "action_units": "Action units",
    "rating": "Ratings",
    "choice": "Multiple choice",
    "retrieval": "Retrieval",
    "open_vocabulary": "Open vocabulary",
    "sentiment": "Sentiment",
    "reasoning": "Emotion reasoning",
    "two_tiers": "Seen and meant",
    "spoofing": "Spoofed speech",
}
"""The tables of a page, in their order. Emotion alone: rows that do not say whether pictures or clips were shown."""

_NEEDED = ("benchmark", "protocol", "model", "metrics")


@dataclass(frozen=True)
class Measure:
    """A number with what is known of its certainty; fractions of 1, or units of the scale for errors."""

    value: float
    low: float | None = None
    high: float | None = None
    sd: float | None = None


@dataclass(frozen=True)
class Result:
    """A row of results.jsonl and the folder that it stands in."""

    row: dict[str, Any]
    folder: Path

    @property
    def headline(self) -> str:
        """The measure that tables show; none with a denominator of its own, while there is another."""
        names = list(self.row["metrics"])
        own = [name for name in names if not is_official(name)]
        return str(self.row.get("headline") or next(iter(own or names), ""))

    @property
    def section(self) -> str:
        """Key of SECTIONS."""
        task = self.row.get("task")
        if task is None:
            task = "retrieval" if self.row["protocol"] == "retrieval" else "action_units" if "f1" in self.row else ""
        if task in SECTIONS and task != "emotion":
            return str(task)
        if self.row.get("compound"):
            return "compound"
        return {"pictures": "static", "clips": "dynamic"}.get(self.row.get("media", ""), "emotion")

    @property
    def fold(self) -> int | str:
        """0, the number of an official fold, or "mean"."""
        fold: int | str = self.row.get("fold", 0)
        return fold

    @property
    def shots(self) -> int | None:
        """Examples of a class that were learned from; None where it was not few-shot."""
        shots: int | None = self.row.get("shots")
        return shots

    @property
    def labels(self) -> list[str]:
        """In the order of the confusion matrix."""
        return [str(label) for label in self.row.get("labels") or []]

    def measure(self, metric: str) -> Measure | None:
        """One of its numbers; None where there is none."""
        found = self.row["metrics"].get(metric)
        value = number(found.get("value")) if isinstance(found, dict) else number(found)
        if value is None:
            return None
        more = [number(found.get(key)) if isinstance(found, dict) else None for key in ("low", "high", "sd")]
        return Measure(value, *more)

    def chance(self, metric: str) -> float | None:
        """What guessing reaches; None where it is not known."""
        if (told := number((self.row.get("chance") or {}).get(metric))) is not None:
            return told
        return 1 / len(self.labels) if metric == "uar" and self.labels else None


def read_results(folder: Path) -> list[Result]:
    """The rows of an evaluation; raises UserError for a line that is none."""
    path = folder / "results.jsonl"
    results = []
    # Not splitlines: what a model said may hold other signs that Python takes for line ends.
    for place, line in enumerate(io.StringIO(path.read_text(encoding="utf-8")), 1):
        try:
            row = json.loads(line)
            missing = [key for key in _NEEDED if key not in row]
        except (ValueError, TypeError):
            missing = ["the JSON of a row"]
        if missing:
            raise UserError(f"{path}, line {place}: {', '.join(missing)} is missing; measure again with emocap eval")
        results.append(Result(row, folder))
    return results


def representative(results: Iterable[Result]) -> Result:
    """Of the folds of one measurement: their mean, or the only one, or else the first."""
    by_fold = {result.fold: result for result in results}
    if "mean" in by_fold:
        return by_fold["mean"]
    return by_fold[min(by_fold, key=lambda fold: int(fold))]


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Model → what a table calls it: the last part of a run folder's path; all of it where two would be the same."""
    names = {model: model if ":" in model else Path(model).name or model for model in models}
    counted = list(names.values())
    return {model: name if counted.count(name) == 1 else model for model, name in names.items()}
