"""From judged pairs to a ranking: strengths, ranks, how certain they are, and who won against whom.

Intervals are those of a bootstrap that draws inputs anew and not pairs: the verdicts on one input share whatever is
easy or hard about it; a single input has none. Where somebody won or lost everything, so it is in every resample: the
interval of that strength is too narrow. Where pairs were chosen by what was known already, they are not a random
sample; ``perf/ranking.py`` measures how often intervals hold the truth then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from emocap.metrics.arrays import Numbers
from emocap.metrics.bradley_terry import fit_strengths, groups, penalties
from emocap.metrics.intervals import ROUNDS, resamples
from emocap.preference.pairs import Judged

_SAME = 1e-9
"""Strengths that are closer share a rank."""


@dataclass(frozen=True)
class RankingEntry:
    """One captioner in a ranking."""

    name: str
    rank: int
    """From 1; captioners of the same strength share one."""
    rank_low: int | None
    rank_high: int | None
    """95% interval; None where no resample tells."""
    strength: float
    """Log-odds scale, mean 0: by how much two differ tells how often the one is preferred."""
    low: float | None
    high: float | None
    first: float | None
    """The share of resamples in which nobody is stronger, split where several are first."""
    won: float
    """Comparisons won, ties as halves."""
    compared: float


@dataclass(frozen=True)
class Ranking:
    """Everybody who was compared, the strongest first."""

    entries: list[RankingEntry]
    wins: list[list[float]]
    """In the order of the entries: how often the row was preferred to the column, ties as halves."""
    penalty: float
    """0, or what the strengths had to be regularised by."""
    groups: list[list[str]]
    """Where some were never compared with others, not even through third ones: who was with whom; else empty."""
    inputs: int
    rounds: int
    """Resamples that tell of everybody."""
    rounds_left_out: int
    """Resamples in which somebody was compared with nobody."""
    rounds_regularised: int
    """Of those that count, how many had to be regularised."""


def wins_of(judged: Sequence[Judged], captioners: Sequence[str]) -> Numbers:
    """M×M: how often the first was preferred to the second; pairs without answer or authors are left out."""
    _, wins_NC = _tables(judged, captioners)
    return np.asarray(wins_NC.sum(0)).reshape(len(captioners), len(captioners))


def rank(judged: Sequence[Judged], rounds: int = ROUNDS, seed: int = 0) -> Ranking | None:
    """The ranking of all captioners who were compared; None where nobody was."""
    compared = [one for one in judged if one.points is not None and one.pair.models]
    captioners = sorted({model for one in compared for model in one.pair.models or ()})
    if not captioners:
        return None
    count = len(captioners)
    inputs, wins_NC = _tables(compared, captioners)
    wins_MM = np.asarray(wins_NC.sum(0)).reshape(count, count)
    penalty_R = penalties(wins_MM[None])
    strength_M = fit_strengths(wins_MM[None], penalty_R)[0]
    # One input drawn anew is always itself: it would look as if everything were certain.
    drawn_RM, regularised, left_out = _resampled(wins_NC, count, rounds if inputs > 1 else 0, seed)
    order = sorted(range(count), key=lambda place: (-strength_M[place], captioners[place]))
    rank_RM = ranks(drawn_RM)
    spans = _intervals(drawn_RM, "linear"), _intervals(rank_RM, "inverted_cdf")
    first_RM = (rank_RM == 1) / np.maximum((rank_RM == 1).sum(1, keepdims=True), 1)
    resampled = len(drawn_RM) > 0
    rank_M, won_M, compared_M = ranks(strength_M[None])[0], wins_MM.sum(1), (wins_MM + wins_MM.T).sum(1)
    return Ranking(
        entries=[
            RankingEntry(
                name=captioners[place],
                rank=int(rank_M[place]),
                rank_low=int(spans[1][0, place]) if resampled else None,
                rank_high=int(spans[1][1, place]) if resampled else None,
                strength=float(strength_M[place]),
                low=float(spans[0][0, place]) if resampled else None,
                high=float(spans[0][1, place]) if resampled else None,
                first=float(first_RM[:, place].mean()) if resampled else None,
                won=float(won_M[place]),
                compared=float(compared_M[place]),
            )
            for place in order
        ],
        wins=[[float(wins_MM[row, column]) for column in order] for row in order],
        penalty=float(penalty_R[0]),
        groups=_apart(wins_MM, captioners),
        inputs=inputs,
        rounds=len(drawn_RM),
        rounds_left_out=left_out,
        rounds_regularised=regularised,
    )


def ranks(strength_RM: Numbers) -> npt.NDArray[np.int64]:
    """R×M: one more than how many are stronger."""
    ahead_RMM = strength_RM[:, None, :] > strength_RM[:, :, None] + _SAME
    return np.asarray(1 + ahead_RMM.sum(2), dtype=np.int64)


def _tables(judged: Sequence[Judged], captioners: Sequence[str]) -> tuple[int, csr_array]:
    """How many inputs there are, and N×M²: the wins on each of them."""
    place = {name: number for number, name in enumerate(captioners)}
    inputs: dict[str, int] = {}
    rows, cells, points = [], [], []
    for one in judged:
        if one.points is None or one.pair.models is None:
            continue
        row = inputs.setdefault(one.pair.name, len(inputs))
        first, second = (place[model] for model in one.pair.models)
        rows += [row, row]
        cells += [first * len(place) + second, second * len(place) + first]
        points += [one.points, 1 - one.points]
    table = csr_array((points, (rows, cells)), shape=(max(len(inputs), 1), len(place) ** 2))
    return len(inputs), table


def _resampled(wins_NC: csr_array, count: int, rounds: int, seed: int) -> tuple[Numbers, int, int]:
    """R×M: the strengths in those resamples of inputs that tell of everybody; how many were regularised; how many were
    left out.
    """
    found, regularised = [], 0
    for weight_RN in resamples(wins_NC.shape[0], rounds, np.random.default_rng(seed)):
        wins_RMM = np.asarray(weight_RN @ wins_NC).reshape(-1, count, count)
        everybody_R = ((wins_RMM + wins_RMM.swapaxes(1, 2)).sum(2) > 0).all(1)
        wins_RMM = wins_RMM[everybody_R]
        if len(wins_RMM):
            penalty_R = penalties(wins_RMM)
            regularised += int((penalty_R > 0).sum())
            found.append(fit_strengths(wins_RMM, penalty_R))
    drawn_RM = np.concatenate(found) if found else np.zeros((0, count))
    return drawn_RM, regularised, rounds - len(drawn_RM)


def _intervals(value_RM: Numbers | npt.NDArray[np.int64], method: str) -> Numbers:
    if not len(value_RM):
        return np.full((2, value_RM.shape[1]), np.nan)
    return np.asarray(np.quantile(value_RM, [0.025, 0.975], axis=0, method=method))  # type: ignore[call-overload]


def _apart(wins_MM: Numbers, captioners: Sequence[str]) -> list[list[str]]:
    number_M = groups(wins_MM, strong=False)
    if not number_M.any():
        return []
    return [
        [name for name, mine in zip(captioners, number_M, strict=True) if mine == number]
        for number in range(number_M.max() + 1)
    ]
