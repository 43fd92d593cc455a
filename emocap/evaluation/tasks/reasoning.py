"""Emotion reasoning as in MME-Emotion (arXiv 2508.09210): the label that an answer ends with, and its steps.

An extractor brings the answer into steps, of which the last states the label. A judge, who sees a frame of every
second and knows the label, scores each. Rec is the score of the last step and Rea the mean of those before it, 0 where
there are none. The form of steps and scores is that of the released evaluation, and so are the ways to find them; the
wording of both prompts is ours.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.core.errors import UserError
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill, filled
from emocap.llm.chat_models import Response
from emocap.llm.chat_request import ChatRequest
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import Statistic, Weighted

USUAL = ("rec_s", "rea_s", "cot_s", "rec_s_official", "rea_s_official", "cot_s_official")
"""What is reported where a card does not say it."""

ALPHA = 0.5
"""The weight of Rec in CoT."""
_SYSTEM = "You are an expert in affective computing. You keep exactly to the form that is asked for."
_EXTRACT = """\
Below is an answer to the question which {about} a video conveys. Bring it into its key steps, each as short as \
possible and in the order of the answer. The last step states the predicted {about} or {about}s and nothing else. An \
answer without reasoning has a single step, which states the predicted {about}. Where the answer is refused or names \
no {about}, the last step is: The predicted {about} is None.

Write the steps on one line, within <step></step>, and nothing else:
<step>Step 1: ... Step 2: ... Step N: The predicted {about} is ...</step>

Example: the answer "She frowns and her voice shakes, so I would say X." becomes
<step>Step 1: She frowns. Step 2: Her voice shakes. Step 3: The predicted {about} is X.</step>
Example: the answer "X" becomes
<step>Step 1: The predicted {about} is X.</step>
Example: the answer "I cannot tell what people feel." becomes
<step>Step 1: The predicted {about} is None.</step>

The answer:
{answer}"""
_JUDGE = """\
Above are frames of a video, one of every second. Below are a description of its sound, its true {about}, and a \
prediction in steps. Score every step.

1. Every step but the last: 1/1, or 0/1 where it clearly contradicts the frames or the description of the sound.
2. {last}
3. There are as many scores as there are steps, in their order.

Write the scores on one line, within <score></score>, and nothing else:
<score>Step 1: 1/1, Step 2: 0/1, ..., Step N: {example}</score>

Sound: {clue}
True {about}: {label}
Prediction: <step>{steps}</step>"""
_LAST_OF_ONE = (
    "The last step: 1/1 where the {about} that it states is the true one, otherwise 0/1. Here frames and sound do not "
    "matter."
)
_LAST_OF_SEVERAL = (
    "The last step: C/K, where K is the number of true {about}s, {count}, and C is how many of them it states. What "
    "it states besides does not matter, and neither do frames and sound."
)
_SECONDS, _FRAMES, _SIDE = 1.0, 10, 2048
_EXTRACTOR_TOKENS, _JUDGE_TOKENS = 1024, 256


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt, with the labels that may be chosen from as its {classes}."""
    return [fill(card, classes=", ".join(example.options or card.classes), text=example.text or "")]


def steps_of(text: str) -> str | None:
    """What stands within ``<step></step>``; None where nothing does."""
    found = re.search(r"<step>(.*?)</step>", text, re.DOTALL)
    return found[1].strip() or None if found else None


def scores_of(text: str, several: bool) -> list[float]:
    """The scores in a judge's reply, as the released evaluation finds them: within ``<score></score>`` on one line;
    one digit over 1 where there is one label, any number over any other where there are several, over 0 as 0. None
    where it finds none; those above 1 pass.
    """
    found = re.search(r"<score>(.*?)</score>", text)
    if not found:
        return []
    if not several:
        return [float(score) for score in re.findall(r": (\d)/1", found[1])]
    pairs = re.findall(r":\s*(\d+)/(\d+)", found[1])
    return [float(right) / float(count) if float(count) else 0.0 for right, count in pairs]


def read(answered: TaskResponses) -> Outcome:
    """Rec-S, Rea-S and CoT-S = 0.5 · Rec-S + 0.5 · Rea-S over all examples, where an answer, steps or scores that are
    not there or cannot be read count as 0; and ``_official``: over the examples with scores that can be read.

    Steps and scores that stand beside the answers in a file of predictions, as the released evaluation writes them,
    are taken as they are. Details: ``scored``, how many have scores that can be read; ``scores_unlike_steps``,
    how many of them have more or fewer scores than steps; ``unparsable``, how many judgements cannot be read, or have
    scores above 1. Raises UserError where a judge is needed and there is none.
    """
    card, several = answered.card, bool(answered.card.generate and answered.card.generate.several)
    _same_labels(answered)
    if any(response.text is not None and not _scored(response) for response in answered.firsts):
        answered.aids.need("judge", card)  # before an extractor is paid
    steps, without_steps = _steps(answered)
    said, unjudged = _statement(answered, steps)
    found = [scores_of(text, several) if text is not None else [] for text in said]
    official = np.array([bool(scores) and bool(np.isfinite(scores).all()) for scores in found])
    readable = official & np.array([max(scores, default=2.0) <= 1 for scores in found])
    sound = readable & np.array([response.text is not None for response in answered.firsts])
    rec = np.array([scores[-1] if ok else 0.0 for scores, ok in zip(found, official, strict=True)])
    rea = np.array([_mean(scores[:-1]) if ok else 0.0 for scores, ok in zip(found, official, strict=True)])
    labels = [", ".join(example.labels or ()) for example in answered.tested]
    lengths = [float(len(scores)) for scores in found if scores]
    off = [_count(text) != len(scores) for text, scores in zip(steps, found, strict=True) if text and scores]
    return Outcome(
        answered.rows,
        _statistics(card, rec, rea, official, sound),
        labels,
        # What the judge found to be all of the labels is these labels, in whatever words.
        [
            label if right else _last(text) if text else None
            for label, right, text in zip(labels, sound & (rec == 1), steps, strict=True)
        ],
        [None] * len(rec),
        {
            "scored": int(official.sum()),
            "without_steps": without_steps,
            "unjudged": unjudged,
            "unparsable": sum(text is not None for text, ok in zip(said, readable, strict=True) if not ok),
            "scores_unlike_steps": sum(off),
            "mean_steps": _mean(lengths),
            "scores_from_file": sum(map(_scored, answered.firsts)),
            "without_clue": sum(example.clue is None for example in answered.tested),
            "prompts": _prompts(card),
        },
    )


def _statistics(
    card: Card, rec: Numbers, rea: Numbers, official: npt.NDArray[np.bool_], sound: npt.NDArray[np.bool_]
) -> dict[str, Statistic]:
    scores = {"rec_s": rec, "rea_s": rea, "cot_s": ALPHA * rec + (1 - ALPHA) * rea}
    every_N = np.ones(len(rec), dtype=bool)
    possible: dict[str, Statistic] = {}
    for name, score in scores.items():
        possible[name] = Weighted(partial(metrics.mean_among, np.where(sound, score, 0.0), every_N))
        possible[f"{name}_official"] = Weighted(partial(metrics.mean_among, score, official))
    return {name: possible[name] for name in wanted(card, list(possible), USUAL)}


def _steps(answered: TaskResponses) -> tuple[list[str | None], dict[str, int]]:
    """Of each example its steps, and why some have none: those with an answer alone are counted."""
    found: list[str | None] = [None] * len(answered.firsts)
    reasons = Counter[str]()
    asked: list[tuple[int, ChatRequest]] = []
    for place, (example, response) in enumerate(zip(answered.tested, answered.firsts, strict=True)):
        if "step" in response.fields:
            found[place] = steps_of(str(response.fields["step"]))
            reasons["no_tags"] += found[place] is None
        elif response.text is not None:
            text = filled(_EXTRACT, about=_about(answered.card), answer=response.text)
            asked.append((place, ChatRequest(example.name, text, system=_SYSTEM, max_tokens=_EXTRACTOR_TOKENS)))
    if asked:
        extractor = answered.aids.need("extractor", answered.card)
        replies = extractor.answer([ask for _, ask in asked], f"{answered.name}-steps")
        for (place, _), reply in zip(asked, replies, strict=True):
            found[place] = steps_of(reply.answer) if reply.answer is not None else None
            if found[place] is None:
                reasons[reply.reason or "no_tags"] += 1
    return found, dict(+reasons)


def _statement(answered: TaskResponses, steps: Sequence[str | None]) -> tuple[list[str | None], dict[str, int]]:
    """Of each example what a judge said of its steps, and why nothing was said of some."""
    found: list[str | None] = [None] * len(steps)
    reasons = Counter[str]()
    asked: list[tuple[int, ChatRequest]] = []
    for place, (example, response, text) in enumerate(zip(answered.tested, answered.firsts, steps, strict=True)):
        if _scored(response):
            score = response.fields["score"]
            found[place] = None if score is None else str(score)
            reasons["no_score_in_file"] += score is None
        elif text is not None:
            asked.append((place, _judging(answered.card, example, text)))
    if asked:
        judge = answered.aids.need("judge", answered.card)
        replies = judge.answer([ask for _, ask in asked], f"{answered.name}-scores")
        for (place, _), reply in zip(asked, replies, strict=True):
            found[place] = reply.answer
            if reply.answer is None:
                reasons[reply.reason] += 1
    return found, dict(+reasons)


def _judging(card: Card, example: Example, steps: str) -> ChatRequest:
    labels = example.labels or ()
    text = filled(
        _judge_form(card),
        count=str(len(labels)),
        clue=example.clue or "not described",
        label=", ".join(labels),
        steps=steps,
    )
    return ChatRequest(
        example.name,
        text,
        example.media,
        frames=_FRAMES,
        every=_SECONDS,
        side=_SIDE,
        system=_SYSTEM,
        max_tokens=_JUDGE_TOKENS,
    )


def _judge_form(card: Card) -> str:
    several = bool(card.generate and card.generate.several)
    form = filled(_JUDGE, last=_LAST_OF_SEVERAL if several else _LAST_OF_ONE, example="C/K" if several else "1/1")
    return filled(form, about=_about(card))


def _prompts(card: Card) -> dict[str, list[str]]:
    assert card.generate
    extract = filled(_EXTRACT, about=_about(card))
    return {"question": [card.generate.prompt], "extractor": [extract], "judge": [_judge_form(card)]}


def _about(card: Card) -> str:
    assert card.generate
    return card.generate.about


def _scored(response: Response) -> bool:
    """Whether it is a row of the released evaluation."""
    return "step" in response.fields and "score" in response.fields


def _same_labels(answered: TaskResponses) -> None:
    """Raises UserError for predictions that say another label than the data."""
    for example, response in zip(answered.tested, answered.firsts, strict=True):
        stated = response.fields.get("ground_truth")
        if stated is not None and _names(str(stated)) != {label.casefold() for label in example.labels or ()}:
            raise UserError(
                f"{answered.name}: ground_truth of {example.name} is {stated!r} in the predictions and "
                f"{', '.join(example.labels or ())!r} in the data"
            )


def _names(labels: str) -> set[str]:
    return {label.strip().casefold() for label in re.split("[,;]", labels) if label.strip()}


def _count(steps: str) -> int:
    return len(re.findall(r"Step\s*\d+\s*:", steps))


def _last(steps: str) -> str:
    """The text of the last step."""
    return re.split(r"Step\s*\d+\s*:", steps)[-1].strip()


def _mean(scores: Sequence[float]) -> float:
    return float(np.mean(scores)) if scores else 0.0


TASK = Task(
    name="reasoning",
    needs=ExampleNeeds(lambda example: example.labels is not None),
    metrics=("rec_s", "rea_s", "cot_s", "rec_s_official", "rea_s_official", "cot_s_official"),
    generative=GenerativeTask(questions, read, judged=True),
    display=TaskDisplay(
        "reasoning",
        {"reasoning": "Emotion reasoning"},
        order=80,
        metrics={
            "rec_s": MetricDisplay("Rec-S", "a judge's score of the label that an answer ends with"),
            "rea_s": MetricDisplay("Rea-S", "a judge's score of the steps before it, 0 where there are none"),
            "cot_s": MetricDisplay("CoT-S", "half of Rec-S and half of Rea-S"),
        },
        details={
            "scored": "with scores that can be read",
            "unjudged": "steps without scores, and why",
            "without_clue": "without clues",
            "scores_unlike_steps": "with more or fewer scores than steps",
            "without_steps": "answers without steps, and why",
        },
    ),
)
