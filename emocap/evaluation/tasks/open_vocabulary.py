"""Words of one's own for what a person feels, compared with the true ones on emotion wheels."""

from typing import Any

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.core.numbers import finite
from emocap.evaluation.display import READER_DETAILS, MetricDisplay, TaskDisplay, wheel_caveat
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.scorers.word_lists import PROMPT, words
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill
from emocap.metrics.wheel.coverage import Coverage, coverage
from emocap.metrics.wheel.groups import groups
from emocap.metrics.wheel.overlaps import f_wheels, hit_rate_wheels, overlap, statistics
from emocap.metrics.wheel.resources import small
from emocap.metrics.wheel.rewards import of_overlap

USUAL = ("ew", "ew_level2")
"""What is reported where a card does not say it."""

_DROPPED = 30
"""Words that a row names of those that no wheel knows."""


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt, with what is said in the clip."""
    return [fill(card, text=example.text or "")]


def read(answered: TaskResponses) -> Outcome:
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
    names = wanted(answered.card, list(every), USUAL)
    once_1N = np.ones((1, len(true)))
    details = {
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
        details,
    )


def _known(whose: str, words: Coverage) -> dict[str, Any]:
    """What a row says of the words that wheels know."""
    shares = [None if share is None else finite(float(share)) for share in words.shares]
    dropped = dict(words.dropped.most_common(_DROPPED))
    return {
        f"{whose}_words": words.words,
        f"{whose}_words_known_to_each_wheel": shares,
        f"{whose}_words_dropped": words.dropped.total(),
        f"{whose}_words_dropped_most_often": dropped,
    }


def _missing_reward(true: str, predicted: str, score: float | None) -> float | None:
    return 1 - score if score is not None and score < 1 else None


TASK = Task(
    name="open_vocabulary",
    needs=ExampleNeeds(lambda example: example.labels is not None),
    metrics=("ew", "ew_level2", "ew_precision", "ew_recall", "hit_rate"),
    generative=GenerativeTask(questions, read),
    uses_wheels=True,
    display=TaskDisplay(
        "open_vocabulary",
        {"open_vocabulary": "Open vocabulary"},
        order=60,
        metrics={
            "ew": MetricDisplay(
                "EW",
                "whether the reply's words for emotions and the true ones are in the same groups of five emotion "
                "wheels: F of mean precision and mean recall, mean over the wheels",
            ),
            "ew_level2": MetricDisplay("EW, level 2"),
            "ew_precision": MetricDisplay("EW precision"),
            "ew_recall": MetricDisplay("EW recall"),
            "hit_rate": MetricDisplay(
                "hit rate",
                "how often the true emotion is among those of the reply, by groups of five emotion wheels; a longer "
                "list can only gain",
            ),
        },
        details={
            **READER_DETAILS,
            "wheel": "emotion wheels",
            "wheel_sha256": "emotion wheels, SHA-256",
            "ew_of_each_wheel": "EW of each wheel",
            "wheel_is_the_authors": "emotion wheels are the authors'",
            "skipped_by_each_wheel": "clips that each wheel skips",
            "true_words_dropped": "true words that no wheel knows",
            "predicted_words_dropped": "words of replies that no wheel knows",
        },
        error_weight=_missing_reward,
        errors="some",
        caveat=wheel_caveat,
    ),
)
