"""Whether a voice is real: the odds of two words as the first of the reply (ALLM4ADD, arXiv 2505.11079)."""

import logging
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.evaluation import outcomes
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill
from emocap.llm.chat_models import Response
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import OfConfusion, Statistic, Weighted

USUAL = ("eer", "uar", "accuracy")
"""What is reported where a card does not say it."""

log = logging.getLogger(__name__)

_SILENT = 2
"""The place of "no answer" beside those of real and fake."""
Words = tuple[frozenset[str], frozenset[str]]
"""What stands for real, and for fake, in small letters."""


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt."""
    return [fill(card)]


def read(answered: TaskResponses) -> Outcome:
    """EER, balanced accuracy (UAR) and accuracy over all recordings.

    What is decided without odds counts as the worst there are for the EER: a real voice without a score is rejected
    and a fake one accepted, wherever the threshold lies. ``eer_scored`` is over those with a score. Where nothing has
    one, both are undefined. A recording without a decision is wrong. In subgroups, such as one of an attack, the real
    voices are always in.
    """
    card, known = answered.card, words(answered.card)
    real = outcomes.labels_of(card, answered.tested) == 0
    scores, sides = zip(*(score(response, known) for response in answered.firsts), strict=True)
    score_N = np.array(scores)
    picked = np.array([decision(r, s, known) for r, s in zip(answered.firsts, scores, strict=True)])
    scored, silent = ~np.isnan(score_N), picked == _SILENT
    true = np.where(real, 0, 1)
    spoken = np.array([response.text is not None for response in answered.firsts])
    if spoken.any() and not scored.any():
        log.warning("%s: no reply has log-probabilities, so the EER is undefined", answered.name)
    every: dict[str, Statistic] = {
        "eer": Weighted(partial(_eer, real, _at_worst(score_N, real), scored.any() & np.ones_like(real))),
        "uar": OfConfusion(metrics.uar, true, picked, 3),
        "accuracy": OfConfusion(metrics.war, true, picked, 3),
    }
    names = list(card.classes)
    chosen = {name: every[name] for name in wanted(card, list(every), USUAL)}
    return Outcome(
        answered.rows,
        {**chosen, "eer_scored": Weighted(partial(_eer, real, score_N, scored))},
        [names[place] for place in true],
        [names[place] if place < _SILENT else None for place in picked],
        [None if math.isnan(one) else one for one in scores],
        {
            "labels": names,
            "confusion": metrics.confusion(true, picked, len(names)).tolist(),
            "chance": {"eer": 0.5, "eer_scored": 0.5, "uar": 0.5},
            "unparsable": int((silent & spoken).sum()),
            "no_odds": int((spoken & ~scored).sum()),
            "one_sided": sum(sides),
        },
        shared=real,
    )


def words(card: Card) -> Words:
    """What stands for the card's two classes: their names and words."""
    real, fake = (frozenset(w.casefold() for w in (name, *one.words)) for name, one in card.classes.items())
    return real, fake


def score(response: Response, known: Words) -> tuple[float, bool]:
    """How much likelier real is, log P(real) − log P(fake), nan where it is unknown; and whether only one of the two
    words is among the odds.

    Of odds, tokens count that are a word but for case, space and marks around it; their probabilities are added up.
    A word that is not listed is at most as likely as the least likely token that is, and is taken to be that: the
    score is then nearer to 0 than the model's own. Of a file, a pair of numbers is the logits of fake and of real,
    as ALLM4ADD's code writes them; the model's own two tokens, which are not looked for here.
    """
    pair = response.fields.get("value")
    if isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, int | float) for one in pair):
        difference = float(pair[1]) - float(pair[0])
        return (difference, False) if math.isfinite(difference) else (math.nan, False)
    if not response.first_token_logprobs:
        return math.nan, False
    found = [_log_probability(response.first_token_logprobs, some) for some in known]
    if all(one is None for one in found):
        return math.nan, False
    least = min(response.first_token_logprobs.values())
    real, fake = (least if one is None else one for one in found)
    return real - fake, None in found


def _log_probability(logprobs: Mapping[str, float], tokens: frozenset[str]) -> float | None:
    logs = [value for token, value in logprobs.items() if _plain(token) in tokens]
    return float(np.logaddexp.reduce(logs)) if logs else None


def _plain(token: str) -> str:
    # Some servers show the space before a word as the vocabulary writes it.
    return token.replace("Ġ", " ").replace("▁", " ").strip(" \t\r\n.,:;!*\"'`").casefold()


def decision(response: Response, known_score: float, known: Words) -> int:
    """0 for real, 1 for fake, by the sign of the score, or else by the one of the words that the reply has; 2 where
    it has neither, or both.
    """
    if known_score > 0 or known_score < 0:
        return int(known_score < 0)
    said = set(re.findall(r"\w+", (response.answer or "").casefold()))
    has = [bool(said & some) for some in known]
    return has.index(True) if sum(has) == 1 else _SILENT


def _at_worst(score_N: Numbers, real: Any) -> Numbers:
    known = score_N[~np.isnan(score_N)]
    low, high = (known.min() - 1, known.max() + 1) if len(known) else (0.0, 0.0)
    return np.where(np.isnan(score_N), np.where(real, low, high), score_N)


def _eer(real: Any, score_N: Numbers, among: Any, weight_RN: Numbers) -> Numbers:
    return metrics.eer(real[among], score_N[among], weight_RN[:, among])


def _absolute_score(true: str, predicted: str, score: float | None) -> float:
    # The sign says which way the model leans.
    return abs(score or 0.0) if score is not None and math.isfinite(score) else 0.0


def _validate(card: Card) -> None:
    if len(card.classes) != 2:
        raise ValueError("classes: there are two, of real voices and of others, in this order")


TASK = Task(
    name="spoofing",
    needs=ExampleNeeds(lambda example: example.label is not None, classed=True),
    metrics=("eer", "uar", "accuracy"),
    generative=GenerativeTask(questions, read, first_token_logprobs=True),
    validate=_validate,
    display=TaskDisplay(
        "spoofing",
        {"spoofing": "Spoofed speech"},
        order=100,
        metrics={
            "eer": MetricDisplay(
                "EER", "the share of fake voices that pass where as many real ones are rejected", lower_is_better=True
            ),
            "eer_scored": MetricDisplay(
                "EER of what has a score",
                "the same without recordings that have no score; in EER these count as the worst",
                lower_is_better=True,
            ),
        },
        details={"no_odds": "replies that list neither word", "one_sided": "replies that list one word of the two"},
        error_weight=_absolute_score,
    ),
)
