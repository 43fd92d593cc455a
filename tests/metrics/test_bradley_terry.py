import choix
import numpy as np
import pytest
from scipy.optimize import minimize

from emocap.metrics.arrays import Numbers
from emocap.metrics.bradley_terry import PENALTY, fit_strengths, groups, penalties


def played(seed: int, captioners: int, games: int, spread: float) -> tuple[Numbers, list[tuple[int, int]]]:
    """Wins, and for choix every game twice: a tie is a win for each."""
    random = np.random.default_rng(seed)
    true = spread * random.normal(size=captioners)
    wins, data = np.zeros((captioners, captioners)), []
    for _ in range(games):
        first, second = random.choice(captioners, 2, replace=False)
        if random.random() < 0.2:
            wins[[first, second], [second, first]] += 0.5
            data += [(first, second), (second, first)]
            continue
        if random.random() > 1 / (1 + np.exp(true[second] - true[first])):
            first, second = second, first
        wins[first, second] += 1
        data += [(first, second)] * 2
    return wins, data


def fit(wins: Numbers) -> Numbers:
    return np.asarray(fit_strengths(wins[None], penalties(wins[None]))[0])


@pytest.mark.parametrize("regularised", [False, True])
@pytest.mark.parametrize("seed", range(15))
def test_strengths_are_those_of_choix(seed: int, regularised: bool) -> None:
    captioners = 3 + seed % 6
    wins, data = played(seed, captioners, captioners + 1 if regularised else 60 + 20 * seed, [0.5, 1, 2][seed % 3])
    assert bool(penalties(wins[None])[0]) == regularised
    if regularised:
        wanted = choix.opt_pairwise(captioners, data, alpha=2 * PENALTY, tol=1e-12)  # twice the games, twice alpha
    else:
        wanted = choix.mm_pairwise(captioners, data, tol=1e-12, max_iter=1_000_000)
    assert fit(wins) == pytest.approx(wanted - wanted.mean(), abs=1e-6)
    assert fit(wins).sum() == pytest.approx(0, abs=1e-9)


def test_of_two_the_strength_is_the_log_odds_and_a_tie_is_half_a_win() -> None:
    # 3 wins, 1 loss, 2 ties: 4 to 2.
    wins = np.array([[0, 4.0], [2.0, 0]])
    first, second = fit(wins)
    assert first - second == pytest.approx(np.log(2), abs=1e-9)
    assert fit(np.array([[0, 2.5], [2.5, 0]])) == pytest.approx([0, 0], abs=1e-12)


def test_ties_by_the_formula() -> None:
    wins, _ = played(3, 5, 200, 1.0)

    def loss(free: Numbers) -> float:
        strength = np.append(free, -free.sum())
        ahead = strength[:, None] - strength[None, :]
        return float(-(wins * np.log(1 / (1 + np.exp(-ahead)))).sum())

    wanted = minimize(loss, np.zeros(4), tol=1e-12).x
    assert fit(wins)[:4] == pytest.approx(wanted, abs=1e-4)


def test_who_never_lost_is_regularised_and_finite() -> None:
    wins = np.array([[0, 5, 5.0], [0, 0, 3], [0, 2, 0]])
    assert groups(wins).max() == 1
    assert penalties(wins[None])[0] == PENALTY
    strength = fit(wins)
    assert np.isfinite(strength).all()
    assert strength[0] > strength[1] > strength[2]
    data = [(0, 1)] * 5 + [(0, 2)] * 5 + [(1, 2)] * 3 + [(2, 1)] * 2
    assert strength == pytest.approx(choix.opt_pairwise(3, data, alpha=PENALTY, tol=1e-12), abs=1e-6)


def test_groups_that_never_met_have_their_means_at_0() -> None:
    wins = np.zeros((5, 5))
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 4], wins[4, 2] = 6, 2, 5, 3, 1
    assert list(groups(wins, strong=False)) == [0, 0, 1, 1, 1]
    strength = fit(wins)
    assert strength[:2].sum() == pytest.approx(0, abs=1e-9)
    assert strength[2:].sum() == pytest.approx(0, abs=1e-9)
    # Penalised log-odds of two: 6 − 8 p = 2 · PENALTY · s, p = 1 / (1 + exp(−2 s)).
    assert 6 - 8 / (1 + np.exp(-2 * strength[0])) == pytest.approx(2 * PENALTY * strength[0], abs=1e-9)


def test_many_tables_at_once_are_one_after_the_other() -> None:
    tables = np.stack([played(seed, 4, 30, 1.0)[0] for seed in range(30)])
    penalty = penalties(tables)
    together = fit_strengths(tables, penalty)
    for place, wins in enumerate(tables):
        assert together[place] == pytest.approx(fit(wins), abs=1e-9)
    assert 0 < (penalty > 0).sum() < 30


def test_very_unequal_captioners_settle() -> None:
    wins = np.zeros((4, 4))
    for stronger, weaker, times in ((0, 1, 1e4), (1, 2, 1e4), (2, 3, 1e6)):
        wins[stronger, weaker], wins[weaker, stronger] = times, 0.5
    strength = fit(wins)
    assert -np.diff(strength) == pytest.approx(np.log([2e4, 2e4, 2e6]), abs=1e-5)
