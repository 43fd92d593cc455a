"""A ranking of describers: from ``ranking.json`` to what a page shows of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError
from emocap.reports.measures import fraction
from emocap.reports.pictures import thumbnail
from emocap.reports.table import Rows

_SIDE = 192
_WIDTH, _EDGE = 240, 6
"""Of the chart of a strength, and what is left free on either side, in its own units."""


@dataclass(frozen=True)
class Place:
    """A describer's line of the table. Texts are as they stand on the page."""

    name: str
    rank: str
    span: str
    """95% interval of the rank; empty where it is not known."""
    chart: str
    """SVG: strength and interval on an axis that all lines share."""
    strength: str
    interval: str
    first: str
    compared: str


@dataclass(frozen=True)
class Square:
    """How often one describer was preferred to another."""

    text: str
    title: str
    colour: str
    """CSS background; empty for those that were not compared."""
    dark: bool


@dataclass(frozen=True)
class Matrix:
    """Who was preferred to whom, the strongest first."""

    names: list[str]
    rows: list[list[Square]]


@dataclass(frozen=True)
class Measured:
    """A rate, and what it means."""

    name: str
    value: str
    interval: str
    meaning: str


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
class Shown:
    """An example."""

    kind: str
    name: str
    picture: str
    """data: URL; empty where no build has it."""
    sides: list[Side]
    said: str
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
    matrix: Matrix | None
    agreement: list[Measured]
    confusion: list[list[int]]
    """Rows: people, columns: the judge, both a1, a2, same; empty where people were not asked."""
    left_out: list[tuple[str, int, str]]
    examples: list[Shown]


def read_ranking(folder: Path, name: str) -> RankingView:
    """What a page shows of a folder that rank has made. Pictures are there as long as the builds are.

    Raises UserError where the file is broken.
    """
    path = folder / "ranking.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return _view(told, name)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}: {error}); rank again") from None


def _view(told: dict[str, Any], name: str) -> RankingView:
    ranking, pairs = told["ranking"], told["pairs"]
    standings = ranking["standings"] if ranking else []
    low, high = _reach(standings)
    return RankingView(
        name=name,
        by=told["by"],
        facts=_facts(told),
        warnings=_warnings(told),
        places=[_place(one, low, high) for one in standings],
        axis=(_signed(low), _signed(high)),
        chosen=told["chosen"],
        matrix=_matrix([one["name"] for one in standings], ranking["wins"]) if len(standings) > 1 else None,
        agreement=_agreement(told["agreement"], told["consistency"]),
        confusion=told["agreement"]["confusion"] if told["agreement"] else [],
        left_out=[(one["reason"], one["count"], one["example"]) for one in pairs["left_out"]],
        examples=_examples(told),
    )


def _facts(told: dict[str, Any]) -> list[tuple[str, str]]:
    pairs, ranking = told["pairs"], told["ranking"]
    facts = [("judged by", told["by"]), ("pairs judged", f"{pairs['judged']:,} of {pairs['possible']:,}")]
    if ranking:
        facts.append(("inputs", f"{ranking['inputs']:,}"))
    for model, asked in told["judge"].items():
        usage = asked.get("usage", {})
        cost = f", cost {usage['cost']:,.2f}" if "cost" in usage else ""
        tokens = sum(usage.get(kind, 0) for kind in ("prompt_tokens", "completion_tokens"))
        facts.append((f"tokens of {model}", f"{tokens:,}{cost}"))
    for name in ("unanswered", "answered_in_one_order", "unreadable_replies"):
        if pairs[name]:
            facts.append((name.replace("_", " "), f"{pairs[name]:,}"))
    return facts


def _warnings(told: dict[str, Any]) -> list[str]:
    ranking, found = told["ranking"], []
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
    if told["uncompared"]:
        found.append(f"Compared with nobody: {', '.join(told['uncompared'])}.")
    return found


def _reach(standings: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The ends of the axis of strengths."""
    ends = [one[key] for one in standings for key in ("strength", "low", "high") if one[key] is not None]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    return (low, high) if high - low > 1e-6 else (low - 1, high + 1)


def _place(one: dict[str, Any], low: float, high: float) -> Place:
    known = one["low"] is not None
    return Place(
        name=one["name"],
        rank=str(one["rank"]),
        span="" if not known else _span(one["rank_low"], one["rank_high"]),
        chart=_chart(one, low, high),
        strength=_signed(one["strength"]),
        interval=f"{_signed(one['low'])} to {_signed(one['high'])}" if known else "",
        first="" if one["first"] is None else f"{one['first']:.0%}",
        compared=f"{one['won']:,.6g} of {one['compared']:,.6g}",
    )


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _chart(one: dict[str, Any], low: float, high: float) -> str:
    def across(value: float) -> float:
        return _EDGE + (_WIDTH - 2 * _EDGE) * (value - low) / (high - low)

    middle = across(one["strength"])
    parts = [f'<path d="M{_EDGE} 10H{_WIDTH - _EDGE}" stroke="#e5e1da"></path>']
    if low <= 0 <= high:
        parts.append(f'<path d="M{across(0):.1f} 2V18" stroke="#cbc4b9" stroke-dasharray="2 2"></path>')
    if one["low"] is not None:
        ends = f"M{across(one['low']):.1f} 10H{across(one['high']):.1f}"
        parts.append(
            f'<path d="{ends}" stroke="#2f6f8f" stroke-width="5" stroke-linecap="round" opacity=".45"></path>'
        )
    parts.append(f'<circle cx="{middle:.1f}" cy="10" r="4.5" fill="#2f6f8f"></circle>')
    label = f"strength {one['strength']:.2f}"
    return f'<svg viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def _matrix(names: list[str], wins: list[list[float]]) -> Matrix:
    size = range(len(names))
    return Matrix(names, [[_square(names, wins, row, column) for column in size] for row in size])


def _square(names: list[str], wins: list[list[float]], row: int, column: int) -> Square:
    won, lost = wins[row][column], wins[column][row]
    if row == column or won + lost == 0:
        return Square("", "" if row == column else f"{names[row]} and {names[column]} were not compared", "", False)
    share = won / (won + lost)
    strength = abs(2 * share - 1)
    red, green, blue = (47, 111, 143) if share >= 0.5 else (184, 67, 47)
    title = f"{names[row]} was preferred to {names[column]} {won:g} times of {won + lost:g}"
    return Square(f"{share:.0%}", title, f"rgba({red},{green},{blue},{strength:.2f})", strength > 0.55)


def _agreement(agrees: dict[str, Any] | None, steady: dict[str, Any] | None) -> list[Measured]:
    rows = []
    if agrees:
        two, three = agrees["two_class"], agrees["three_class"]
        if two:
            rows += [
                _measured("WAF, two-class", two["waf"], "official: the judge's “same” counts as a1"),
                _measured("ACC, two-class", two["acc"], "official: the judge's “same” counts as a1"),
                _measured("WAF, two-class, halves", two["waf_half"], "the judge's “same” counts half as each"),
                _measured("ACC, two-class, halves", two["acc_half"], "the judge's “same” counts half as each"),
                Measured("called the same", fraction(agrees["same_rate"]), "", "of the pairs that people did decide"),
            ]
        rows += [
            _measured("WAF, three-class", three["waf"], "“same” is a class of its own"),
            _measured("ACC, three-class", three["acc"], "“same” is a class of its own"),
        ]
    if steady:
        rows.append(_measured("swap consistency", steady["consistency"], "the same answer when the two change places"))
        if steady["first"]:
            rows.append(_measured("a1 among the decided", steady["first"], "0.5 where the order does not matter"))
    return rows


def _measured(name: str, rate: dict[str, float], meaning: str) -> Measured:
    return Measured(name, fraction(rate["value"]), f"{fraction(rate['low'])} to {fraction(rate['high'])}", meaning)


def _examples(told: dict[str, Any]) -> list[Shown]:
    pictures = _pictures(told["sources"], [one["pair"]["name"] for one in told["examples"]])
    return [_shown(one, pictures) for one in told["examples"]]


def _pictures(sources: dict[str, str], names: list[str]) -> dict[str, str]:
    """Input → data: URL, of those that a build which is still there has."""
    found: dict[str, str] = {}
    for folder in (Path(source) for source in sources.values()):
        missing = [name for name in names if name not in found]
        if missing and (folder / "manifest.json").is_file():
            rows = Rows.of(folder, captioned=True)
            found |= {key: thumbnail(rows.sample(row).jpeg, _SIDE) for key, row in rows.find(missing).items()}
    return found


def _shown(one: dict[str, Any], pictures: dict[str, str]) -> Shown:
    pair = one["pair"]
    told = [f"the judge: {one['answer'] or 'no answer'}"]
    if one["turned"]:
        told.append(f"in the other order: {one['turned']}")
    if one["people"]:
        told.append(f"people: {one['people']}")
    return Shown(
        kind=one["kind"],
        name=pair["name"],
        picture=pictures.get(pair["name"], ""),
        sides=[
            _side(label, pair[model], pair[label], one["answer"] == label)
            for label, model in (("a1", "model1"), ("a2", "model2"))
        ],
        said="; ".join(told),
        reply=one["reply"],
    )


def _side(label: str, model: str | None, text: str, chosen: bool) -> Side:
    beginning = text[:280].rsplit(" ", 1)[0] + " …" if len(text) > 340 else ""
    return Side(label, model or "", text, beginning, chosen)
