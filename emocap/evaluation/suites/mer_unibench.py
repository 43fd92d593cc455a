"""MER-UniBench: the mean over nine datasets, of each the metric that its authors chose (AffectGPT)."""

# Tested in tests/evaluation/tasks/test_open_vocabulary.py.

from collections.abc import Sequence

from emocap.evaluation.aggregates import Suite, aggregate, weighted_mean
from emocap.evaluation.results import MetricValue, PublishedNumbers, ResultRow

NAME = "mer-unibench"
METRICS = {
    "ov-merd-plus": "ew",
    **dict.fromkeys(("mer2023", "mer2024", "meld", "iemocap-4"), "hit_rate"),
    **dict.fromkeys(("cmu-mosi", "cmu-mosei", "sims", "sims-v2"), "sign_f1"),
}
"""Dataset → its metric."""
_PUBLISHED = [
    PublishedNumbers(
        model=model,
        protocol="generate",
        metrics={"mean": value},
        source="arXiv 2508.01318, as reading notes tell; of each dataset the best of several checkpoints",
    )
    for model, value in (("AffectGPT", 0.748), ("AffectGPT-R1", 0.795))
]


def combine(rows: Sequence[ResultRow]) -> ResultRow | None:
    """The plain mean: every dataset counts as much as any other. None where one of the nine is undefined."""
    values = [row.metrics.get(METRICS[row.benchmark], MetricValue(value=None)) for row in rows]
    mean = weighted_mean(values, [1.0] * len(values))
    if mean.value is None:
        return None
    wheels = next((row.details for row in rows if row.details.get("wheel_is_the_authors") is False), None)
    return aggregate(
        rows,
        benchmark=NAME,
        title="MER-UniBench",
        task=None,
        metrics={"mean": mean},
        published=_PUBLISHED,
        details={key: wheels[key] for key in ("wheel", "wheel_is_the_authors")} if wheels else {},
    )


SUITE = Suite(NAME, tuple(METRICS), combine)
