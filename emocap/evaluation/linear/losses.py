"""The losses of logistic regression over many problems at once: values, gradients and curvature by the logits."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """A loss over logits N×P×K: of P problems at once, K classes each."""

    def of(self, problem_P: Tensor) -> "Loss":
        """The loss of these problems alone."""
        ...

    def null(self) -> Tensor:
        """Σᵢ wᵢ lossᵢ of each problem at its best without features, in double precision; one where all are alike."""
        ...

    def value(self, logit_NPK: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Σᵢ wᵢ lossᵢ of each problem in double precision, its gradient by the logits, and probabilities."""
        ...

    def curve(self, p_NPK: Tensor, direction_NPK: Tensor) -> Tensor:
        """The Hessian by the logits, times a direction, which it may overwrite."""
        ...

    def mean_curve(self, p_NPK: Tensor) -> Tensor:
        """The mean Hessian by the logits over the examples, P×K×K, in double precision."""
        ...


@dataclass(frozen=True)
class Softmax:
    """Cross-entropy over K classes, the same labels for every problem."""

    label_N11: Tensor
    weight_N11: Tensor

    def of(self, problem_P: Tensor) -> Loss:
        """See :class:`Loss`."""
        return self

    def null(self) -> Tensor:
        """See :class:`Loss`."""
        weight_N = self.weight_N11[:, 0, 0].double()
        share_K = torch.bincount(self.label_N11[:, 0, 0], weights=weight_N) / weight_N.sum()
        entropy: Tensor = torch.special.entr(share_K).sum()
        return entropy * weight_N.sum()

    def value(self, logit_NPK: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See :class:`Loss`."""
        own_NP1 = self.label_N11.expand(-1, logit_NPK.shape[1], 1)
        p_NPK = logit_NPK - logit_NPK.amax(2, keepdim=True)
        shifted_NP1 = p_NPK.gather(2, own_NP1)
        # The others are summed apart from the own class: what it lacks of 1 is exact however little that is.
        others_NP1 = p_NPK.exp_().scatter(2, own_NP1, 0.0).sum(2, keepdim=True)
        e_NP1 = shifted_NP1.exp()
        loss_NP1 = torch.log1p((e_NP1 - 1) + others_NP1) - shifted_NP1
        total_NP1 = others_NP1 + e_NP1
        p_NPK /= total_NP1
        gradient_NPK = p_NPK.scatter(2, own_NP1, -others_NP1 / total_NP1).mul_(self.weight_N11)
        return (loss_NP1 * self.weight_N11).sum((0, 2), dtype=torch.float64), gradient_NPK, p_NPK

    def curve(self, p_NPK: Tensor, direction_NPK: Tensor) -> Tensor:
        """See :class:`Loss`."""
        mean_NP1 = (p_NPK * direction_NPK).sum(2, keepdim=True)
        return direction_NPK.sub_(mean_NP1).mul_(p_NPK).mul_(self.weight_N11)

    def mean_curve(self, p_NPK: Tensor) -> Tensor:
        """See :class:`Loss`."""
        p_PKN = p_NPK.permute(1, 2, 0)
        weighted_PKN = p_PKN * self.weight_N11[:, 0, 0]
        curve_PKK = torch.diag_embed(weighted_PKN.sum(2)) - weighted_PKN @ p_PKN.mT
        # Probabilities sum to 1 but for rounding: without it, moving all classes alike changes nothing.
        centre_KK = torch.eye(p_NPK.shape[2], device=p_NPK.device, dtype=torch.float64) - 1 / p_NPK.shape[2]
        return centre_KK @ curve_PKK.double() @ centre_KK / len(p_NPK)


@dataclass(frozen=True)
class Sigmoid:
    """Whether one thing is there, each problem with labels of its own; K is 1."""

    sign_NP1: Tensor
    """-1 where present, 1 where absent."""
    weight_NP1: Tensor

    def of(self, problem_P: Tensor) -> Loss:
        """See :class:`Loss`."""
        return Sigmoid(self.sign_NP1[:, problem_P], self.weight_NP1[:, problem_P])

    def null(self) -> Tensor:
        """See :class:`Loss`."""
        weight_NP, absent_NP = self.weight_NP1[..., 0].double(), self.sign_NP1[..., 0] > 0
        total_P = weight_NP.sum(0).clamp(min=1e-300)
        share_P = (weight_NP * absent_NP).sum(0) / total_P
        entropy_P: Tensor = torch.special.entr(share_P) + torch.special.entr(1 - share_P)
        return entropy_P * total_P

    def value(self, logit_NPK: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See :class:`Loss`."""
        wrong_NPK = logit_NPK * self.sign_NP1
        loss_NPK = torch.nn.functional.softplus(wrong_NPK, threshold=50.0).mul_(self.weight_NP1)
        p_NPK = wrong_NPK.sigmoid_()
        return loss_NPK.sum((0, 2), dtype=torch.float64), p_NPK * self.sign_NP1 * self.weight_NP1, p_NPK

    def curve(self, p_NPK: Tensor, direction_NPK: Tensor) -> Tensor:
        """See :class:`Loss`."""
        return direction_NPK.mul_(p_NPK).mul_(1 - p_NPK).mul_(self.weight_NP1)

    def mean_curve(self, p_NPK: Tensor) -> Tensor:
        """See :class:`Loss`."""
        return (p_NPK * (1 - p_NPK) * self.weight_NP1).double().mean(0)[..., None]
