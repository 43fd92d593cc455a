"""The verb rank: describers compared two at a time."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emocap.cli_options import Debug, Out, Verbose
from emocap.errors import UserError


def rank(
    by: Annotated[
        str,
        typer.Option(help="Who judges: people:FILE.csv."),
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
        typer.Option(min=1, help="Judge so many pairs in all, the most telling first; every pair where not given."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order in which two descriptions are shown, and of intervals.")] = 0,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Rank describers by comparing their descriptions two at a time; leaves ranking.json, pairs.jsonl, report.html."""
    from emocap.evaluate.ranking.contest import gather
    from emocap.evaluate.ranking.run import rank_by_people
    from emocap.reports.page import write_report

    kind, _, rest = by.partition(":")
    given = inputs or []
    if kind == "people":
        if not rest:
            raise UserError("--by people:FILE.csv needs the file of the pairs that people have judged")
        result = rank_by_people(gather([*given, Path(rest)]), by, out, pairs, seed)
    else:
        raise UserError(f"--by: {by} is not people:FILE.csv")
    _tell(result)
    if (out / "next.csv").exists():
        print(
            f"{out / 'next.csv'} has the pairs that people should judge next: fill in preference, add them to {rest}"
        )
    if result["ranking"] or result["agreement"]:
        print(f"open {write_report([out], out / 'report.html')}")


def _tell(result: dict[str, Any]) -> None:
    pairs, ranking = result["pairs"], result["ranking"]
    print(f"{pairs['judged']:,} of {pairs['possible']:,} pairs judged by {result['by']}")
    for one in pairs["left_out"]:
        print(f"  {one['count']:,} × {one['reason']}, such as {one['example']}")
    if pairs["unanswered"]:
        print(f"  {pairs['unanswered']:,} unanswered, such as {pairs['unanswered_examples'][0]}")
    for one in ranking["standings"] if ranking else []:
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
        told = agrees["two_class"] or agrees["three_class"]
        print(f"agreement with people on {agrees['pairs']:,} pairs: WAF {told['waf']['value']:.3f}, "
              f"ACC {told['acc']['value']:.3f}")  # fmt: skip
    if steady := result["consistency"]:
        print(f"the same in both orders: {steady['consistency']['value']:.3f} of {steady['pairs']:,} pairs")
