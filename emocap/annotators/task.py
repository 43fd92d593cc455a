"""One task: its numbers with their intervals, as annotators.json has them."""

# Tested in tests/reports/sections/test_annotators.py.

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from emocap.annotators.annotations import Annotations, Reading
from emocap.annotators.bootstrap import certainty_of
from emocap.annotators.explanations import Explanations
from emocap.annotators.measures import OUR_BAE, bounded, finite, measures
from emocap.annotators.scale import Chance, Level, Weights, make_scale
from emocap.annotators.statistics import Comparing, Laid, Panel
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

    def told(self) -> dict[str, Any]:
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


def measure_task(name: str, found: Annotations, explanations: Explanations | None, method: Method) -> dict[str, Any]:
    """All that is known of a task: counts and notes, measures, annotators, structures of pairs, maps."""
    scale = make_scale(found.labels, method.level, method.weights, method.chance, bool(method.reading.labels))
    vector_NAD = explanations.vector_NAD if explanations else None
    panel = Panel(found.given_NA, scale, found.predicted_NA, vector_NAD, method.comparing)
    certainty = certainty_of(panel)
    notes = [*found.notes, *(explanations.notes if explanations else [])]
    counts = np.bincount(found.given_NA[found.given_NA >= 0], minlength=len(found.labels))
    return {
        "name": name,
        "items": len(found.items),
        "labels": dict(zip(found.labels, counts.tolist(), strict=True)),
        "notes": [asdict(note) for note in notes],
        "measures": measures(panel, certainty),
        "annotators": _annotators(found, panel, certainty.interval),
        "structures": _structures(found, panel, certainty.interval),
        "maps": _maps(found, panel),
    }


def _annotators(found: Annotations, panel: Panel, intervals: dict[str, Numbers]) -> list[dict[str, Any]]:
    told = []
    for place, name in enumerate(found.annotators):
        counts = np.bincount(found.given_NA[found.given_NA[:, place] >= 0, place])
        person: dict[str, Any] = {
            "name": name,
            "labels": int(counts.sum()),
            "commonest": {"label": found.labels[counts.argmax()], "share": float(counts.max() / counts.sum())},
        }
        for measure in ("kappa_with_others", "accuracy", "macro_f1", "weighted_f1"):
            if measure in panel.point:
                person[measure] = bounded(float(panel.point[measure][place]), intervals[measure][:, place])
        told.append(person)
    return told


def _structures(found: Annotations, panel: Panel, intervals: dict[str, Numbers]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, reading in _STRUCTURES.items():
        if name not in panel.point:
            continue
        clipped = panel.comparing.clip_negative and name not in ("kappa", "explained")
        least = 0.0 if clipped else -np.inf
        low_P, high_P = np.maximum(intervals[name], least)
        told[name] = {
            "reading": reading + "; below 0 taken as 0" * clipped,
            "value": _matrix(square(np.maximum(panel.point[name], least), panel.annotators)),
            "low": _matrix(square(low_P, panel.annotators)),
            "high": _matrix(square(high_P, panel.annotators)),
            "items": square(panel.shared(name).astype(float), panel.annotators, 0).astype(int).tolist(),
        }
    return told


def _maps(found: Annotations, panel: Panel) -> dict[str, Any]:
    laid = {"predicted": panel.predicted_map, "explained": panel.explained_map}
    told: dict[str, Any] = {name: _laid(found, maps) for name, maps in laid.items() if maps}
    if panel.own_map:
        kept_K, own = panel.own_map
        told["kappa"] = {"annotators": _named(found, kept_K), "point": own.point_K2.tolist(), "stress": own.stress}
    return told


def _laid(found: Annotations, laid: Laid) -> dict[str, Any]:
    return {
        "annotators": _named(found, laid.kept_K),
        "truth": {"point": laid.fit.truth_K2.tolist(), "stress": laid.truth.stress},
        "told": {"point": laid.fit.told_K2.tolist(), "stress": laid.told.stress},
        "disparity": laid.fit.disparity,
        "shuffled": finite(laid.fit.shuffled),
    }


def _named(found: Annotations, kept_K: Labels) -> list[str]:
    return [found.annotators[place] for place in kept_K]


def _matrix(value_AA: Numbers) -> list[list[float | None]]:
    return [[finite(value) for value in row] for row in value_AA.tolist()]
