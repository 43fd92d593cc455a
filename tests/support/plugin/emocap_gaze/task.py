"""Which way somebody looks, in degrees: by the nearest picture of train."""

import numpy as np

from emocap.benchmarks.loading import ExampleNeeds
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.protocols.base import Setting
from emocap.evaluation.task import Task
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import Weighted


def _nearest(setting: Setting) -> list[Outcome]:
    (fold,) = setting.folds
    degrees = np.array([(example.values or {})["degrees"] for example in setting.examples])
    near = (setting.matrix(fold.test)[:, None] - setting.matrix(fold.train)[None]).__pow__(2).sum(-1).argmin(1)
    error = np.abs(degrees[fold.test] - degrees[fold.train][near])

    def mean(weight_RN: Numbers) -> Numbers:
        return np.asarray(weight_RN @ error / weight_RN.sum(1))

    true, predicted = ([f"{value:g}" for value in part] for part in (degrees[fold.test], degrees[fold.train][near]))
    return [Outcome(fold.test, {"angular_error": Weighted(mean)}, true, predicted, [None] * len(error))]


TASK = Task(
    name="gaze",
    needs=ExampleNeeds(lambda example: example.values is not None),
    metrics=("angular_error",),
    protocols={"probe": _nearest},
    display=TaskDisplay(
        "gaze",
        {"gaze": "Gaze direction"},
        metrics={"angular_error": MetricDisplay("angular error", lower_is_better=True, has_unit=True)},
    ),
)
