"""What pages, tables and comparisons need to know of a task, so that they need not know its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from emocap.evaluation.results import ResultRow


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


def wheel_caveat(row: ResultRow) -> Caveat | None:
    """The emotion wheels of a row, where they are not those of the metric's authors."""
    if row.details.get("wheel_is_the_authors") is not False:
        return None
    wheel = str(row.details.get("wheel"))
    return Caveat("other wheels", "emotion wheels", wheel, "These numbers compare with no published ones.")


READER_DETAILS = {
    "extractor_prompt": "what the extractor is asked",
    "replies_read_by": "replies that were read as or by",
}
