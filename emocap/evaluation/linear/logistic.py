"""Logistic regression on frozen features, at many strengths of regularisation at once.

The objective at each C is scikit-learn's, C · Σᵢ wᵢ · lossᵢ + ½‖W‖², the intercept not penalised; the loss is softmax
cross-entropy over K classes, or the sigmoid's for each of K things that are there or not. It is convex, and solved by
Newton's method whose linear systems are solved by conjugate gradients (Lin, Weng & Keerthi, 2008), with three turns:

- features are turned into the eigenbasis of their covariance, which leaves ‖W‖² as it is;
- there, C · N · A ⊗ Λ + 1 is close to the Hessian: Λ, the covariance, is diagonal, and A, K×K, is the mean over the
  examples of diag(p) − ppᵀ (Böhning, 1992, has a bound of this shape). It is the preconditioner, and costs nothing;
- all C are solved together, so that every product with the features is one large product of matrices, and every
  second C begins between its neighbours, which are solved before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emocap.core.errors import UserError
from emocap.evaluation.linear.losses import Loss, Sigmoid, Softmax

GRID = tuple(float(c) for c in np.logspace(-6, 5, 45))
"""C, the inverse strength of L2, from the strongest: 45 steps as CLIP and DINOv2 sweep."""

_TOLERANCE, _ROUNDING = 1e-6, 1e-10
"""A fit is done when a last Newton step lowers its objective by less than this share of it, and of what the features
have lowered it by, which is far less at small C; or by what is but rounding."""
_NEWTON, _CG = 100, 200
_FORCING = 0.25
_STRIDE = 4
"""Every n-th C is solved from zero; the others start between solved neighbours."""
_SINGLE_FROM = 4_000_000
"""Numbers from which single precision is used: below, double costs no time that anybody notices."""
_CELLS = 60_000_000
"""Examples × C × K that are worked on at once, to bound the memory: about six tables of this many numbers."""


@dataclass(frozen=True)
class Fits:
    """Linear models in double precision, for each C one of K classes or K apart."""

    weight_GDK: Tensor
    intercept_GK: Tensor
    objective_G: npt.NDArray[np.float64]
    """Summed over the K where they are apart."""
    products: int
    """How many times features were multiplied, there and back."""

    def logits(self, feature_MD: npt.NDArray[np.float32], place: int) -> npt.NDArray[np.float64]:
        """M×K at the C of this place in the grid."""
        feature = torch.as_tensor(feature_MD).to(self.weight_GDK)
        logit: npt.NDArray[np.float64] = (feature @ self.weight_GDK[place] + self.intercept_GK[place]).cpu().numpy()
        return logit


@dataclass(frozen=True)
class _Problems:
    """P problems on the same features, in their eigenbasis, with a last column of ones."""

    feature_NR: Tensor
    variance_R: Tensor
    ridge_R: Tensor
    """1, and 0 for the ones."""

    def solve(self, loss: Loss, c_P: Tensor, weight_RPK: Tensor) -> tuple[Tensor, Tensor, int]:
        """Solutions R×P×K from a beginning; their objectives; and how many products were made, there and back."""
        weight_RPK, products = weight_RPK.clone(), 0
        objective_P = torch.zeros_like(c_P)
        left_P = torch.arange(len(c_P), device=c_P.device)
        w, c, own = weight_RPK, c_P, loss
        logit_NPK = self._forth(w)
        value_P, gradient_NPK, p_NPK = own.value(logit_NPK)
        f_P = c * value_P + self._norm(w, w) / 2
        for _ in range(_NEWTON):
            gradient_RPK = self._back(gradient_NPK, c, w)
            step, step_NPK, gain_P, used = self._cg(own, p_NPK, c, gradient_RPK)
            products += 1 + used
            slope_P = (gradient_RPK * step).sum((0, 2), dtype=torch.float64)
            w_step_P, step_step_P, w_w_P = self._norm(w, step), self._norm(step, step), self._norm(w, w)
            length_P = torch.ones_like(f_P)
            while True:  # shorter steps, until none of them is too long
                tried_NPK = logit_NPK + step_NPK * length_P[:, None].to(step_NPK)
                value_P, gradient_NPK, p_NPK = own.value(tried_NPK)
                norm_P = w_w_P + 2 * length_P * w_step_P + length_P**2 * step_step_P
                tried_P = c * value_P + norm_P / 2
                worse_P = tried_P > f_P + 1e-4 * length_P * slope_P + 1e-7 * f_P
                if not worse_P.any():
                    break
                length_P = torch.where(worse_P, length_P / 2, length_P)
            w = w + step * length_P[:, None].to(step)
            f_P, logit_NPK = tried_P, tried_NPK
            weight_RPK[:, left_P], objective_P[left_P] = w, f_P
            enough_P = torch.maximum(_TOLERANCE * torch.minimum(c * own.null() - f_P, f_P), _ROUNDING * f_P)
            going_P = torch.nonzero((gain_P > enough_P) | (length_P < 1))[:, 0]
            if not len(going_P):
                break
            if len(going_P) < len(left_P):
                left_P, w, c, f_P = left_P[going_P], w[:, going_P], c[going_P], f_P[going_P]
                own = loss.of(left_P)
                logit_NPK, gradient_NPK, p_NPK = (t[:, going_P] for t in (logit_NPK, gradient_NPK, p_NPK))
        return weight_RPK, objective_P, products

    def _cg(self, loss: Loss, p_NPK: Tensor, c_P: Tensor, gradient_RPK: Tensor) -> tuple[Tensor, Tensor, Tensor, int]:
        """A Newton step, the change of the logits by it, and by how much it lowers the quadratic model."""
        eigenvalue_PK, basis_PKK = torch.linalg.eigh(loss.mean_curve(p_NPK))
        scale_PK = c_P[:, None] * len(p_NPK) * eigenvalue_PK.clamp(min=0)
        curve_RPK = scale_PK * self.variance_R[:, None, None] + self.ridge_R[:, None, None]
        # Moving all classes alike changes no loss: what is left of a gradient there is rounding, which C multiplies.
        flat_PK = eigenvalue_PK <= 1e-12 * eigenvalue_PK.amax(1, keepdim=True)
        inverse_RPK = torch.where(flat_PK, 0.0, 1 / curve_RPK).to(p_NPK)
        basis_PKK = basis_PKK.to(p_NPK)

        def precondition(r_RPK: Tensor) -> Tensor:
            turned_PRK = r_RPK.transpose(0, 1) @ basis_PKK
            z_RPK: Tensor = ((turned_PRK * inverse_RPK.transpose(0, 1)) @ basis_PKK.mT).transpose(0, 1)
            return z_RPK - z_RPK.mean(2, keepdim=True) if z_RPK.shape[2] > 1 else z_RPK

        step_RPK, step_NPK = torch.zeros_like(gradient_RPK), torch.zeros_like(p_NPK)
        r_RPK = -gradient_RPK
        z_RPK = precondition(r_RPK)
        direction_RPK = z_RPK
        rz_P = (r_RPK * z_RPK).sum((0, 2), dtype=torch.float64)
        gain_P, going_P = torch.zeros_like(c_P), rz_P > 0
        for used in range(1, _CG + 1):
            direction_NPK = self._forth(direction_RPK)
            curved_RPK = self._back(loss.curve(p_NPK, direction_NPK.clone()), c_P, direction_RPK)
            bend_P = (direction_RPK * curved_RPK).sum((0, 2), dtype=torch.float64)
            alpha_P = torch.where(going_P & (bend_P > 0), rz_P / bend_P, 0.0)
            alpha_P1 = alpha_P[:, None].to(p_NPK)
            step_RPK += alpha_P1 * direction_RPK
            step_NPK += alpha_P1 * direction_NPK
            r_RPK = r_RPK - alpha_P1 * curved_RPK
            gained_P = alpha_P * rz_P / 2
            gain_P = gain_P + gained_P
            # Nash and Sofer (1990): enough, where going on would lower the model by little more.
            going_P &= used * gained_P > _FORCING * gain_P
            if not going_P.any():
                break
            z_RPK = precondition(r_RPK)
            next_P = (r_RPK * z_RPK).sum((0, 2), dtype=torch.float64)
            direction_RPK = z_RPK + (next_P / rz_P)[:, None].to(z_RPK) * direction_RPK
            rz_P = next_P
        return step_RPK, step_NPK, gain_P, used

    def _forth(self, weight_RPK: Tensor) -> Tensor:
        logit_NPK = (self.feature_NR @ weight_RPK.flatten(1)).view(len(self.feature_NR), *weight_RPK.shape[1:])
        return logit_NPK

    def _back(self, change_NPK: Tensor, c_P: Tensor, weight_RPK: Tensor) -> Tensor:
        back_RPK = (self.feature_NR.T @ change_NPK.flatten(1)).view_as(weight_RPK)
        return back_RPK * c_P[:, None].to(back_RPK) + self.ridge_R[:, None, None].to(back_RPK) * weight_RPK

    def _norm(self, a_RPK: Tensor, b_RPK: Tensor) -> Tensor:
        return (a_RPK[:-1] * b_RPK[:-1]).sum((0, 2), dtype=torch.float64)


def softmax(
    feature_ND: npt.NDArray[np.float32],
    label_N: npt.NDArray[np.int64],
    classes: int,
    grid: Sequence[float] = GRID,
    weight_N: npt.NDArray[np.float64] | None = None,
    device: str = "cpu",
) -> Fits:
    """One model of K classes per C, from the smallest C. label_N: 0 to K − 1; weight_N: of each example, None: all 1.

    Of two classes scikit-learn has a single column of weights: that is :func:`sigmoid`. A class without examples has
    the probability 0. Raises UserError where a feature is no number.
    """
    problems, back = _turned(feature_ND, device)
    weight = torch.ones(len(label_N)) if weight_N is None else torch.as_tensor(weight_N)
    occurring, label = np.unique(label_N, return_inverse=True)
    label_N11 = torch.as_tensor(label, device=device)[:, None, None]
    loss = Softmax(label_N11, weight.to(problems.feature_NR)[:, None, None])
    found_RGK, objective_G, products = _along(problems, loss, grid, len(occurring), apart=False)
    weight_GDK, intercept_GK = back(found_RGK)
    all_GDK = torch.zeros(len(grid), feature_ND.shape[1], classes, dtype=torch.float64, device=device)
    all_GK = torch.full((len(grid), classes), -torch.inf, dtype=torch.float64, device=device)
    all_GDK[..., occurring], all_GK[..., occurring] = weight_GDK, intercept_GK
    return Fits(all_GDK, all_GK, objective_G, products)


def sigmoid(
    feature_ND: npt.NDArray[np.float32],
    present_NK: npt.NDArray[np.int64],
    grid: Sequence[float] = GRID,
    weight_NK: npt.NDArray[np.float64] | None = None,
    device: str = "cpu",
) -> Fits:
    """K models apart per C, from the smallest C: whether each of K things is there, 1, or not, 0.

    weight_NK: of each example for each, 0 where nothing is known of it; None: all 1. Raises UserError where a feature
    is no number.
    """
    problems, back = _turned(feature_ND, device)
    weight = torch.ones(present_NK.shape) if weight_NK is None else torch.as_tensor(weight_NK)
    sign_NK = torch.as_tensor(1 - 2 * present_NK).to(problems.feature_NR)
    loss = Sigmoid(sign_NK[..., None], weight.to(problems.feature_NR)[..., None])
    found_RGK, objective_G, products = _along(problems, loss, grid, present_NK.shape[1], apart=True)
    return Fits(*back(found_RGK), objective_G, products)


def _along(
    problems: _Problems, loss: Loss, grid: Sequence[float], classes: int, apart: bool
) -> tuple[Tensor, npt.NDArray[np.float64], int]:
    """Solutions R×G×K at every C, their objectives, and how many products it took."""
    feature_NR, logs = problems.feature_NR, np.log(grid)
    found_RGK = torch.zeros(feature_NR.shape[1], len(grid), classes).to(feature_NR)
    objective_G, products, done = np.zeros(len(grid)), 0, np.zeros(len(grid), dtype=bool)
    at_once = max(1, _CELLS // (len(feature_NR) * classes))
    for stride in (_STRIDE, *(_STRIDE >> n for n in range(1, _STRIDE.bit_length()))):
        places = [p for p in range(len(grid)) if not done[p] and (p % stride == 0 or p == len(grid) - 1)]
        solved = np.flatnonzero(done)
        for p in places if len(solved) else ():
            low, high = solved[solved < p].max(), solved[solved > p].min()
            share = float((logs[p] - logs[low]) / (logs[high] - logs[low]))
            found_RGK[:, p] = torch.lerp(found_RGK[:, low], found_RGK[:, high], share)
        for some in (places[first : first + at_once] for first in range(0, len(places), at_once)):
            c_P = torch.tensor([grid[p] for p in some], dtype=torch.float64, device=feature_NR.device)
            start_RPK, own = found_RGK[:, some], loss
            if apart:
                own = loss.of(torch.arange(classes, device=c_P.device).repeat(len(some)))
                c_P, start_RPK = c_P.repeat_interleave(classes), start_RPK.flatten(1)[..., None]
            solution_RPK, objective_P, used = problems.solve(own, c_P, start_RPK)
            found_RGK[:, some] = solution_RPK.view(len(solution_RPK), len(some), classes)
            objective_G[some] = objective_P.view(len(some), -1).sum(1).cpu().numpy()
            products += used
        done[places] = True
    return found_RGK, objective_G, products


def _turned(
    feature_ND: npt.NDArray[np.float32], device: str
) -> tuple[_Problems, Callable[[Tensor], tuple[Tensor, Tensor]]]:
    """The problems in the eigenbasis of the features' covariance, and the way back: to G×D×K and intercepts G×K."""
    feature = torch.as_tensor(feature_ND, device=device)
    if not feature.isfinite().all():
        raise UserError("there are features that are no numbers: a probe cannot be fitted on them")
    centred_ND = feature.double()
    mean_D = centred_ND.mean(0)
    centred_ND -= mean_D
    if len(feature) <= feature.shape[1]:  # what is orthogonal to all examples stays 0
        _, singular_R, turn_RD = torch.linalg.svd(centred_ND, full_matrices=False)
        variance_R, turn_DR = singular_R**2 / len(feature), turn_RD.T
    else:
        variance_R, turn_DR = torch.linalg.eigh(centred_ND.T @ centred_ND / len(feature))
    one = torch.ones_like(mean_D[:1])
    turned_NR = torch.cat([centred_ND @ turn_DR, one.expand(len(feature), 1)], dim=1)

    def back(found_RGK: Tensor) -> tuple[Tensor, Tensor]:
        found = found_RGK.double()
        weight_GDK = torch.einsum("dr,rgk->gdk", turn_DR, found[:-1])
        return weight_GDK, found[-1] - torch.einsum("d,gdk->gk", mean_D, weight_GDK)

    precision = torch.float32 if feature.numel() >= _SINGLE_FROM else torch.float64
    variances = torch.cat([variance_R.clamp(min=0), one])
    ridge_R = torch.cat([torch.ones_like(variance_R), 0 * one])
    return _Problems(turned_NR.to(precision), variances, ridge_R), back
