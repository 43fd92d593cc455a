"""``emocap rank``: from comparison data and a judge to ``ranking.json``.

Comparison data (comparison_data.py) says who described what; the pairs follow from it (candidate_pairs.py). A
judge (judges.py) says which of two descriptions is better, and its verdicts are written to a log (verdict_log.py)
before they count. All pairs are judged, or a given number, the most informative first (active_sampling.py).
Bradley-Terry turns the verdicts into a ranking (ranking.py). Where people have judged the same pairs, their
agreement with the judge is reported (agreement.py).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError, few
from emocap.core.files import write_json
from emocap.core.progress import Stage, stage
from emocap.core.version import __version__
from emocap.preference.active_sampling import Candidates, Models, choose
from emocap.preference.agreement import agreement, consistency
from emocap.preference.candidate_pairs import AllPairs, GivenPairs, Pool
from emocap.preference.comparison_data import ComparisonData
from emocap.preference.examples import examples
from emocap.preference.judges import Judge
from emocap.preference.pairs import SWAPPED, Answer, Judged, Pair, Verdict
from emocap.preference.ranking import rank, wins_of
from emocap.preference.tables import PAIRS, Preference, write_unjudged
from emocap.preference.verdict_log import VerdictLog

BATCH = 16
"""Pairs that are chosen at a time: enough to keep an endpoint busy, few enough to learn from each other."""
_ALL_BATCH = 128
"""The same where all are judged and none is chosen."""


@dataclass(frozen=True)
class Outcome:
    """What was judged, in this run and in those before it."""

    judged: list[Judged]
    possible: int
    """Pairs that could be judged."""
    people: list[Preference] = field(default_factory=list)
    """What people say of them, to be compared with."""
    unanswered: list[str] = field(default_factory=list)
    """Pairs without an answer: why, one line each."""
    chosen: bool = False
    """Whether pairs were judged because they would tell most, and not all of them or by chance."""
    details: dict[str, Any] = field(default_factory=dict)
    """Facts about the judge, such as its temperature and token usage."""


def rank_by_people(
    data: ComparisonData, by: str, out: Path, pairs: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Rank by the preferences of a table; ``data.given`` holds them. Returns what is in ``ranking.json``.

    pairs: if fewer are judged, ``next.csv`` gets the pairs that people should judge next, up to this number in all.
    Raises UserError where nobody has judged anything and nothing can be judged next.
    """
    if data.given is None:
        raise UserError(f"{by}: that is no table of pairs, which has the columns {', '.join(PAIRS)} and preference")
    given = data.given
    judged = [Judged(one.pair, Verdict(one.answer)) for one in given if one.answer]
    open_pairs = [one.pair for one in given if not one.answer]
    if judged and not any(one.pair.models for one in judged):
        raise UserError(
            f"{by}: nobody is ranked, as the table has no columns model1 and model2 that say who wrote what"
        )
    candidate_pairs: Pool = AllPairs(data, seed) if data.descriptions else GivenPairs(open_pairs, seed)
    (out / "next.csv").unlink(missing_ok=True)
    if pairs is not None and pairs > len(judged):
        _ask_people(candidate_pairs, judged, pairs - len(judged), out / "next.csv", seed)
    elif not judged:
        raise UserError(
            f"{by}: nobody has judged a pair yet{_why(data)}; give a number of pairs to have them written for people"
        )
    possible = len({pair.key for pair in itertools.chain(candidate_pairs, (one.pair for one in judged))})
    return _write(data, Outcome(judged, possible, chosen=pairs is not None), out, by, seed)


def _ask_people(candidate_pairs: Pool, judged: Sequence[Judged], count: int, path: Path, seed: int) -> None:
    candidates, captioners = _prepared(candidate_pairs, judged)
    chosen = choose(captioners, wins_of(judged, captioners), candidates, count, seed)
    if chosen:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_unjudged(path, [candidate_pairs.at(models, name) for models, name in chosen])
    elif not judged:
        raise UserError("there is no pair that people could judge: no two captioners have an input in common")


def rank_by_judge(
    data: ComparisonData, judge: Judge, out: Path, pairs: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Have pairs judged, all of them or ``pairs`` in all, and write ``pairs.jsonl`` and ``ranking.json`` into ``out``.

    The same call goes on where it was stopped. Returns what is in ``ranking.json``. Raises UserError where nothing was
    answered.
    """
    verdict_log = VerdictLog(out / "pairs.jsonl", judge.name)
    given = data.given or []
    candidate_pairs: Pool = GivenPairs([one.pair for one in given], seed) if given else AllPairs(data, seed)
    everything = list(candidate_pairs)
    if not everything:
        raise UserError(f"there is no pair to judge{_why(data)}")
    judged = _in_book(everything, verdict_log)
    todo = min(len(everything), pairs or len(everything)) - len(judged)
    unanswered: list[str] = []
    with stage("judging", len(judged) + max(0, todo)) as progress:
        progress.resume(len(judged))
        if todo >= len(everything) - len(judged):
            batches = _in_turn([pair for pair in everything if verdict_log.find(pair) is None])
        else:
            batches = _most_telling(candidate_pairs, judged, todo, seed)
        for batch in batches:
            for one in _judge(judge, batch, verdict_log, progress):
                if one.answers:
                    judged.append(one)
                else:
                    unanswered.append(f"{one.pair.name}: {one.verdict.detail}")
    if not judged:
        raise UserError(f"no pair was answered; of {unanswered[0]}")
    judged = _in_book(everything, verdict_log)  # in one order, whether or not the run was interrupted
    people = [one for one in given if one.answer]
    chosen = pairs is not None and len(judged) + len(unanswered) < len(everything)
    outcome = Outcome(judged, len(everything), people, unanswered, chosen, judge.details)
    return _write(data, outcome, out, judge.name, seed)


def _in_book(pairs: Sequence[Pair], verdict_log: VerdictLog) -> list[Judged]:
    return [found for pair in pairs if (found := verdict_log.find(pair))] if len(verdict_log) else []


def _in_turn(pairs: list[Pair]) -> Iterator[list[Pair]]:
    return (pairs[first : first + _ALL_BATCH] for first in range(0, len(pairs), _ALL_BATCH))


def _most_telling(candidate_pairs: Pool, judged: list[Judged], count: int, seed: int) -> Iterator[list[Pair]]:
    """Batches of pairs, ``count`` in all; ``judged`` must hold the verdicts on one before the next is asked for."""
    candidates, captioners = _prepared(candidate_pairs, judged)
    while count > 0 and len(candidates):
        chosen = choose(captioners, wins_of(judged, captioners), candidates, min(BATCH, count), seed)
        count -= len(chosen)
        yield [candidate_pairs.at(models, name) for models, name in chosen]


def _prepared(candidate_pairs: Pool, judged: Sequence[Judged]) -> tuple[Candidates, list[str]]:
    """What is left to be judged, and everybody who is compared. Raises UserError where that is not known."""
    candidates = candidate_pairs.candidates()
    for one in judged:
        if one.pair.models:
            candidates.take(_ordered(one.pair.models), one.pair.name)
    captioners = sorted({*candidate_pairs.captioners, *(model for one in judged for model in one.pair.models or ())})
    if not captioners and any(True for _ in candidate_pairs):
        raise UserError("pairs are chosen by who wrote the descriptions, and the table of pairs does not say that")
    return candidates, captioners


def _ordered(models: Models) -> Models:
    first, second = sorted(models)
    return first, second


def _judge(judge: Judge, pairs: Sequence[Pair], verdict_log: VerdictLog, progress: Stage) -> list[Judged]:
    """The verdicts on some pairs, which are in the book."""
    asked = [*pairs, *(pair.swapped() for pair in pairs)] if judge.both_orders else pairs
    verdicts = judge.judge(asked)
    reverse = verdicts[len(pairs) :] if judge.both_orders else itertools.repeat(None)
    judged = [Judged(*three) for three in zip(pairs, verdicts, reverse, strict=False)]
    verdict_log.add(judged)
    progress.advance(len(pairs), unanswered=sum(not one.answers for one in judged))
    return judged


def _write(data: ComparisonData, outcome: Outcome, out: Path, by: str, seed: int) -> dict[str, Any]:
    ranking = rank(outcome.judged, seed=seed)
    strength = {one.name: one.strength for one in ranking.entries} if ranking else {}
    says: dict[str, Answer] = {one.pair.key: one.answer for one in outcome.people if one.answer}
    by_key = {one.pair.key: one for one in outcome.judged}
    compared = [(by_key[one.pair.key], one) for one in outcome.people if one.pair.key in by_key]
    verdicts = [verdict for one in outcome.judged for verdict in (one.verdict, one.reverse) if verdict]
    agrees = agreement((judged, _turned(one, judged.pair)) for judged, one in compared)
    steady = consistency(outcome.judged)
    result: dict[str, Any] = {
        "version": 1,
        "by": by,
        "judge": outcome.details,
        "pairs": {
            "possible": outcome.possible,
            "judged": len(by_key),
            "unanswered": len(outcome.unanswered),
            "answered_in_one_order": sum(one.reverse is not None and len(one.answers) == 1 for one in outcome.judged),
            "unreadable_replies": sum(not verdict.readable for verdict in verdicts),
            "unanswered_examples": outcome.unanswered[:10],
            "left_out": [asdict(one) for one in data.left_out],
        },
        "ranking": asdict(ranking) if ranking else None,
        "chosen": outcome.chosen,
        "uncompared": sorted({*data.descriptions, *_authors(data.given or [])} - strength.keys()),
        "agreement": asdict(agrees) if agrees else None,
        "consistency": asdict(steady) if steady else None,
        "examples": [asdict(one) for one in examples(outcome.judged, says, strength)],
        "sources": data.sources,
        "seed": seed,
        "emocap": __version__,
    }
    write_json(out / "ranking.json", result)
    return result


def _turned(preference: Preference, pair: Pair) -> Answer | None:
    """What people say of a pair as it stands; a pair that is given twice may have been shown in two orders."""
    if preference.answer is None or preference.pair == pair:
        return preference.answer
    return SWAPPED[preference.answer]


def _authors(given: Sequence[Preference]) -> set[str]:
    return {model for one in given for model in one.pair.models or ()}


def _why(data: ComparisonData) -> str:
    reasons = [f"{one.count:,} × {one.reason} ({one.example})" for one in data.left_out]
    return f": {few(reasons)}" if reasons else ""
