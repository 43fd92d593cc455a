"""One task: its numbers with their intervals, as annotators.json has them."""

# Tested in tests/reports/sections/test_annotators.py.

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from emocap.annotators.annotations import Annotations, Reading
from emocap.annotators.bootstrap import bootstrap_of
from emocap.annotators.explanations import Explanations
from emocap.annotators.measures import OUR_BAE, bounded, finite, measures
from emocap.annotators.scale import Chance, Level, Weights, make_scale
from emocap.annotators.statistics import AgreementStatistics, AlignedMaps, Comparing
from emocap.annotators.structure import square
from emocap.metrics.arrays import Labels, Numbers

_STRUCTURES = {
    "kappa": "Cohen's κ of each two annotators, on the items that both have labelled",
    "truth_predicted": "Labels: κ on what has a prediction",
    "predicted": "Predictions: κ of what the model predicts of each two, on those same labels",
    "truth_explained": "Labels: κ on items that have explanations",
    "explained": f"Explanations: mean cosine of those for each two. {OUR_BAE}",
}


@dataclass(frozen=True)
class Method:
    """How labels are measured."""

    reading: Reading = field(default_factory=Reading)
    level: Level = "nominal"
    weights: Weights | None = None
    """None: none of nominal labels, quadratic of others."""
    chance: Chance = "marginals"
    comparing: Comparing = field(default_factory=Comparing)

    def record(self) -> dict[str, Any]:
        """As annotators.json has it."""
        return {
            "level": self.level,
            "weights": self.weights or ("none" if self.level == "nominal" else "quadratic"),
            "chance": self.chance,
            "labels": list(self.reading.labels),
            "missing": list(self.reading.missing),
            "ties": "label" if self.reading.ties_count else "missing",
            **asdict(self.comparing),
        }


def measure_task(name: str, task: Annotations, explanations: Explanations | None, method: Method) -> dict[str, Any]:
    """All that is known of a task: counts and notes, measures, annotators, structures of pairs, maps."""
    scale = make_scale(task.labels, method.level, method.weights, method.chance, bool(method.reading.labels))
    vector_NAD = explanations.vector_NAD if explanations else None
    statistics = AgreementStatistics(task.given_NA, scale, task.predicted_NA, vector_NAD, method.comparing)
    bootstrap = bootstrap_of(statistics)
    notes = [*task.notes, *(explanations.notes if explanations else [])]
    counts = np.bincount(task.given_NA[task.given_NA >= 0], minlength=len(task.labels))
    return {
        "name": name,
        "items": len(task.items),
        "labels": dict(zip(task.labels, counts.tolist(), strict=True)),
        "notes": [asdict(note) for note in notes],
        "measures": measures(statistics, bootstrap),
        "annotators": _annotators(task, statistics, bootstrap.interval),
        "structures": _structures(task, statistics, bootstrap.interval),
        "maps": _map_records(task, statistics),
    }


def _annotators(
    task: Annotations, numbers: AgreementStatistics, intervals: dict[str, Numbers]
) -> list[dict[str, Any]]:
    people = []
    for place, name in enumerate(task.annotators):
        counts = np.bincount(task.given_NA[task.given_NA[:, place] >= 0, place])
        person: dict[str, Any] = {
            "name": name,
            "labels": int(counts.sum()),
            "commonest": {"label": task.labels[counts.argmax()], "share": float(counts.max() / counts.sum())},
        }
        for measure in ("kappa_with_others", "accuracy", "macro_f1", "weighted_f1"):
            if measure in numbers.point:
                person[measure] = bounded(float(numbers.point[measure][place]), intervals[measure][:, place])
        people.append(person)
    return people


def _structures(task: Annotations, numbers: AgreementStatistics, intervals: dict[str, Numbers]) -> dict[str, Any]:
    structures: dict[str, Any] = {}
    for name, reading in _STRUCTURES.items():
        if name not in numbers.point:
            continue
        clipped = numbers.comparing.clip_negative and name not in ("kappa", "explained")
        least = 0.0 if clipped else -np.inf
        low_P, high_P = np.maximum(intervals[name], least)
        structures[name] = {
            "reading": reading + "; below 0 taken as 0" * clipped,
            "value": _matrix(square(np.maximum(numbers.point[name], least), numbers.annotators)),
            "low": _matrix(square(low_P, numbers.annotators)),
            "high": _matrix(square(high_P, numbers.annotators)),
            "items": square(numbers.shared(name).astype(float), numbers.annotators, 0).astype(int).tolist(),
        }
    return structures


def _map_records(task: Annotations, numbers: AgreementStatistics) -> dict[str, Any]:
    aligned = {"predicted": numbers.predicted_map, "explained": numbers.explained_map}
    maps_by_name: dict[str, Any] = {name: _aligned(task, maps) for name, maps in aligned.items() if maps}
    if numbers.own_map:
        kept_K, own = numbers.own_map
        maps_by_name["kappa"] = {
            "annotators": _named(task, kept_K),
            "point": own.point_K2.tolist(),
            "stress": own.stress,
        }
    return maps_by_name


def _aligned(task: Annotations, aligned: AlignedMaps) -> dict[str, Any]:
    return {
        "annotators": _named(task, aligned.kept_K),
        "truth": {"point": aligned.fit.truth_K2.tolist(), "stress": aligned.truth.stress},
        "model": {"point": aligned.fit.model_K2.tolist(), "stress": aligned.model.stress},
        "disparity": aligned.fit.disparity,
        "shuffled": finite(aligned.fit.shuffled),
    }


def _named(task: Annotations, kept_K: Labels) -> list[str]:
    return [task.annotators[place] for place in kept_K]


def _matrix(value_AA: Numbers) -> list[list[float | None]]:
    return [[finite(value) for value in row] for row in value_AA.tolist()]
