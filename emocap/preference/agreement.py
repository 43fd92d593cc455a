"""How far a judge can be believed: its agreement with people, and with itself when two descriptions change places.

WAF is the F1 of every class weighted by how often people gave it, ACC the share of equal answers. Two-class drops the
pairs that are the same to people; what the judge then calls the same is either a1, which is EmoPrefer's rule and
favours judges that lean towards a1, or half an a1 and half an a2, which is what a toss of a coin would get on average.
Intervals draw inputs anew.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from emocap.metrics.arrays import Numbers
from emocap.metrics.classification import war, weighted_f1
from emocap.metrics.intervals import Weighted, interval
from emocap.preference.pairs import ANSWERS, Answer, Judged

_SAME = ANSWERS.index("same")


@dataclass(frozen=True)
class Rate:
    """A fraction of 1 with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Of a judge with people, on the pairs that both have judged; pairs in the order in which people saw them."""

    pairs: int
    decided: int
    """Pairs that people did not call the same; the two-class numbers are of these."""
    two_class: dict[str, Rate] | None
    """waf and acc with ``same`` read as a1, waf_half and acc_half with it read as a half of each; None where people
    decided nothing."""
    same_rate: float | None
    """How often the judge calls ``decided`` pairs the same."""
    three_class: dict[str, Rate]
    """waf and acc with ``same`` as a class of its own."""
    confusion: list[list[int]]
    """Rows: what people say, columns: what the judge says, both a1, a2, same."""


@dataclass(frozen=True)
class Consistency:
    """Of a judge who was asked in both orders."""

    pairs: int
    consistency: Rate
    """How often the answer is the same once the descriptions are called by their authors again."""
    first: Rate | None
    """Of all answers that are not ``same``: how often it is a1. A judge that does not care for the order has 0.5."""


def agreement(compared: Iterable[tuple[Judged, Answer | None]]) -> Agreement | None:
    """Of judged pairs with what people say of each; None where there is no pair of which both say something."""
    compared = [(judged, people) for judged, people in compared if people and judged.verdict.answer]
    if not compared:
        return None
    names = [judged.pair.name for judged, _ in compared]
    true = [ANSWERS.index(people) for _, people in compared if people]
    judged_N = [ANSWERS.index(judged.verdict.answer) for judged, _ in compared if judged.verdict.answer]
    table_NKK = _by_input(names, true, judged_N)
    table_KK = table_NKK.sum(0)
    decided = int(table_KK[:_SAME].sum())
    return Agreement(
        pairs=len(compared),
        decided=decided,
        two_class={
            "waf": _rate(table_NKK, lambda table: weighted_f1(as_first(table))),
            "acc": _rate(table_NKK, lambda table: war(as_first(table))),
            "waf_half": _rate(table_NKK, lambda table: weighted_f1(as_halves(table))),
            "acc_half": _rate(table_NKK, lambda table: war(as_halves(table))),
        }
        if decided
        else None,
        same_rate=float(table_KK[:_SAME, _SAME].sum() / decided) if decided else None,
        three_class={"waf": _rate(table_NKK, weighted_f1), "acc": _rate(table_NKK, war)},
        confusion=[[int(count) for count in row] for row in table_KK],
    )


def consistency(judged: Sequence[Judged]) -> Consistency | None:
    """Over the pairs that were answered in both orders; None where there are none."""
    both = [one for one in judged if one.reverse and len(one.answers) == 2]
    if not both:
        return None
    names = [one.pair.name for one in both]
    straight = [ANSWERS.index(one.answers[0]) for one in both]
    turned = [ANSWERS.index(one.answers[1]) for one in both]
    same_NKK = _by_input(names, straight, turned)
    # Of a pair the judge has called a1 as often as it is first by the one answer, and second by the other.
    first_N2 = np.stack([
        same_NKK[:, 0, :].sum(1) + same_NKK[:, :, 1].sum(1),
        same_NKK[:, 1, :].sum(1) + same_NKK[:, :, 0].sum(1),
    ], axis=1)  # fmt: skip
    decided = first_N2.sum() > 0
    return Consistency(
        pairs=len(both),
        consistency=_rate(same_NKK, war),
        first=_rate(first_N2[:, None, :], lambda table: _share(table[..., 0, 0], table.sum((-1, -2))))
        if decided
        else None,
    )


def as_first(table: Numbers) -> Numbers:
    """Two classes out of three: what people call the same is dropped, what the judge calls the same is a1."""
    kept = table[..., :_SAME, :]
    return np.stack([kept[..., 0] + kept[..., _SAME], kept[..., 1]], axis=-1)


def as_halves(table: Numbers) -> Numbers:
    """Two classes out of three: what the judge calls the same is half an a1 and half an a2."""
    kept = table[..., :_SAME, :]
    return np.asarray(kept[..., :_SAME] + kept[..., _SAME:] / 2)


def _by_input(names: Sequence[str], rows: Sequence[int], columns: Sequence[int]) -> Numbers:
    """N×K×K: a table of counts for each of N inputs."""
    place = {name: number for number, name in enumerate(dict.fromkeys(names))}
    table_NKK = np.zeros((len(place), len(ANSWERS), len(ANSWERS)))
    np.add.at(table_NKK, ([place[name] for name in names], rows, columns), 1)
    return table_NKK


def _rate(table_NKK: Numbers, function: Callable[[Numbers], Numbers]) -> Rate:
    def over(weight_RN: Numbers) -> Numbers:
        return function(np.tensordot(weight_RN, table_NKK, 1))

    low, high = interval(Weighted(over), len(table_NKK))
    return Rate(float(function(table_NKK.sum(0))), low, high)


def _share(part: Numbers, whole: Numbers) -> Numbers:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))
