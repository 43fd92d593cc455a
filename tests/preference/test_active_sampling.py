import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import norm

from emocap.metrics.arrays import Numbers
from emocap.metrics.bradley_terry import PENALTY, fit_strengths
from emocap.preference.active_sampling import DRAWN, Candidates, choose, information, posterior
from emocap.preference.pairs import Judged, Pair, Verdict, every_pair
from emocap.preference.ranking import rank, wins_of

NAMES = ["a", "b", "c", "d"]


def candidates(inputs: int = 20, names: list[str] = NAMES) -> Candidates:
    return Candidates({models: [str(n) for n in range(inputs)] for models in every_pair(names)}, seed=0)


def some_wins() -> Numbers:
    wins = np.zeros((4, 4))
    wins[0, 1], wins[1, 0], wins[1, 2], wins[2, 1], wins[2, 3], wins[0, 3] = 3, 2, 4, 1, 2, 1.5
    wins[3, 0] = 0.5
    return wins


def binary_entropy(chance: float) -> float:
    return float(-sum(p * np.log(p) for p in (chance, 1 - chance) if p > 0))


def order_entropy(mean: Numbers, covariance: Numbers) -> float:
    total = 0.0
    for i, j in itertools.combinations(range(len(mean)), 2):
        spread = np.sqrt(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])
        total += binary_entropy(float(norm.cdf((mean[i] - mean[j]) / spread)))
    return total


def test_the_posterior_is_the_inverse_of_the_curvature() -> None:
    wins = some_wins()
    mean, covariance = posterior(wins)
    assert mean == pytest.approx(fit_strengths(wins[None], np.array([PENALTY]))[0])

    def loss(strength: Numbers) -> float:
        ahead = strength[:, None] - strength[None, :]
        return float((wins * np.log1p(np.exp(-ahead))).sum() + PENALTY * (strength**2).sum())

    step, numeric = 1e-4, np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            one, other = step * np.eye(4)[i], step * np.eye(4)[j]
            corners = loss(mean + one + other) - loss(mean + one) - loss(mean + other) + loss(mean)
            numeric[i, j] = corners / step**2
    assert np.linalg.inv(covariance) == pytest.approx(numeric, abs=1e-3)


def test_information_is_what_a_gaussian_step_does_to_the_order() -> None:
    """One verdict y moves the mean by C' x (y − p), where C' = (C⁻¹ + w x xᵀ)⁻¹: by matrices, one by one."""
    mean, covariance = posterior(some_wins())
    firsts, seconds = np.array(list(itertools.combinations(range(4), 2))).T
    told = information(mean, covariance, firsts, seconds)
    for place, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        towards = np.eye(4)[first] - np.eye(4)[second]
        chance = 1 / (1 + np.exp(mean[second] - mean[first]))
        after = np.linalg.inv(np.linalg.inv(covariance) + chance * (1 - chance) * np.outer(towards, towards))
        expected = sum(
            weight * order_entropy(mean + after @ towards * (outcome - chance), after)
            for outcome, weight in ((1, chance), (0, 1 - chance))
        )
        assert told[place] == pytest.approx(order_entropy(mean, covariance) - expected, abs=1e-9)


def test_what_is_known_is_not_asked_again() -> None:
    # a and b are clearly apart, c and d are not: only their order is open.
    wins = np.zeros((4, 4))
    for i, j, times in ((0, 1, 60), (1, 2, 60), (1, 3, 60), (0, 2, 60), (0, 3, 60)):
        wins[i, j], wins[j, i] = times, 2
    wins[2, 3] = wins[3, 2] = 3
    chosen = choose(NAMES, wins, candidates(), 5, randomly=0)
    assert {models for models, _ in chosen} == {("c", "d")}
    assert len({name for _, name in chosen}) == 5


def test_one_pair_in_four_is_drawn_whatever_is_known() -> None:
    wins = np.zeros((4, 4))
    for i, j, times in ((0, 1, 60), (1, 2, 60), (1, 3, 60), (0, 2, 60), (0, 3, 60)):
        wins[i, j], wins[j, i] = times, 2
    wins[2, 3] = wins[3, 2] = 3
    counts = Counter(models for seed in range(120) for models, _ in choose(NAMES, wins, candidates(), 5, seed))
    others = [counts[models] for models in every_pair(NAMES) if models != ("c", "d")]
    assert sum(others) / 600 == pytest.approx(DRAWN * 5 / 6, abs=0.05)
    assert min(others) >= 12  # of 25 each, on average


def test_at_the_beginning_everybody_is_compared() -> None:
    chosen = choose(NAMES, np.zeros((4, 4)), candidates(), 8)
    assert {name for models, _ in chosen for name in models} == set(NAMES)
    assert len({name for _, name in chosen}) == 8  # another input each time


def test_the_same_again_and_another_with_another_seed() -> None:
    def first(seed: int) -> list[tuple[tuple[str, str], str]]:
        return choose(NAMES, np.zeros((4, 4)), candidates(), 6, seed)

    assert first(1) == first(1)
    assert len({tuple(first(seed)) for seed in range(5)}) > 1


def test_nothing_is_chosen_twice_until_all_is_judged() -> None:
    left = candidates(inputs=3)
    wins = some_wins()
    chosen = [one for _ in range(5) for one in choose(NAMES, wins, left, 4)]
    assert len(chosen) == len(set(chosen)) == 18
    assert len(left) == 0
    assert choose(NAMES, wins, left, 4) == []


def test_judged_inputs_are_passed_over_whether_or_not_the_run_was_interrupted() -> None:
    straight = candidates()
    first = choose(NAMES, np.zeros((4, 4)), straight, 6)
    second = choose(NAMES, some_wins(), straight, 6)
    resumed = candidates()
    for models, name in first:
        resumed.take(models, name)
    resumed.take(("a", "z"), "unknown")
    assert choose(NAMES, some_wins(), resumed, 6) == second


def test_chosen_pairs_find_the_order_sooner_than_drawn_ones() -> None:
    names = [f"d{n}" for n in range(8)]
    true = np.arange(8) * 0.5

    def wrong_after(way: str, seed: int) -> float:
        """Mean number of misplaced pairs over the second half of 240 verdicts."""
        random = np.random.default_rng(seed)
        left, wins, wrong = candidates(500, names), np.zeros((8, 8)), []
        for batch in range(15):
            share = DRAWN if way == "chosen" else 1
            for (one, other), _ in choose(names, wins, left, 16, seed, share):
                first, second = names.index(one), names.index(other)
                if random.random() > 1 / (1 + np.exp(true[second] - true[first])):
                    first, second = second, first
                wins[first, second] += 1
            found, _ = posterior(wins)
            if batch >= 7:
                wrong.append(sum(found[i] > found[j] for i in range(8) for j in range(i + 1, 8)))
        return float(np.mean(wrong))

    means = {way: np.mean([wrong_after(way, seed) for seed in range(12)]) for way in ("chosen", "drawn")}
    assert means["chosen"] < 0.8 * means["drawn"]


@pytest.mark.slow
def test_intervals_of_strengths_hold_the_truth_where_pairs_were_chosen() -> None:
    names = [f"d{n}" for n in range(6)]
    true = dict(zip(names, np.linspace(-1.5, 1.5, 6), strict=True))

    def told(seed: int, share: float) -> tuple[float, float]:
        """How many times as far apart the strengths are as the true ones; the share of intervals that hold them."""
        random = np.random.default_rng(seed)
        left, wins, judged = candidates(500, names), np.zeros((6, 6)), []
        for _ in range(20):
            batch = []
            for (one, other), name in choose(names, wins, left, 16, seed, share):
                won = random.random() < 1 / (1 + np.exp(true[other] - true[one]))
                batch.append(Judged(Pair(name, "", "", one, other), Verdict("a1" if won else "a2")))
            judged += batch
            wins += wins_of(batch, names)
        ranking = rank(judged, rounds=200, seed=seed)
        assert ranking is not None
        inside = [one.low <= true[one.name] <= one.high for one in ranking.entries if one.low and one.high]
        apart = sum(one.strength * true[one.name] for one in ranking.entries)
        return apart / sum(value**2 for value in true.values()), float(np.mean(inside))

    apart, inside = np.mean([told(seed, DRAWN) for seed in range(40)], axis=0)
    apart_undrawn, inside_undrawn = np.mean([told(seed, 0) for seed in range(40)], axis=0)
    assert apart < 1.22 < apart_undrawn
    assert inside_undrawn < 0.89 < inside
