import numpy as np
import pytest
import torch
from torch import Tensor

from emocap.evaluation.linear.losses import Loss, Sigmoid, Softmax

LABELS = torch.tensor([0, 2, 1, 1, 0])
PRESENT = torch.tensor([[1.0, 0], [0, 0], [1, 1], [0, 1], [1, 0]], dtype=torch.float64)
WEIGHT = torch.tensor([0.5, 2, 1, 0, 3], dtype=torch.float64)


def losses() -> dict[str, tuple[Loss, int]]:
    softmax = Softmax(LABELS[:, None, None], WEIGHT[:, None, None])
    return {"softmax": (softmax, 3), "sigmoid": (Sigmoid((1 - 2 * PRESENT)[..., None], WEIGHT[:, None, None]), 1)}


def plain(name: str, logit_NPK: Tensor) -> Tensor:
    if name == "softmax":
        log_p = logit_NPK.log_softmax(2)[torch.arange(5), :, LABELS]
        return -(log_p * WEIGHT[:, None]).sum(0)
    p = logit_NPK[..., 0].sigmoid()
    return -((PRESENT * p.log() + (1 - PRESENT) * (1 - p).log()) * WEIGHT[:, None]).sum(0)


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
def test_values_gradients_and_curvature_are_what_autograd_finds(name: str) -> None:
    loss, classes = losses()[name]
    logit = torch.randn(5, 2, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    direction = torch.randn(5, 2, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value, gradient, p = loss.value(logit.clone())
    logit.requires_grad_()
    (wanted,) = torch.autograd.grad(plain(name, logit).sum(), logit, create_graph=True)
    assert torch.allclose(value, plain(name, logit))
    assert torch.allclose(gradient, wanted)
    (curved,) = torch.autograd.grad((wanted * direction).sum(), logit, retain_graph=True)
    assert torch.allclose(loss.curve(p, direction.clone()), curved)
    rows = [torch.autograd.grad(one, logit, retain_graph=True)[0] for one in wanted.flatten()]
    hessian = torch.stack(rows).view(5, 2, classes, 5, 2, classes)
    for problem in range(2):
        mean = torch.stack([hessian[n, problem, :, n, problem] for n in range(5)]).mean(0)
        assert torch.allclose(loss.mean_curve(p)[problem], mean)


def test_without_features_the_best_are_the_shares() -> None:
    share = np.array([3.5, 1, 2]) / 6.5
    loss, _ = losses()["softmax"]
    assert float(loss.null()) == pytest.approx(-6.5 * (share * np.log(share)).sum())
    loss, _ = losses()["sigmoid"]
    wanted = [-(4.5 * np.log(4.5 / 6.5) + 2 * np.log(2 / 6.5)), -(1 * np.log(1 / 6.5) + 5.5 * np.log(5.5 / 6.5))]
    assert loss.null().tolist() == pytest.approx(wanted)


def test_what_lacks_of_certainty_is_exact() -> None:
    """In single precision 1 − p would be 0 from a margin of 17 on."""
    loss = Softmax(torch.tensor([0])[:, None, None], torch.ones(1, 1, 1))
    value, gradient, _ = loss.value(torch.tensor([[[30.0, 0.0]]]))
    assert float(value) == pytest.approx(np.exp(-30), rel=1e-5)
    assert gradient.flatten().tolist() == pytest.approx([-np.exp(-30), np.exp(-30)], rel=1e-5)
    far, _, _ = loss.value(torch.tensor([[[-500.0, 0.0]]]))
    assert float(far) == pytest.approx(500)
