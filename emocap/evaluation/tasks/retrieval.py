"""Pictures and the texts of their captions that find each other."""

# Tested in tests/evaluation/test_encoder_protocols.py.

import re
from functools import partial

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.loading import ExampleNeeds
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.protocols.base import Setting
from emocap.evaluation.task import Task
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import Weighted


def _retrieval(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.protocols import retrieval

    rows = setting.tested
    captions = [caption for row in rows if (caption := setting.examples[row].caption)]
    hits_at = retrieval.measure(setting.encoder, captions, setting.matrix(rows))

    # Pictures are drawn anew, each with all its queries: sentences about one face are not independent.
    def recall(one: retrieval.Recall, place: int, weight_RN: Numbers) -> Numbers:
        return np.asarray((weight_RN @ one.hits_NK[:, place]) / (weight_RN @ one.queries_N))

    named = [(f"{one.name}_r{k}", one, place) for one in hits_at for place, k in enumerate(retrieval.RANKS)]
    none = [None] * len(rows)
    return [
        Outcome(
            rows,
            {name: Weighted(partial(recall, one, place)) for name, one, place in named},
            none,
            none,
            none,
            {
                "queries": {one.name: int(one.queries_N.sum()) for one in hits_at},
                "chance": {name: float(one.chance_K[place]) for name, one, place in named},
            },
        )
    ]


def _recall(metric: str) -> MetricDisplay | None:
    if hits_at := re.fullmatch(r"(\w+?)_(image_to_text|text_to_image)_r(\d+)", metric):
        return MetricDisplay(f"{hits_at[1]}, {hits_at[2].replace('_to_', ' → ')}: R@{hits_at[3]}")
    return None


def _validate(card: Card) -> None:
    if not card.layout.has_captions:
        raise ValueError("layout.reader: only a build has captions to retrieve")


TASK = Task(
    name="retrieval",
    needs=ExampleNeeds(lambda example: example.caption is not None and example.splits[0] == "test", noun="captioned"),
    metrics=(),
    protocols={"retrieval": _retrieval},
    validate=_validate,
    display=TaskDisplay("retrieval", {"retrieval": "Retrieval"}, order=50, derived=_recall),
)
