"""The verb that compares annotators, and a model that imitates them."""

# Tested in tests/cli/test_main.py.

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from emocap.cli.options import Debug, Verbose
from emocap.core.errors import UserError


def annotators(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="CSV, TSV or Parquet: item, annotator, label and perhaps prediction; or wide as AMER's or STREET's.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for annotators.json and report.html.")],
    predictions: Annotated[
        Path | None,
        typer.Option(help="What a model predicts of each annotator: item, annotator, prediction; or wide."),
    ] = None,
    explanations: Annotated[
        Path | None, typer.Option(help="A .npz with items, annotators and vectors [items, annotators, length].")
    ] = None,
    item: Annotated[str | None, typer.Option(help="Of another wide table: its column of items.")] = None,
    rater: Annotated[
        list[str] | None, typer.Option(help="Of another wide table: a column of labels; is given for each annotator.")
    ] = None,
    perspective: Annotated[str | None, typer.Option(help="Of a table like STREET's: this one alone.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="All labels there are, in their order, parted by commas; those found if none.")
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help="What is written where there is no label; may be given again.")
    ] = None,
    ties: Annotated[
        str, typer.Option(help="Labels such as A:D, where A and D are labels: missing, or a label of their own.")
    ] = "missing",
    level: Annotated[str, typer.Option(help="Of the labels: nominal, ordinal or interval.")] = "nominal",
    weights: Annotated[
        str | None, typer.Option(help="Of κ: none, linear or quadratic; quadratic where labels have an order.")
    ] = None,
    chance: Annotated[
        str, typer.Option(help="Chance agreement of κ: from the marginals, or uniform, 1/C as in SimLabel's for AMER.")
    ] = "marginals",
    normalize: Annotated[str, typer.Option(help="Of DIC: none, the norm itself; rms, per entry.")] = "none",
    off_diagonal_only: Annotated[
        bool, typer.Option("--off-diagonal-only", help="Of DIC with rms: annotators beside themselves are no entries.")
    ] = False,
    clip_negative: Annotated[
        bool,
        typer.Option("--clip-negative", help="κ below 0 counts as 0 where structures are compared, as in SimLabel."),
    ] = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Agreement of annotators (κ, α); DIC and BAE of a model that imitates each; annotators.json and report.html.

    DIC and BAE (2508.10393) are our reading of a paper whose formulas could not be read.
    """
    from emocap.annotators.annotations import Reading
    from emocap.annotators.run import Sources, measure
    from emocap.annotators.scale import Chance, Level, Weights
    from emocap.annotators.statistics import Comparing
    from emocap.annotators.structure import Normalize
    from emocap.annotators.task import Method
    from emocap.reports.page import write_report

    sources = Sources(table, predictions, explanations, item, rater or (), perspective)
    method = Method(
        reading=Reading(
            labels=[name.strip() for name in labels.split(",")] if labels is not None else (),
            missing=missing or (),
            ties_count=_one_of("--ties", ties, ("missing", "label")) == "label",
        ),
        level=_one_of("--level", level, get_args(Level)),
        weights=None if weights is None else _one_of("--weights", weights, get_args(Weights)),
        chance=_one_of("--chance", chance, get_args(Chance)),
        comparing=Comparing(_one_of("--normalize", normalize, get_args(Normalize)), off_diagonal_only, clip_negative),
    )
    measure(sources, method, out, _tell)
    print(f"open {write_report([out], out / 'report.html')}")


def _one_of(option: str, value: str, allowed: Sequence[Any]) -> Any:
    if value not in allowed:
        raise UserError(f"{option}: {value} is not one of {', '.join(allowed)}")
    return value


def _tell(task: dict[str, Any]) -> None:
    people = task["annotators"]
    given = sum(task["labels"].values())
    name = f"{task['name']}: " if task["name"] else ""
    print(f"{name}{given:,} labels of {task['items']:,} items by {len(people)} annotators")
    for note in task["notes"]:
        some = f": {'; '.join(note['examples'])}" if note["examples"] else ""
        print(
            f"  {note['count']:>7,} {note['text']}{some}{' ...' if note['count'] > len(note['examples']) > 0 else ''}"
        )
    for measure in task["measures"]:
        number = "-" if measure["value"] is None else f"{measure['value']:.3f}"
        interval = "" if measure["low"] is None else f"[{measure['low']:.3f}, {measure['high']:.3f}]"
        print(f"  {measure['name']:<30} {number:>7} {interval:<18} {measure['reading']}")
