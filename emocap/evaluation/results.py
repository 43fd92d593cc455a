"""What an evaluation leaves: a row of results.jsonl per measurement, and the predictions of each in a Parquet file.

:class:`ResultRow` is the one schema of a row: whatever measures writes it, and pages, tables, model cards and
comparisons read it. Numbers are stored as they were computed; only what prints them rounds.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.core.numbers import finite
from emocap.evaluation.outcomes import Outcome
from emocap.io.media import Film, Frames, Picture, Several, Sound

SCHEMA_VERSION = 2
"""Of the rows that this version of emocap writes, and the only one that it reads."""
FILE = "results.jsonl"
_OFFICIAL = "_official"
_PREDICTIONS = pa.schema(
    [
        *((name, pa.string()) for name in ("name", "path", "subject", "true", "predicted")),
        ("score", pa.float64()),
        ("reply", pa.string()),
    ]
)


Number = Annotated[float | None, BeforeValidator(finite)]
"""None: undefined, such as the recall of a class that has no examples."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class MetricValue(_Part):
    """A metric: a fraction of 1, or in units of the scale for errors such as RMSE."""

    value: Number
    low: Number = None
    """Lower end of the 95% interval: bootstrap over test examples; Student's over folds or few-shot draws."""
    high: Number = None
    """Upper end."""
    sd: Number = None
    """Standard deviation over folds or few-shot draws; None for a single measurement."""


class Subgroup(_Part):
    """The test examples that share the value of an attribute."""

    n: int
    """Number of examples."""
    metrics: dict[str, Number]
    """Metric → its value over these examples alone."""


class PairedTest(_Part):
    """A test of two models on the same examples."""

    test: str
    """``uar_bootstrap`` (paired bootstrap of the difference in UAR), ``mcnemar`` (exact), or that of a plug-in."""
    p: float
    """Two-sided."""


class PublishedNumbers(_Part):
    """Numbers that others have published for a benchmark; never mixed with what was measured."""

    model: str
    protocol: str = "zeroshot"
    metrics: dict[str, float]
    """As fractions of 1."""
    source: str
    error: float | None = None
    """How far they may be off where they were read from a figure, as a fraction of 1."""


class Usage(_Part):
    """What all runs into the folder have taken from endpoints."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """In the currency of the recipe's prices; None without prices."""


class Responses(_Part):
    """What became of the questions that a generative model was asked; all zero for encoders."""

    questions: int = 0
    """Number of questions asked."""
    unanswered: dict[str, int] = Field(default_factory=dict)
    """Reason → number of questions without a reply."""
    unparsable: int | None = None
    """Number of replies that could not be read; they count as wrong."""
    cut_short: int = 0
    """Number of replies cut at the maximal length."""
    match: str | None = None
    """What counts in a reply: ``option``, ``one class``, ``description``, ``tokens``."""
    extractor: str | None = None
    """The model that brought free text into the form that is measured, where one was needed."""
    judge: str | None = None
    temperature: float | None = None
    usage: Usage | None = None


class ResultRow(_Part):
    """One measurement: a model on a benchmark, by one protocol, on one fold and with one number of shots.

    Aggregates are rows too: ``fold`` is ``"mean"`` for the mean over official folds, and ``parts`` names the
    benchmarks that the row of a suite is computed from.
    """

    schema_version: Literal[2] = 2
    benchmark: str
    """Name of the card, or of the suite."""
    title: str
    task: str | None
    """Name of the task; None for a suite over several tasks."""
    protocol: str
    fold: int | Literal["mean"] = 0
    """0 where there are no official folds, or where they were measured together."""
    shots: int | None = None
    """Training examples per class; None where it is not few-shot."""
    model: str
    """As it was named to the evaluation."""
    parts: list[str] = []
    overrides: list[str] = []
    """What was changed in the card for this measurement, as ``dotted.key=value``."""

    media: Literal["pictures", "clips", "sounds"]
    compound: bool = False
    """Whether some class is a compound emotion."""
    counts: dict[str, dict[str, int]]
    """Split → class → number of examples; of a suite: ``test`` → title of the benchmark → number."""
    counts_expected: bool | None = None
    """Whether the counts are those of the card; None where the card has none for them."""
    missing: dict[str, dict[str, int]] = {}
    """Split → reason → number of examples that were left out, as their pictures, clips or sound are missing or cannot
    be read; ``counts`` are without them."""
    test_subjects: int = 0
    """Number of different people in the test examples; 0 where they are not known."""

    metrics: dict[str, MetricValue]
    """The first one is the headline, but for those over an official denominator."""
    chance: dict[str, Number] = {}
    """Metric → what guessing reaches."""
    labels: list[str] = []
    """Classes, action units or scales, in the order of ``confusion``, ``f1``, ``present`` and ``unknown``."""
    confusion: list[list[int]] = []
    """Rows: true class. Columns: predicted class, and one more for replies that are no class, where there are any."""
    absent_classes: list[str] = []
    """Labels without a test example."""
    f1: list[Number] = []
    """F1 of each action unit."""
    present: list[int] = []
    """Number of test examples that show each action unit."""
    unknown: list[int] = []
    """Number of test examples in which each action unit was not coded."""
    subgroups: dict[str, dict[str, Subgroup]] = {}
    """Attribute → value → metrics over its examples."""
    paired: dict[str, PairedTest] = {}
    """Other model → the test against it, where both were measured on the same data."""
    published: list[PublishedNumbers] = []

    prompts: Annotated[dict[str, JsonValue], BeforeValidator(finite)] = {}
    """Class or role → the exact texts that the model was given."""
    descriptions: dict[str, list[str]] = {}
    """Class → descriptions that took the place of class names, of a zero-shot card that has them."""
    by_prompt: dict[str, dict[str, Number]] = {}
    """Template → metric → value with this template alone."""
    system: str | None = None
    """System message."""
    responses: Responses = Responses()
    details: Annotated[dict[str, JsonValue], BeforeValidator(finite)] = {}
    """What the task or protocol says besides; its keys are its own."""

    predictions: str | None = None
    """File of the predictions, relative to the folder of the results; None for an aggregate."""
    data: str
    """Folder of the data."""
    data_sha256: str
    model_sha256: str | None = None
    """Of the weights of an encoder."""
    preprocess: str | None = None
    """How pictures, clips or sound were prepared."""
    pooling: str | None = None
    """How an encoder's features of a clip's frames became one."""
    segments: int | None = None
    """Number of frames that an encoder was given of a clip."""
    versions: dict[str, str]
    """Package → version."""
    seconds: float
    """Wall-clock time."""

    @property
    def identity(self) -> tuple[str, str, int | str, int | None, str]:
        """What makes two rows the same measurement; the later one replaces the earlier one."""
        return self.benchmark, self.protocol, self.fold, self.shots, self.model

    @property
    def headline(self) -> str:
        """The metric that tables show: the first one, without those over an official denominator if there are others.

        Empty where there is none.
        """
        own = [name for name in self.metrics if not is_official(name)]
        return next(iter(own or self.metrics), "")

    @property
    def tested(self) -> int:
        """Number of test examples."""
        return sum(self.counts.get("test", {}).values())

    @property
    def left_out(self) -> dict[str, tuple[int, int]]:
        """Split → number of examples that were left out, and of all that the annotation has; of what lacks some."""
        gone = {split: sum(reasons.values()) for split, reasons in self.missing.items()}
        return {split: (number, number + sum(self.counts.get(split, {}).values())) for split, number in gone.items()}

    def chance_of(self, metric: str) -> float | None:
        """What guessing reaches in a metric; None where it is not known."""
        if (known := self.chance.get(metric)) is not None:
            return known
        return 1 / len(self.labels) if metric == "uar" and self.labels else None


def is_official(metric: str) -> bool:
    """Whether a metric is over the examples that a benchmark's own script counts, which are not all that was asked."""
    return metric.endswith(_OFFICIAL)


def without_official(metric: str) -> str:
    """The name of the metric over all that was asked."""
    return metric.removesuffix(_OFFICIAL)


def read_results(path: Path) -> list[ResultRow]:
    """The rows of a results.jsonl; none where there is no such file.

    Raises UserError, naming the line, for one that is no row and for one of another version of emocap.
    """
    if not path.exists():
        return []
    # Not splitlines: a model's reply may hold other signs that Python takes for line ends.
    lines = io.StringIO(path.read_text(encoding="utf-8"))
    return [_parsed(f"{path}, line {number}", line) for number, line in enumerate(lines, start=1)]


def _parsed(where: str, line: str) -> ResultRow:
    try:
        content = json.loads(line)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{where} is not a JSON object; measure again with emocap eval")
    if (version := content.get("schema_version", 1)) != SCHEMA_VERSION:
        versions = content.get("versions")
        by = versions.get("emocap") if isinstance(versions, dict) else None
        writer = f"emocap {by}" if by else "another version of emocap"
        remedy = "update emocap" if isinstance(version, int) and version > SCHEMA_VERSION else "measure again"
        raise UserError(f"{where} was written by {writer}, whose results have another form; {remedy}")
    try:
        return ResultRow.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{where}: {key}: {first['msg']}; measure again with emocap eval") from None


def store(path: Path, rows: Sequence[ResultRow]) -> None:
    """Add rows; those of the same benchmark, protocol, fold, shots and model are replaced."""
    new = {row.identity for row in rows}
    kept = [row for row in read_results(path) if row.identity not in new]
    with replacing(path) as scratch:
        scratch.write_text("".join(map(to_line, (*kept, *rows))), encoding="utf-8")


def to_line(row: ResultRow) -> str:
    """A row as a line of JSON."""
    return json.dumps(row.model_dump(mode="json"), allow_nan=False, ensure_ascii=False) + "\n"


def write_predictions(out: Path, row: ResultRow, data: Path, examples: Sequence[Example], outcome: Outcome) -> str:
    """Write the file of a row's predictions, one line per test example; returns its path relative to ``out``."""
    digest = hashlib.sha256(repr(row.identity).encode()).hexdigest()[:12]
    name = f"predictions/{row.benchmark}-{row.protocol}-{digest}.parquet"
    tested = [examples[place] for place in outcome.rows]
    columns = {
        "name": [example.name for example in tested],
        "path": [_path(example, data) for example in tested],
        "subject": [example.subject for example in tested],
        "true": outcome.true,
        "predicted": outcome.predicted,
        "score": outcome.score,
        "reply": outcome.replies or [None] * len(tested),
    }
    with replacing(out / name) as scratch:
        pq.write_table(pa.table(columns, schema=_PREDICTIONS), scratch)
    return name


def _path(example: Example, data: Path) -> str | None:
    """Path below ``data`` of the picture, of the middle frame of a clip or of the first of several; None where it lies
    in no file of its own.
    """
    match example.media:
        case Picture(path=path) | Film(path=path) | Sound(path=path):
            pass
        case Frames(paths=paths) if paths:
            path = paths[len(paths) // 2]
        case Several(paths=paths) if paths:
            path = paths[0]
        case _:
            return None
    return path.relative_to(data).as_posix() if path.is_relative_to(data) else None
