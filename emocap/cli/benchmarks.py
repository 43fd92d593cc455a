"""The verbs of measuring: eval, and benchmarks with its own."""

# Tested in tests/cli/test_main.py.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emocap.cli.options import CONTEXT, Data, Debug, Out, Verbose, example
from emocap.core.errors import UserError, few
from emocap.core.numbers import decimal

if TYPE_CHECKING:
    from emocap.evaluation.results import MetricValue, ResultRow

benchmarks = typer.Typer(
    help="List the benchmarks, check the data of some, or write their layouts in miniature.",
    epilog=example("emocap benchmarks --data ~/benchmarks", "emocap benchmarks check raf-db --data ~/benchmarks"),
    rich_markup_mode=None,
    context_settings=CONTEXT,
)

Cards = Annotated[
    list[str],
    typer.Argument(
        metavar="CARD... [KEY=VALUE]...",
        help="Names, YAML files, or quoted patterns such as '*', and changes to them: dotted keys, YAML values.",
    ),
]
MaybeData = Annotated[Path | None, typer.Option("--data", envvar="EMOCAP_DATA", help="Where to look for their data.")]


@benchmarks.callback(invoke_without_command=True)
def _bare(context: typer.Context, data: MaybeData = None) -> None:
    if context.invoked_subcommand is None:
        _list(data)


@benchmarks.command("list", epilog=example("emocap benchmarks list --data ~/benchmarks"))
def list_cards(data: MaybeData = None, verbose: Verbose = False, debug: Debug = False) -> None:
    """Every benchmark: its task, size and licence, and whether its data is there."""
    _list(data)


def _list(data: Path | None) -> None:
    from emocap.benchmarks.loading import present
    from emocap.core.recipes import builtin
    from emocap.evaluation.registry import TASKS, load_card

    rows = [("card", "task", "size", "data", "licence")]
    for path in sorted(builtin("benchmarks").glob("*.yaml")):
        card = load_card(str(path))
        title_of = TASKS[card.task].list_title
        task = title_of(card) if title_of else card.task.replace("_", " ")
        size = sum(card.totals.values())
        there = "?" if data is None else "found" if present(card, data) else "-"
        licence = card.licence if len(card.licence) <= 48 else card.licence[:47].rstrip() + "…"
        rows.append((path.stem, task, f"{size:,}" if size else "-", there, licence or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]))
    if data is None:
        print("--data ROOT, or EMOCAP_DATA, tells which data is there")


@benchmarks.command(
    epilog=example(
        "emocap benchmarks check raf-db --data ~/benchmarks", "emocap benchmarks check '*' --out check.json"
    )
)
def check(
    cards: Cards,
    data: Data,
    out: Annotated[Path | None, typer.Option("--out", help="Write all that was found to this JSON file, too.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Compare counts with the card; find missing, broken and repeated pictures, and test pictures in train."""
    import json

    from emocap.benchmarks.checks import check as run_check
    from emocap.benchmarks.loading import present
    from emocap.core.files import write_json
    from emocap.evaluation.registry import TASKS
    from emocap.evaluation.suite import choose, parted

    chosen = [one for one in choose(*parted(cards)) if one.named or present(one.card, data)]
    if not chosen:
        raise UserError(f"data: none of these benchmarks is in {data}")
    reports = [run_check(one.name, one.card, data, TASKS[one.card.task].needs) for one in chosen]
    for report in reports:
        print(f"{report.benchmark}: {report.examples:,} examples in {report.folder}")
        for split, counts in report.counts.items():
            expected = report.expected.get(split, {})
            for label, number in counts.items():
                wanted = expected.get(label) if isinstance(expected, dict) else None
                beside = "" if wanted is None else f"   card: {wanted:,}"
                print(f"  {split:<6}{label:<28}{number:>10,}{beside}")
        for finding in report.findings:
            print(f"  {'WRONG' if finding.wrong else 'note '} {finding.kind}: {finding.detail}")
            for one in finding.examples[:3]:
                print(f"        {one}")
        if not report.findings:
            print("  as the card says")
    if out:
        write_json(out, [json.loads(report.to_json()) for report in reports])
    if wrong := [report.benchmark for report in reports if report.wrong]:
        raise UserError(f"the data of {', '.join(wrong)} is not what it should be; see above")


@benchmarks.command(epilog=example("emocap benchmarks draw raf-db dfew --out runs/miniatures"))
def draw(
    out: Annotated[Path, typer.Option("--out", help="Folder for a folder per benchmark.")],
    cards: Annotated[
        list[str] | None, typer.Argument(metavar="[CARD]...", help="Names or files; all that can be drawn if none.")
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Write the official layout of benchmarks in miniature, with synthetic faces: what goes where."""
    from emocap.benchmarks.drawing import FIXTURES, write_fixture
    from emocap.evaluation.suite import choose

    for one in choose(cards or sorted(FIXTURES.names())):
        if one.named or one.name in FIXTURES:
            print(write_fixture(one.name, one.card, out))


def evaluate(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CARD... [KEY=VALUE]...",
            help="Names of benchmarks, YAML files, quoted patterns such as '*', or one recipe of an evaluation; and "
            "changes to the evaluation, such as seeds=10, or to the cards, such as layout.last=1.",
        ),
    ],
    out: Out,
    data: MaybeData = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A run folder, open_clip:NAME/PRETRAINED or file, timm:NAME, hf:NAME, farl:FILE, flip:FILE, "
            "exp-clip:FILE[@NAME/PRETRAINED], or openai:NAME for a generative model; can be repeated."
        ),
    ] = None,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FILE",
            help="Replies that a model has given before: .jsonl, .json, .csv, or a folder with a file per card; can "
            "be repeated.",
        ),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="zeroshot, probe, fewshot, retrieval, generate or all; can be repeated."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="openai:NAME of the model that scores replies, where a card needs one.")
    ] = None,
    allow_counts: Annotated[
        bool, typer.Option("--allow-counts", help="Measure although the data has other counts than the card.")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out what is missing or cannot be read, and count it.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or another of torch; a GPU if there is one.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Measure encoders and generative models on benchmarks; writes results.jsonl and report.html."""
    from emocap.evaluation.recipe import read_recipe
    from emocap.evaluation.suite import measure
    from emocap.reports.page import write_report

    given = {
        "data": str(data) if data else None,
        "models": [*(model or []), *(f"predictions:{one}" for one in predictions or [])],
        "protocols": "all" if protocol and "all" in protocol else protocol,
        "generation": {"judge": judge} if judge else None,
        "allow_counts": allow_counts,
        "allow_missing": allow_missing,
        "device": device,
    }
    recipe = read_recipe(words, {key: value for key, value in given.items() if value})
    failures = measure(recipe, out, report=_print)
    if (out / "results.jsonl").exists():
        print(f"open {write_report([out], out / 'report.html')}")
    if failures:
        raise UserError(few(failures))


def _print(message: "str | ResultRow") -> None:
    if isinstance(message, str):
        print(message)
        return
    metrics = ", ".join(f"{name} {_metric(one)}" for name, one in message.metrics.items())
    shots = f" {message.shots} shots" if message.shots else ""
    fold = f" fold {message.fold}" if message.fold else ""
    changed = f" with {', '.join(message.overrides)}" if message.overrides else ""
    missing = "".join(f"; {gone:,} of {all_:,} {split} left out" for split, (gone, all_) in message.left_out.items())
    print(f"{message.benchmark} {message.protocol}{shots}{fold}, {message.model}{changed}: {metrics}{missing}")


def _metric(one: "MetricValue") -> str:
    if one.value is None:
        return "-"
    interval = "" if one.low is None or one.high is None else f" [{decimal(one.low)}, {decimal(one.high)}]"
    return f"{decimal(one.value)}{interval}"
