"""MME-Emotion as a whole: the eight tasks of a model pooled, every clip counting as much as any other."""

# Tested in tests/evaluation/test_aggregates.py.

from collections.abc import Sequence

from emocap.evaluation.aggregates import Suite, aggregate, weighted_mean
from emocap.evaluation.results import PublishedNumbers, ResultRow, is_official
from emocap.evaluation.rows import summed

NAME = "mme-emotion"
PARTS = tuple(f"{NAME}-{task}" for task in ("er-lab", "er-wild", "noise-er", "fg-er", "ml-er", "sa", "fg-sa", "ir"))
_PUBLISHED = PublishedNumbers(
    model="best of 20 models",
    protocol="generate",
    metrics={"rec_s_official": 0.393, "cot_s_official": 0.56},
    source="abstract of arXiv 2508.09210, which does not name the model; with its own judge and questions",
)


def combine(rows: Sequence[ResultRow]) -> ResultRow:
    """Means over all clips and, ``_official``, over all clips with a score that can be read.

    That is a mean over tasks, weighted by their clips. Scores are found task by task; the released evaluation finds
    them in the whole as it does in tasks with several labels, which differs only for broken scores.
    """
    clips, scored = [row.tested for row in rows], [int(str(row.details["scored"])) for row in rows]
    return aggregate(
        rows,
        benchmark=NAME,
        title="MME-Emotion, all tasks pooled",
        metrics={
            name: weighted_mean([row.metrics[name] for row in rows], scored if is_official(name) else clips)
            for name in rows[0].metrics
        },
        published=[_PUBLISHED],
        details={
            **{key: sum(int(str(row.details[key])) for row in rows) for key in ("scored", "scores_unlike_steps")},
            **{key: summed(_counts(row, key) for row in rows) for key in ("without_steps", "unjudged")},
        },
    )


def _counts(row: ResultRow, key: str) -> dict[str, int]:
    counts = row.details[key]
    assert isinstance(counts, dict)
    return {reason: int(str(count)) for reason, count in counts.items()}


SUITE = Suite(NAME, PARTS, combine)
