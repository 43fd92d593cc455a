import pytest
import torch
from torch import Tensor

from emocap.losses.contrast import RowLoss, contrast_rows
from emocap.losses.contrasts.multi_instance import multi_instance
from emocap.losses.contrasts.sigmoid import sigmoid
from tests.support import objective_oracles
from tests.support.objective_oracles import unit

TARGETS = [[0.5, 0, 0.5, 0], [0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0.1, 0.9]]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("kind", ["sigmoid", "multi_instance"])
@pytest.mark.parametrize("n", [1, 4])
def test_value_and_gradients_are_the_formula(kind: str, n: int) -> None:
    losses: dict[str, RowLoss] = {"sigmoid": sigmoid, "multi_instance": multi_instance}
    a, b = unit(n, 3, 0).requires_grad_(), unit(n, 3, 1).requires_grad_()
    scale, bias = torch.tensor(8.0, requires_grad=True), torch.tensor(-10.0, requires_grad=True)
    wanted = torch.tensor(TARGETS)[-n:, -n:]

    def ours(query: Tensor, candidate: Tensor, target: Tensor) -> Tensor:
        return contrast_rows(query, candidate, scale, target, losses[kind], bias, chunk=3)

    loss = (ours(a, b, wanted) + ours(b, a, wanted.T.contiguous())) / (2 * n)
    theirs = objective_oracles.contrast(a, b, scale, wanted.tolist(), wanted.T.tolist(), kind, bias)
    torch.testing.assert_close(loss, theirs)
    leaves = (a, b, scale, bias)
    torch.testing.assert_close(torch.autograd.grad(loss, leaves), torch.autograd.grad(theirs, leaves))


def test_the_sigmoid_is_open_clips_siglip_loss() -> None:
    from open_clip.loss import SigLipLoss

    a, b = unit(6, 4, 0).float(), unit(6, 4, 1).float()
    scale, bias = torch.tensor(10.0), torch.tensor(-10.0)
    ours = contrast_rows(a, b, scale, torch.eye(6), sigmoid, bias) / 6
    torch.testing.assert_close(ours, SigLipLoss()(a, b, scale, bias))


def test_one_near_positive_is_enough() -> None:
    near, far = torch.tensor([[9.0, -9.0, 0.0]]), torch.tensor([[9.0, 8.0, 0.0]])
    mask = torch.tensor([[0.5, 0.5, 0.0]])
    torch.testing.assert_close(multi_instance(near, mask), torch.tensor(0.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(multi_instance(far, mask), torch.tensor(0.0), atol=1e-3, rtol=0)
