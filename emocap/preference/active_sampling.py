"""Which pairs to judge next, where not all can be.

Comparing M captioners on N inputs takes N · M (M − 1) / 2 verdicts, most of which say again what is known. Chosen is
the pair of captioners whose next verdict is expected to tell most about the order (our reading of active ranking): the
strengths are held to be normal around their estimate (Laplace), and what is to fall is Σ H(P(i is ahead of j)) over
all i < j, with H the binary entropy. What one verdict would do to estimate and covariance is known in closed form, so
that every candidate is weighed without a fit. Within a batch the covariance shrinks as if the verdicts chosen so far
had come out as expected; the estimate waits for the real ones.

One pair in four is drawn instead. Who seems clearly ahead after a few lucky verdicts would not be compared again, and
the luck would stay in the estimate, so that strengths came out too far apart (Nie et al., 2018, "Why adaptively
collected data have negative bias and how to correct for it"); drawn pairs wash it out.

The input is one on which the two were not compared yet, taken from those that were looked at least: verdicts on the
same input are not independent.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.special import entr, ndtr

from emocap.metrics.arrays import Numbers
from emocap.metrics.bradley_terry import PENALTY, fit_strengths

DRAWN = 0.25
"""How often a pair is drawn: with none, intervals of strengths hold the truth too seldom (perf/ranking.py)."""
Models = tuple[str, str]


class Candidates:
    """The pairs that were not judged yet: for each two captioners the inputs that both have described."""

    def __init__(self, inputs: dict[Models, list[str]], seed: int) -> None:
        """inputs: by two captioners, each two of them in one order. The seed decides which of equals comes first."""
        random = np.random.default_rng(seed)
        self._left = {
            models: dict.fromkeys(names[place] for place in random.permutation(len(names)))
            for models, names in inputs.items()
        }
        self._looked: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    @property
    def open(self) -> list[Models]:
        """Every two captioners that have an input left."""
        return [models for models, names in self._left.items() if names]

    def take(self, models: Models, name: str) -> None:
        """The pair is judged, or is about to be; it need not have been among the candidates."""
        self._left.get(models, {}).pop(name, None)
        self._looked[name] += 1

    def least_looked(self, models: Models) -> str:
        """Of the inputs left to two captioners, one with the fewest verdicts on it."""
        names = self._left[models]
        least, fewest = "", -1
        for name in names:
            if (looked := self._looked[name]) < fewest or fewest < 0:
                least, fewest = name, looked
            if not looked:
                break
        return least


def choose(
    captioners: Sequence[str],
    wins_MM: Numbers,
    candidates: Candidates,
    count: int,
    seed: int = 0,
    randomly: float = DRAWN,
) -> list[tuple[Models, str]]:
    """Up to ``count`` pairs to judge next, two captioners and an input each; they are taken from the candidates.

    wins_MM: how often the first of M captioners was preferred to the second so far. randomly: the share of pairs that
    are drawn and not chosen. The seed decides which these are, and which of equals comes first.
    """
    place = {name: number for number, name in enumerate(captioners)}
    strength_M, covariance_MM = posterior(wins_MM)
    chosen: list[tuple[Models, str]] = []
    while len(chosen) < count and (models_K := candidates.open):
        first_K, second_K = np.array([[place[name] for name in models] for models in models_K]).T
        # By the number of verdicts, so that a run that was stopped within a batch draws the same pairs.
        random = np.random.default_rng([seed, int(2 * wins_MM.sum()) + 2 * len(chosen)])
        if random.random() < randomly:
            pick = int(random.integers(len(models_K)))
        else:
            gain_K = information(strength_M, covariance_MM, first_K, second_K)
            pick = int((gain_K + 1e-12 * random.random(len(gain_K))).argmax())
        name = candidates.least_looked(models_K[pick])
        candidates.take(models_K[pick], name)
        chosen.append((models_K[pick], name))
        covariance_MM = _after(strength_M, covariance_MM, first_K[pick], second_K[pick])
    return chosen


def posterior(wins_MM: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and covariance of the strengths: the regularised estimate, and the inverse Hessian there."""
    strength_M = fit_strengths(wins_MM[None], np.array([PENALTY]))[0]
    chance_MM = 1 / (1 + np.exp(strength_M[None, :] - strength_M[:, None]))
    weight_MM = (wins_MM + wins_MM.T) * chance_MM * chance_MM.T
    hessian_MM = np.diag(weight_MM.sum(1) + 2 * PENALTY) - weight_MM
    return strength_M, np.linalg.inv(hessian_MM)


def information(strength_M: Numbers, covariance_MM: Numbers, first_K: Numbers, second_K: Numbers) -> Numbers:
    """How far, in nats, the uncertainty of the order is expected to fall by one verdict on each of K candidates.

    With p the chance that the first is preferred, w = p (1 − p), d the difference of the two and v its variance, a
    verdict y moves the mean by cov(·, d) (y − p) / (1 + w v) and takes w cov(·, d)² / (1 + w v) off the variances.
    """
    one_P, other_P = np.triu_indices(len(strength_M), 1)
    towards_MK = covariance_MM[:, first_K] - covariance_MM[:, second_K]
    variance_K = towards_MK[first_K, np.arange(len(first_K))] - towards_MK[second_K, np.arange(len(first_K))]
    chance_K = 1 / (1 + np.exp(strength_M[second_K] - strength_M[first_K]))
    weight_K = chance_K * (1 - chance_K)
    gap_P = strength_M[one_P] - strength_M[other_P]
    spread_P = covariance_MM[one_P, one_P] + covariance_MM[other_P, other_P] - 2 * covariance_MM[one_P, other_P]
    towards_PK = towards_MK[one_P] - towards_MK[other_P]
    shrunk_K = 1 + weight_K * variance_K
    spread_PK = np.maximum(spread_P[:, None] - weight_K / shrunk_K * towards_PK**2, 1e-12)
    after_K = np.zeros(len(first_K))
    for moved_K, chance in ((1 - chance_K, chance_K), (-chance_K, 1 - chance_K)):
        gap_PK = gap_P[:, None] + towards_PK * (moved_K / shrunk_K)
        after_K += chance * _entropy(ndtr(gap_PK / np.sqrt(spread_PK))).sum(0)
    return np.asarray(_entropy(ndtr(gap_P / np.sqrt(spread_P))).sum() - after_K)


def _after(strength_M: Numbers, covariance_MM: Numbers, first: int, second: int) -> Numbers:
    """The covariance once the two were compared, the estimate being what it is."""
    towards_M = covariance_MM[:, first] - covariance_MM[:, second]
    chance = 1 / (1 + np.exp(strength_M[second] - strength_M[first]))
    weight = chance * (1 - chance)
    taken_MM = np.outer(towards_M, towards_M) * weight / (1 + weight * (towards_M[first] - towards_M[second]))
    return np.asarray(covariance_MM - taken_MM)


def _entropy(chance: Numbers) -> Numbers:
    return np.asarray(entr(chance) + entr(1 - chance))
