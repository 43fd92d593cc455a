"""The verb rank: captioners compared two at a time."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emocap.cli.options import Debug, Out, Verbose
from emocap.core.errors import UserError

if TYPE_CHECKING:
    from emocap.llm.chat_models import ChatModel


def rank(
    by: Annotated[
        str,
        typer.Option(
            help="Who judges: people:FILE.csv; openai:NAME, a model behind an endpoint; wheel:FOLDER, emotion words "
            "against true labels on emotion wheels; or wheel, on small ones that compare with nothing."
        ),
    ],
    out: Out,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT]...",
            help="Builds of the same faces; CSV files of descriptions (name,model,description); or a CSV file of "
            "pairs (name,a1,a2, and model1,model2; with preference, where people have judged them).",
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of pairs to judge in all, mostly the most informative ones; every pair by default."
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="Of openai: judges. S1 shows the input; S2 shows it with the model's own description; S3 and S4 have "
            "--text-model judge by that description, S4 with reasons first."
        ),
    ] = "S1",
    text_model: Annotated[str | None, typer.Option(help="openai:NAME of the model that judges in S3 and S4.")] = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ROLE.]KEY=VALUE",
            help="How models are asked: endpoints, budget, price, temperature...; ROLE is model, or judge for "
            "--text-model; may be given again.",
        ),
    ] = None,
    media: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, clips or sounds, called as the inputs are.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="CSV file of true labels for wheel (name,openset), beside those that builds have."),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames sent per clip.")] = 8,
    sound: Annotated[bool, typer.Option("--sound", help="Also send the sound of clips.")] = False,
    one_order: Annotated[
        bool, typer.Option("--one-order", help="Ask in one order alone: half the price, and no swap consistency.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the order in which two descriptions are shown, and of intervals.")] = 0,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Rank captioners by comparing their descriptions two at a time; leaves ranking.json, pairs.jsonl, report.html."""
    from emocap.preference.comparison_data import gather
    from emocap.preference.run import rank_by_judge, rank_by_people
    from emocap.preference.wheel_judge import make_wheel_judge
    from emocap.reports.page import write_report

    kind, _, rest = by.partition(":")
    given = inputs or []
    settings = {"--text-model": text_model, "--ask": ask, "--media": media, "--sound": sound, "--one-order": one_order}
    _refuse(by, "openai", settings)
    _refuse(by, "wheel", {"--truth": truth})
    if kind == "people" and rest:
        result = rank_by_people(gather([*given, Path(rest)]), by, out, pairs, seed)
    elif kind == "openai" and rest:
        from emocap.core.recipes import override

        asking: Any = {}
        for setting in ask or ():
            asking = override(asking, setting)
        options = JudgeOptions(by, text_model, strategy, asking, media, frames, sound, not one_order)
        result = _by_model(given, options, out, pairs, seed)
    elif kind == "wheel":
        data = gather(given, truth)
        result = rank_by_judge(data, make_wheel_judge(data, Path(rest) if rest else None), out, pairs, seed)
    else:
        raise UserError(f"--by: {by!r} is none of people:FILE.csv, openai:NAME, wheel:FOLDER and wheel")
    _tell(result)
    if (out / "next.csv").exists():
        print(
            f"{out / 'next.csv'} has the pairs that people should judge next: fill in preference, add them to {rest}"
        )
    if result["ranking"] or result["agreement"]:
        print(f"open {write_report([out], out / 'report.html')}")


def _refuse(by: str, kind: str, settings: dict[str, Any]) -> None:
    """Raises UserError for a setting of another kind of judge, which would change nothing."""
    found = [name for name, value in settings.items() if value]
    if found and by.partition(":")[0] != kind:
        raise UserError(f"{found[0]} is for {kind} as the judge, and --by is {by}")


@dataclass(frozen=True)
class JudgeOptions:
    """How a model is to judge, as the command line says it."""

    model: str
    text_model: str | None
    strategy: str
    ask: Mapping[str, Any]
    media: Path | None
    frames: int
    sound: bool
    both_orders: bool


def _by_model(inputs: list[Path], options: JudgeOptions, out: Path, pairs: int | None, seed: int) -> dict[str, Any]:
    from emocap.llm.chat_models import load_chat_model
    from emocap.preference.comparison_data import gather
    from emocap.preference.media import InputMedia
    from emocap.preference.model_judge import STRATEGIES, TEXT_ALONE, JudgeMedia, ModelJudge
    from emocap.preference.run import rank_by_judge

    strategy = next((one for one in STRATEGIES if one == options.strategy.upper()), None)
    if strategy is None:
        raise UserError(f"--strategy: {options.strategy} is not one of {', '.join(STRATEGIES)}")
    if (strategy in TEXT_ALONE) != (options.text_model is not None):
        raise UserError(f"--text-model is for {' and '.join(TEXT_ALONE)}, which need it; this is {strategy}")
    data = gather(inputs)
    pictures = InputMedia(data, options.media)
    pictures.check(data.names())
    with contextlib.ExitStack() as open_ones:

        def reached(name: str, role: str) -> "ChatModel":
            return open_ones.enter_context(load_chat_model(name, options.ask, out, role))

        text_model = reached(options.text_model, "judge") if options.text_model else None
        sent = JudgeMedia(options.frames, options.sound)
        judge = ModelJudge(reached(options.model, "model"), pictures, strategy, text_model, sent, options.both_orders)
        return rank_by_judge(data, judge, out, pairs, seed)


def _tell(result: dict[str, Any]) -> None:
    pairs, ranking = result["pairs"], result["ranking"]
    print(f"{pairs['judged']:,} of {pairs['possible']:,} pairs judged by {result['by']}")
    for one in pairs["left_out"]:
        print(f"  {one['count']:,} × {one['reason']}, such as {one['example']}")
    if pairs["unanswered"]:
        print(f"  {pairs['unanswered']:,} unanswered, such as {pairs['unanswered_examples'][0]}")
    for one in ranking["entries"] if ranking else []:
        span = "" if one["rank_low"] is None else f" [{one['rank_low']}-{one['rank_high']}]"
        low = "" if one["low"] is None else f" [{one['low']:+.2f}, {one['high']:+.2f}]"
        first = "" if one["first"] is None else f", first in {one['first']:.0%} of resamples"
        print(f"{one['rank']:>3}{span:<8} {one['name']:<32} {one['strength']:+.2f}{low}{first}")
    if ranking and ranking["penalty"]:
        print("strengths are regularised: not everybody can be reached from everybody by wins")
    if ranking and ranking["groups"]:
        print("never compared with each other: " + " | ".join(", ".join(group) for group in ranking["groups"]))
    if result["uncompared"]:
        print(f"compared with nobody: {', '.join(result['uncompared'])}")
    if agrees := result["agreement"]:
        scores = agrees["two_class"] or agrees["three_class"]
        print(f"agreement with people on {agrees['pairs']:,} pairs: WAF {scores['waf']['value']:.3f}, "
              f"ACC {scores['acc']['value']:.3f}")  # fmt: skip
    for name, details in result["judge"].items():
        print(f"{name}: {_taken(details)}")
    if steady := result["consistency"]:
        print(f"the same in both orders: {steady['consistency']['value']:.3f} of {steady['pairs']:,} pairs")


def _taken(details: dict[str, Any]) -> str:
    usage = details.get("usage", {})
    parts = [f"{usage[key]:,} {word}" for key, word in (("prompt_tokens", "tokens in"), ("completion_tokens", "out"))]
    return ", ".join([*parts, *([f"cost {usage['cost']:,.2f}"] if "cost" in usage else [])])
