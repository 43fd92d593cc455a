"""Pairs that are worth looking at: what a judge gets wrong tells more than its rates."""

# Tested in tests/preference/test_run.py.

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emocap.preference.pairs import Answer, Judged, Pair

_OF_EACH = 3


@dataclass(frozen=True)
class Example:
    """A judged pair, with what is remarkable about it."""

    kind: str
    """against people, changed with the order, against the ranking, or as ranked."""
    pair: Pair
    answer: Answer | None
    turned: Answer | None
    """What was said in the other order, of the pair as it stands here."""
    people: Answer | None
    reply: str


def examples(judged: Sequence[Judged], people: dict[str, Answer], strength: dict[str, float]) -> list[Example]:
    """A few pairs of each kind. people: by the key of a pair. strength: by captioner.

    Of verdicts against the ranking those between the most unequal captioners come first; of those as ranked, the ones
    between the most equal.
    """
    by_gap = sorted(judged, key=lambda one: -_gap(one, strength))
    found: dict[str, Example] = {}
    for kind, some in (
        ("against people", _against_people(judged, people)),
        ("changed with the order", (one for one in judged if len(set(one.answers)) == 2)),
        ("against the ranking", (one for one in by_gap if _gap(one, strength) > 0)),
        ("as ranked", (one for one in reversed(by_gap) if _gap(one, strength) < 0)),
    ):
        chosen = 0
        for one in some:
            if chosen < _OF_EACH and one.pair.key not in found:
                chosen += 1
                found[one.pair.key] = _example(kind, one, people.get(one.pair.key))
    return list(found.values())


def _against_people(judged: Sequence[Judged], people: dict[str, Answer]) -> Iterator[Judged]:
    for one in judged:
        says = people.get(one.pair.key)
        if says and one.verdict.answer and {says, one.verdict.answer} == {"a1", "a2"}:
            yield one


def _gap(judged: Judged, strength: dict[str, float]) -> float:
    """By how much the winner is the weaker one; negative where it is the stronger, 0 where nobody has won."""
    if judged.points is None or judged.pair.models is None or judged.points == 0.5:
        return 0.0
    first, second = (strength.get(model, 0.0) for model in judged.pair.models)
    return second - first if judged.points > 0.5 else first - second


def _example(kind: str, one: Judged, people: Answer | None) -> Example:
    turned = one.answers[-1] if one.reverse and one.reverse.answer else None
    return Example(kind, one.pair, one.verdict.answer, turned, people, one.verdict.detail)
