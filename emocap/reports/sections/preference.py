"""A ranking of captioners: from ``ranking.json`` to what a page shows of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError
from emocap.reports.build_index import BuildIndex
from emocap.reports.numbers import signed
from emocap.reports.pictures import thumbnail
from emocap.reports.preference_tables import Place, Rate, WinMatrix, agreement, axis_ends, place, win_matrix
from emocap.reports.section import FolderKind, Page, Part, Section, asset, template

_SIDE = 192


@dataclass(frozen=True)
class Side:
    """One of the two descriptions of an example."""

    label: str
    """a1 or a2."""
    model: str
    text: str
    beginning: str
    """Of a long text; empty where the whole is short."""
    chosen: bool


@dataclass(frozen=True)
class ExamplePair:
    """An example."""

    kind: str
    name: str
    picture: str
    """data: URL; empty where no build has it."""
    sides: list[Side]
    verdicts: str
    reply: str


@dataclass(frozen=True)
class RankingView:
    """A section of the page."""

    name: str
    by: str
    facts: list[tuple[str, str]]
    warnings: list[str]
    places: list[Place]
    axis: tuple[str, str]
    """Its ends."""
    chosen: bool
    """Whether pairs were judged because they would tell most."""
    matrix: WinMatrix | None
    agreement: list[Rate]
    confusion: list[list[int]]
    """Rows: people, columns: the judge, both a1, a2, same; empty where people were not asked."""
    left_out: list[tuple[str, int, str]]
    examples: list[ExamplePair]


def read_ranking(folder: Path, name: str) -> RankingView:
    """What a page shows of a folder that rank has made. Pictures are there as long as the builds are.

    Raises UserError where the file is broken.
    """
    path = folder / "ranking.json"
    try:
        return _view(json.loads(path.read_text(encoding="utf-8")), name)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}: {error}); rank again") from None


def _view(content: dict[str, Any], name: str) -> RankingView:
    ranking, pairs = content["ranking"], content["pairs"]
    ranked = ranking["entries"] if ranking else []
    low, high = axis_ends(ranked)
    return RankingView(
        name=name,
        by=content["by"],
        facts=_facts(content),
        warnings=_warnings(content),
        places=[place(one, low, high) for one in ranked],
        axis=(signed(low), signed(high)),
        chosen=content["chosen"],
        matrix=win_matrix([one["name"] for one in ranked], ranking["wins"]) if len(ranked) > 1 else None,
        agreement=agreement(content["agreement"], content["consistency"]),
        confusion=content["agreement"]["confusion"] if content["agreement"] else [],
        left_out=[(one["reason"], one["count"], one["example"]) for one in pairs["left_out"]],
        examples=_examples(content),
    )


def _facts(content: dict[str, Any]) -> list[tuple[str, str]]:
    pairs, ranking = content["pairs"], content["ranking"]
    facts = [("judged by", content["by"]), ("pairs judged", f"{pairs['judged']:,} of {pairs['possible']:,}")]
    if ranking:
        facts.append(("inputs", f"{ranking['inputs']:,}"))
    for model, asked in content["judge"].items():
        usage = asked.get("usage", {})
        cost = f", cost {usage['cost']:,.2f}" if "cost" in usage else ""
        tokens = sum(usage.get(kind, 0) for kind in ("prompt_tokens", "completion_tokens"))
        facts.append((f"tokens of {model}", f"{tokens:,}{cost}"))
    for name in ("unanswered", "answered_in_one_order", "unreadable_replies"):
        if pairs[name]:
            facts.append((name.replace("_", " "), f"{pairs[name]:,}"))
    return facts


def _warnings(content: dict[str, Any]) -> list[str]:
    ranking, found = content["ranking"], []
    if not ranking:
        return ["The table of pairs does not say who wrote what: nobody is ranked."]
    if ranking["groups"]:
        groups = " | ".join(", ".join(group) for group in ranking["groups"])
        found.append(
            "These were never compared with each other, not even through others, so that who is ahead across groups "
            f"is not known: {groups}."
        )
    if ranking["penalty"]:
        found.append(
            "Not everybody can be reached from everybody by wins, so that the likelihood has no finite maximum: "
            f"strengths are regularised by {ranking['penalty']:g} · Σ s². Who won or lost everything does so in every "
            "resample, too, so that these intervals are too narrow."
        )
    elif ranking["rounds_regularised"]:
        found.append(
            f"{ranking['rounds_regularised']:,} of {ranking['rounds']:,} resamples had to be regularised: who won "
            "everything in them is not infinitely strong."
        )
    if ranking["rounds_left_out"]:
        found.append(
            f"{ranking['rounds_left_out']:,} resamples in which somebody was compared with nobody are left out."
        )
    if ranking["inputs"] == 1:
        found.append("Everything is about one input, so that nothing is known of how certain the ranks are.")
    if content["uncompared"]:
        found.append(f"Compared with nobody: {', '.join(content['uncompared'])}.")
    return found


def _examples(content: dict[str, Any]) -> list[ExamplePair]:
    pictures = _pictures(content["sources"], [one["pair"]["name"] for one in content["examples"]])
    return [_example(one, pictures) for one in content["examples"]]


def _pictures(sources: dict[str, str], names: list[str]) -> dict[str, str]:
    """Input → data: URL, of those that a build which is still there has."""
    found: dict[str, str] = {}
    for folder in (Path(source) for source in sources.values()):
        missing = [name for name in names if name not in found]
        if missing and (folder / "manifest.json").is_file():
            rows = BuildIndex.of(folder, captioned=True)
            found |= {key: thumbnail(rows.sample(row).jpeg, _SIDE) for key, row in rows.find(missing).items()}
    return found


def _example(one: dict[str, Any], pictures: dict[str, str]) -> ExamplePair:
    pair = one["pair"]
    verdicts = [f"the judge: {one['answer'] or 'no answer'}"]
    if one["turned"]:
        verdicts.append(f"in the other order: {one['turned']}")
    if one["people"]:
        verdicts.append(f"people: {one['people']}")
    return ExamplePair(
        kind=one["kind"],
        name=pair["name"],
        picture=pictures.get(pair["name"], ""),
        sides=[
            _side(label, pair[model], pair[label], one["answer"] == label)
            for label, model in (("a1", "model1"), ("a2", "model2"))
        ],
        verdicts="; ".join(verdicts),
        reply=one["reply"],
    )


def _side(label: str, model: str | None, text: str, chosen: bool) -> Side:
    beginning = text[:280].rsplit(" ", 1)[0] + " …" if len(text) > 340 else ""
    return Side(label, model or "", text, beginning, chosen)


def _show(page: Page, subject: object) -> Part | None:
    rankings: list[RankingView] = page.content["preference"]
    return Part(template("preference.html", rankings=rankings), asset("preference.css")) if rankings else None


SECTION = Section(
    "preference",
    50,
    _show,
    folders=FolderKind("ranking.json", "results of emocap rank", read_ranking),
)
