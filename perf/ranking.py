"""How many verdicts it takes to rank captioners: pairs chosen by what they are expected to tell, beside pairs drawn.

"chosen" is what ``emocap rank --pairs`` does, which draws one pair in four; "all chosen" draws none.

    python perf/ranking.py >> perf/RESULTS.md

Captioners have strengths, which are standard normal; on every input each is up or down by a normal amount that is its
own, so that verdicts on one input hang together; a judge prefers the first with the chance that Bradley-Terry gives
the two, and now and then says that they are the same. Everything else is what ``emocap rank`` does. Of the intervals
it is counted how often they hold the truth. The true ranks are those of the strengths; what a strength's interval has
to hold is what would be estimated from every pair on infinitely many inputs, as ties and inputs flatten the chances.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from machine import describe
from scipy.stats import kendalltau

from emocap.metrics.bradley_terry import fit_strengths, penalties
from emocap.preference.active_sampling import DRAWN, Candidates, choose
from emocap.preference.pairs import Answer, Judged, Pair, Verdict, every_pair
from emocap.preference.ranking import rank, wins_of
from emocap.preference.run import BATCH

INPUTS = 500
SPREAD = 0.5
"""Standard deviation of what an input adds to a captioner's strength."""
SAME = 0.15
"""Share of verdicts that are ``same``."""
WANTED = 0.9
"""Kendall's tau with the truth."""
WAYS = {"chosen": DRAWN, "all chosen": 0.0, "drawn": 1.0}
"""Way → the share of pairs that are drawn."""
SIZES = {5: (640, 100), 10: (1600, 100), 20: (3200, 60)}
"""Captioners → the verdicts after which a course ends, and how many seeds there are."""
PARTS = (10, 5, 2, 1)
"""The table shows tau after a tenth of a course, a fifth, a half, and all of it."""


@dataclass(frozen=True)
class World:
    """Captioners of known strength, and how well each does on every input."""

    names: list[str]
    strength: np.ndarray
    on_input: np.ndarray
    """Inputs × captioners."""

    def judge(self, pair: Pair, random: np.random.Generator) -> Judged:
        """A verdict on a pair."""
        first, second = (self.names.index(model) for model in pair.models or ())
        ahead = self.on_input[int(pair.name), first] - self.on_input[int(pair.name), second]
        answer: Answer = "a1" if random.random() < 1 / (1 + np.exp(-ahead)) else "a2"
        return Judged(pair, Verdict("same" if random.random() < SAME else answer))


def world(captioners: int, seed: int) -> World:
    random = np.random.default_rng(seed)
    strength = random.normal(size=captioners)
    on_input = strength + SPREAD * random.normal(size=(INPUTS, captioners))
    return World([f"d{place:02}" for place in range(captioners)], strength - strength.mean(), on_input)


def limit(known: World) -> dict[str, float]:
    """What would be estimated from every pair on infinitely many inputs."""
    point, weight = np.polynomial.hermite_e.hermegauss(41)
    ahead = known.strength[:, None] - known.strength[None, :]
    won = (1 / (1 + np.exp(-(ahead[..., None] + SPREAD * np.sqrt(2) * point)))) @ (weight / weight.sum())
    wins = (1 - SAME) * won + SAME / 2
    np.fill_diagonal(wins, 0)
    return dict(zip(known.names, fit_strengths(wins[None], np.zeros(1))[0], strict=True))


def course(known: World, way: str, most: int, seed: int) -> tuple[list[float], list[Judged]]:
    """Kendall's tau with the truth after every batch, and all verdicts."""
    random = np.random.default_rng([seed, 1])
    names = [str(place) for place in range(INPUTS)]
    candidates = Candidates(dict.fromkeys(every_pair(known.names), names), seed)
    judged: list[Judged] = []
    taus = []
    wins = np.zeros((len(known.names), len(known.names)))
    while len(judged) < most:
        some = choose(known.names, wins, candidates, BATCH, seed, WAYS[way])
        batch = [known.judge(Pair(name, "", "", *models), random) for models, name in some]
        judged += batch
        wins += wins_of(batch, known.names)
        strength = fit_strengths(wins[None], penalties(wins[None]))[0]
        taus.append(float(kendalltau(strength, known.strength)[0]))
    return taus, judged


def held(known: World, judged: Sequence[Judged], seed: int) -> tuple[float, float, float]:
    """The shares of captioners whose interval holds the true strength, and the true rank; and how many times as far
    apart the strengths are as the true ones, by least squares.
    """
    ranking = rank(judged, seed=seed)
    assert ranking is not None
    strength = limit(known)
    place = {
        name: 1 + int((known.strength > mine).sum()) for name, mine in zip(known.names, known.strength, strict=True)
    }
    return (
        statistics.mean(within(strength[one.name], one.low, one.high) for one in ranking.entries),
        statistics.mean(within(place[one.name], one.rank_low, one.rank_high) for one in ranking.entries),
        sum(strength[one.name] * one.strength for one in ranking.entries) / sum(s * s for s in strength.values()),
    )


def within(true: float, low: float | None, high: float | None) -> float:
    return float(low is not None and high is not None and low <= true <= high)


def reached(taus: Sequence[float]) -> float:
    """After how many verdicts tau is where it is wanted for the first time; infinite where it never is."""
    return next((BATCH * (place + 1) for place, tau in enumerate(taus) if tau >= WANTED - 1e-9), np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, help="so many for every number of captioners")
    chosen = parser.parse_args()
    seeds = ", ".join(f"{chosen.seeds or count} of {captioners}" for captioners, (_, count) in SIZES.items())
    print("## Verdicts that a ranking takes\n")
    command = "python perf/ranking.py" + (f" --seeds {chosen.seeds}" if chosen.seeds else "")
    print(f"`{command}`: {INPUTS} inputs, strengths of standard deviation 1, inputs of {SPREAD},")
    print(f"{SAME:.0%} ties, {BATCH} pairs at a time; seeds: {seeds} captioners. Kendall's tau is that with the true")
    print("order, its mean over seeds ± one standard error; all ways have the same captioners, of which one pair in")
    print(f"{1 / DRAWN:.0f} is drawn where pairs are chosen, none where all are. The gain is of chosen over drawn.\n")
    of_tau = (f"tau is {WANTED} on average after", f"in half of the seeds tau is {WANTED} after")
    of_intervals = ("intervals that hold the strength", "the rank", "strengths apart, times")
    heads = ("captioners", "all pairs", "", "verdicts", "tau after them", *of_tau, *of_intervals)
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for captioners, (most, usual) in SIZES.items():
        taus, inside = {}, {}
        for way in WAYS:
            courses = []
            for seed in range(chosen.seeds or usual):
                known = world(captioners, seed)
                of_seed, judged = course(known, way, most, seed)
                courses.append((of_seed, held(known, judged, seed)))
                print(captioners, way, seed, f"{of_seed[-1]:.3f}", file=sys.stderr, flush=True)
            taus[way] = np.array([of_seed for of_seed, _ in courses])
            inside[way] = [
                f"{statistics.mean(shares):.2f}" for shares in zip(*(one for _, one in courses), strict=True)
            ]
        total = f"{INPUTS * captioners * (captioners - 1) // 2:,}"
        ends = [most // part for part in PARTS]
        for way in WAYS:
            firsts = [reached(one) for one in taus[way]]
            cells = [str(captioners), total, way, ", ".join(f"{end:,}" for end in ends), after(taus[way], ends)]
            cells += [told(reached(taus[way].mean(0)), most), told(statistics.median_low(firsts), most), *inside[way]]
            print(f"| {' | '.join(cells)} |")
        gain = after(taus["chosen"] - taus["drawn"], ends)
        print(f"| {captioners} | | gain | {', '.join(f'{end:,}' for end in ends)} | {gain} | | | | | |")
    print(f"\n{describe('numpy', 'scipy')}\n")


def after(taus: np.ndarray, ends: Sequence[int]) -> str:
    """Means over seeds with their standard errors."""
    columns = [taus[:, end // BATCH - 1] for end in ends]
    return ", ".join(f"{one.mean():.3f} ± {one.std(ddof=1) / np.sqrt(len(one)):.3f}" for one in columns)


def told(verdicts: float, most: int) -> str:
    return f"{verdicts:,.0f}" if np.isfinite(verdicts) else f"more than {most:,}"


if __name__ == "__main__":
    main()
