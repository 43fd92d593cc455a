"""Words of one's own for what a person feels, compared with the true ones on emotion wheels."""

from typing import Any

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.numbers import finite
from emocap.evaluation import outcomes
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.scorers.word_lists import PROMPT, words
from emocap.evaluation.task import Answered, Task, fill
from emocap.metrics.wheel.coverage import Coverage, coverage
from emocap.metrics.wheel.groups import groups
from emocap.metrics.wheel.overlaps import f_wheels, hit_rate_wheels, overlap, statistics
from emocap.metrics.wheel.resources import small
from emocap.metrics.wheel.rewards import of_overlap

_DROPPED = 30
"""Words that a row names of those that no wheel knows."""


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt, with what is said in the clip."""
    return [fill(card, text=example.text or "")]


def read(answered: Answered) -> Outcome:
    """The emotion-wheel metric; an example without a reply, or with one that cannot be read, has no predicted words.

    The score of a single example is its reward, see :mod:`emocap.metrics.wheel.rewards`; None where no wheel knows a
    true word of it.
    """
    wheels = answered.aids.wheels or small()
    found = words(answered)
    true, predicted = [example.labels or () for example in answered.tested], [one or () for one in found.labels]
    first, second = groups(wheels), groups(wheels, "level2")
    level1, level2 = overlap(first, true, predicted), overlap(second, true, predicted)
    every = statistics(level1, level2)
    names = outcomes.wanted(answered.card, list(every))
    once_1N = np.ones((1, len(true)))
    told = {
        "wheel": wheels.name,
        "wheel_sha256": wheels.sha256,
        "wheel_is_the_authors": wheels.comparable,
        **{
            f"{name}_of_each_wheel": [finite(float(value)) for value in of_wheels(level1, once_1N)[0]]
            for name, of_wheels in (("ew", f_wheels), ("hit_rate", hit_rate_wheels))
            if name in names
        },
        "skipped_by_each_wheel": (level1.true_NW == 0).sum(0).tolist(),
        **_known("true", coverage(first, true)),
        **_known("predicted", coverage(first, predicted)),
        "replies_read_by": found.read_by,
        "unparsable": found.unparsable,
        "extractor_prompt": PROMPT if set(found.read_by) - {"lists"} else None,
    }
    return Outcome(
        answered.rows,
        {name: every[name] for name in names},
        [", ".join(labels) for labels in true],
        [None if labels is None else ", ".join(labels) for labels in found.labels],
        [finite(float(value)) for value in of_overlap(level1)],
        told,
    )


def _known(whose: str, found: Coverage) -> dict[str, Any]:
    """What a row says of the words that wheels know."""
    shares = [None if share is None else finite(float(share)) for share in found.shares]
    dropped = dict(found.dropped.most_common(_DROPPED))
    return {
        f"{whose}_words": found.words,
        f"{whose}_words_known_to_each_wheel": shares,
        f"{whose}_words_dropped": found.dropped.total(),
        f"{whose}_words_dropped_most_often": dropped,
    }


TASK = Task(questions, read)
