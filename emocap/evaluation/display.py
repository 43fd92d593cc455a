"""What pages, tables and comparisons need to know of a task, so that they need not know its name."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from emocap.evaluation.results import ResultRow, is_official, without_official


@dataclass(frozen=True)
class MetricDisplay:
    """How a metric is shown. Names of metrics mean the same in every task."""

    label: str
    """What the field calls it."""
    meaning: str | None = None
    """In a line, where the label does not say it."""
    lower_is_better: bool = False
    has_unit: bool = False
    """Whether it has the unit of its scale and is no fraction of 1."""


@dataclass(frozen=True)
class Caveat:
    """Something that a reader must know before believing a number."""

    short: str
    """For a table cell, one or two words."""
    kind: str
    """What it is about; a noun."""
    subject: str
    """What stands there in this row."""
    consequence: str
    """A sentence, for the notes below a table."""

    @property
    def text(self) -> str:
        """For a tooltip."""
        return f"{self.kind}: {self.subject}"


def by_score(true: str, predicted: str, score: float | None) -> float | None:
    """The surest error first."""
    return score or 0.0


@dataclass(frozen=True)
class TaskDisplay:
    """How the results of a task are shown and compared."""

    task: str
    sections: Mapping[str, str]
    """Key → title of its tables, in their order on a page."""
    order: int = 1000
    """Tasks with the least come first."""
    section_of: Callable[[ResultRow], str] | None = None
    """The key of a row's table; None: the first one."""
    metrics: Mapping[str, MetricDisplay] = field(default_factory=dict)
    """Those whose names do not say everything."""
    derived: Callable[[str], MetricDisplay | None] | None = None
    """Of metrics whose names are composed."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Key of ``ResultRow.details`` → what a page calls it; others are called by their keys."""
    error_weight: Callable[[str, str, float | None], float | None] = by_score
    """True answer, prediction and score of an error → how early it is shown; None: it is not shown. Both texts are as
    in the file of predictions, "" for none.
    """
    errors: Literal["surest", "largest", "some"] = "surest"
    """What the errors with the most weight are; "surest" falls back to "some" where there are no scores."""
    caveat: Callable[[ResultRow], Caveat | None] = lambda row: None
    paired_test: str | None = None
    """Name of the test of two models, see :data:`emocap.evaluation.paired_tests.TESTS`; None: there is none."""

    def section(self, row: ResultRow) -> str:
        """The key of a row's table."""
        return self.section_of(row) if self.section_of else next(iter(self.sections))


def display_of(task: str | None) -> TaskDisplay:
    """The display of a task; of one that has none a plain one, and of None that of suites over several tasks."""
    if task is None:
        return _SUITE
    return DISPLAYS.get(task) or TaskDisplay(task, {task: task.replace("_", " ").capitalize()})


def displays() -> list[TaskDisplay]:
    """All of them, in the order of a page."""
    return sorted(DISPLAYS.values(), key=lambda display: display.order)


def metric_display(metric: str) -> MetricDisplay:
    """How a metric of any task is shown.

    ``accuracy_official`` is accuracy, official denominator; ``ccc_valence`` is valence: CCC; other unknown ones are
    shown by their names.
    """
    if is_official(metric):
        own = metric_display(without_official(metric))
        return replace(own, label=f"{own.label}, official denominator", meaning=_OFFICIAL_MEANING)
    for display in DISPLAYS.values():
        if found := display.metrics.get(metric) or (display.derived(metric) if display.derived else None):
            return found
    measure, _, scale = metric.partition("_")
    for display in DISPLAYS.values():
        if scale and (found := display.metrics.get(measure)):
            return replace(found, label=f"{scale}: {found.label}", meaning=None)
    return MetricDisplay(metric.replace("_", " "))


_OFFICIAL_MEANING = (
    "over what the benchmark's own script counts; the number without that word is over all that was asked"
)


def _emotion_section(row: ResultRow) -> str:
    if row.compound:
        return "compound"
    return {"pictures": "static", "clips": "dynamic"}.get(row.media, "emotion")


def _recall(metric: str) -> MetricDisplay | None:
    if found := re.fullmatch(r"(\w+?)_(image_to_text|text_to_image)_r(\d+)", metric):
        return MetricDisplay(f"{found[1]}, {found[2].replace('_to_', ' → ')}: R@{found[3]}")
    return None


def _unlike_units(true: str, predicted: str, score: float | None) -> float:
    """The number of units that are wrong: ``4+12`` and the same of what was predicted."""
    return float(len(set(true.split("+")) ^ set(predicted.split("+"))))


def _distance(true: str, predicted: str, score: float | None) -> float:
    """The sum of what scales are off: ``valence=0.3 arousal=-0.1`` and the same of what was predicted."""
    first, second = (dict(part.partition("=")[::2] for part in text.split()) for text in (true, predicted))
    return sum(abs(float(value) - float(second[scale])) for scale, value in first.items() if scale in second)


def _wrong_sign(true: str, predicted: str, score: float | None) -> float | None:
    value = float(true)
    return abs(value) if value and (value > 0) != (predicted == "positive") else None


def _missing_reward(true: str, predicted: str, score: float | None) -> float | None:
    return 1 - score if score is not None and score < 1 else None


def _absolute_score(true: str, predicted: str, score: float | None) -> float:
    # The sign says which way the model leans.
    return abs(score or 0.0) if score is not None and math.isfinite(score) else 0.0


def _wheel_caveat(row: ResultRow) -> Caveat | None:
    """The emotion wheels of a row, where they are not those of the metric's authors."""
    if row.details.get("wheel_is_the_authors") is not False:
        return None
    wheel = str(row.details.get("wheel"))
    return Caveat("other wheels", "emotion wheels", wheel, "These numbers compare with no published ones.")


_READERS = {"extractor_prompt": "what the extractor is asked", "replies_read_by": "replies that were read as or by"}
_ALL = (
    TaskDisplay(
        "emotion",
        {
            "static": "Emotion, static",
            "dynamic": "Emotion, dynamic",
            "emotion": "Emotion",
            "compound": "Compound emotions",
        },
        order=10,
        section_of=_emotion_section,
        metrics={
            "uar": MetricDisplay("UAR"),
            "war": MetricDisplay("WAR"),
            "macro_f1": MetricDisplay("macro F1"),
            "uf1": MetricDisplay("UF1"),
            "rouge_l": MetricDisplay(
                "ROUGE-L", "how much of a reference text the reply has, word by word in its order"
            ),
            "rege": MetricDisplay("headline + ROUGE-L"),
        },
        paired_test="uar_bootstrap",
    ),
    TaskDisplay(
        "action_units",
        {"action_units": "Action units"},
        order=20,
        metrics={"f1": MetricDisplay("F1"), "map": MetricDisplay("mAP")},
        error_weight=_unlike_units,
        errors="largest",
    ),
    TaskDisplay(
        "rating",
        {"rating": "Ratings"},
        order=30,
        metrics={
            "ccc": MetricDisplay("CCC"),
            "pcc": MetricDisplay("PCC"),
            "icc": MetricDisplay("ICC"),
            "rmse": MetricDisplay("RMSE", lower_is_better=True, has_unit=True),
            "mae": MetricDisplay("MAE", lower_is_better=True, has_unit=True),
            "mse": MetricDisplay("MSE", lower_is_better=True, has_unit=True),
            "sagr": MetricDisplay("SAGR"),
        },
        error_weight=_distance,
        errors="largest",
    ),
    TaskDisplay(
        "choice",
        {"choice": "Multiple choice"},
        order=40,
        metrics={
            "rubric_score": MetricDisplay(
                "rubric score",
                "of a right answer, the share of the rubric's points that a judge finds in the reasoning; of a wrong "
                "one 0",
            ),
            "grouped_accuracy": MetricDisplay(
                "grouped accuracy", "the benchmark's own score: a mean of means over its subsets"
            ),
        },
        paired_test="mcnemar",
    ),
    TaskDisplay("retrieval", {"retrieval": "Retrieval"}, order=50, derived=_recall),
    TaskDisplay(
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
            **_READERS,
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
        caveat=_wheel_caveat,
    ),
    TaskDisplay(
        "sentiment",
        {"sentiment": "Sentiment"},
        order=70,
        metrics={
            "sign_f1": MetricDisplay(
                "F1 of the sign",
                "F1 of whether the sentiment is positive, weighted by how frequent the sides are; no neutral clips",
            )
        },
        details={**_READERS, "zero_left_out": "neutral clips, left out"},
        error_weight=_wrong_sign,
    ),
    TaskDisplay(
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
    TaskDisplay(
        "two_tiers",
        {"two_tiers": "Seen and meant"},
        order=90,
        metrics={
            "gap": MetricDisplay(
                "gap",
                "how often sarcasm is misjudged where all that is to be seen was seen right",
                lower_is_better=True,
            ),
            "sarcasm_macro_f1": MetricDisplay("sarcasm macro F1"),
        },
    ),
    TaskDisplay(
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
DISPLAYS: dict[str, TaskDisplay] = {display.task: display for display in _ALL}
"""By the name of the task."""
_SUITE = TaskDisplay("suite", {"suite": "Suites"}, caveat=_wheel_caveat)
