"""Bradley-Terry: from who won against whom to a strength for everybody.

P(i is preferred to j) = 1 / (1 + exp(s_j − s_i)) (Bradley and Terry, 1952), the strengths s adding up to 0; the π of
the paper is exp(s). A tie is half a win for both (our reading: the authors' variant was not found). The maximum of the
likelihood is finite and unique where everybody can be reached from everybody by wins (Ford, 1957). Only where that
does not hold is −PENALTY · Σ s² added to the log-likelihood, which is choix's ``opt_pairwise`` with that ``alpha``: a
normal prior of variance 1 / (2 · PENALTY). Who never lost is then strong, and not infinitely so; of groups that were
never compared with each other, each has its mean at 0, and who is ahead across them is not known.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from emocap.metrics.arrays import Numbers

PENALTY = 0.1
_STEPS = 200
_DONE = 1e-12
"""Of the largest entry of the gradient, per comparison."""


def groups(wins_MM: Numbers, strong: bool = True) -> npt.NDArray[np.int64]:
    """The number of the group that each of M captioners is in.

    strong: within a group everybody can be reached from everybody by wins; else by comparisons, however they ended.
    """
    graph = csr_array(wins_MM > 0)
    return np.asarray(connected_components(graph, directed=True, connection="strong" if strong else "weak")[1])


def penalties(wins_RMM: Numbers) -> Numbers:
    """What each of R tables of wins has to be regularised by: 0, or PENALTY where it is not strongly connected."""
    return np.array([PENALTY if groups(wins_MM).any() else 0.0 for wins_MM in wins_RMM])


def fit_strengths(wins_RMM: Numbers, penalty_R: Numbers) -> Numbers:
    """R×M: the strengths in each of R tables of wins, of mean 0, by Newton's method with halved steps.

    wins_RMM: how often the first was preferred to the second; the diagonal is 0. penalty_R: see ``penalties``; only a
    strongly connected table may have none.
    """
    tables, count = wins_RMM.shape[:2]
    compared_RMM = wins_RMM + wins_RMM.swapaxes(1, 2)
    won_RM = wins_RMM.sum(2)
    scale_R = np.maximum(1.0, compared_RMM.sum((1, 2)) / 2)
    # From anywhere else a step may lead to where everything is all but certain, and the Hessian singular.
    strength_RM = np.zeros((tables, count))
    # The likelihood does not change when everybody gains as much: this fills the Hessian's null space.
    level_MM = np.ones((count, count))
    value_R = _loss(strength_RM, wins_RMM, penalty_R)
    for _ in range(_STEPS):
        chance_RMM = _chance(strength_RM)
        gradient_RM = (compared_RMM * chance_RMM).sum(2) - won_RM + 2 * penalty_R[:, None] * strength_RM
        if (np.abs(gradient_RM).max(1, initial=0.0) <= _DONE * scale_R).all():
            break
        weight_RMM = compared_RMM * chance_RMM * chance_RMM.swapaxes(1, 2)
        diagonal_RM = weight_RMM.sum(2) + 2 * penalty_R[:, None]
        hessian_RMM = np.eye(count) * diagonal_RM[:, None, :] - weight_RMM + level_MM
        step_RM = np.linalg.solve(hessian_RMM, gradient_RM[:, :, None])[:, :, 0]
        length_R = np.ones(tables)
        slope_R = (gradient_RM * step_RM).sum(1)
        for _ in range(50):
            tried_RM = strength_RM - length_R[:, None] * step_RM
            tried_R = _loss(tried_RM, wins_RMM, penalty_R)
            # What rounding adds to a loss must not keep the last, smallest steps from being taken.
            worse_R = tried_R > value_R - 1e-4 * length_R * slope_R + 1e-13 * (np.abs(value_R) + scale_R)
            if not worse_R.any():
                break
            length_R[worse_R] /= 2
        strength_RM, value_R = tried_RM - tried_RM.mean(1, keepdims=True), tried_R
    else:
        raise ArithmeticError(f"strengths did not settle within {_STEPS} steps")
    return strength_RM


def _chance(strength_RM: Numbers) -> Numbers:
    """R×M×M: that the first is preferred to the second."""
    return np.asarray(0.5 * (1 + np.tanh((strength_RM[:, :, None] - strength_RM[:, None, :]) / 2)))


def _loss(strength_RM: Numbers, wins_RMM: Numbers, penalty_R: Numbers) -> Numbers:
    ahead_RMM = strength_RM[:, :, None] - strength_RM[:, None, :]
    loss_R = (wins_RMM * np.logaddexp(0.0, -ahead_RMM)).sum((1, 2))
    return np.asarray(loss_R + penalty_R * (strength_RM**2).sum(1))
