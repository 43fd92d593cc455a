import open_clip
import pytest
import torch
from torch import Tensor

from emocap.losses.contrast import RowLoss, contrast, contrast_rows, softmax
from tests.support import objective_oracles
from tests.support.objective_oracles import unit


def rows(n: int, seed: int) -> Tensor:
    return torch.rand(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(1)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
def test_value_and_gradients_are_the_formula(n: int, scale: float) -> None:
    a, b, ab, ba = unit(n, 5, 0).requires_grad_(), unit(n, 5, 1).requires_grad_(), rows(n, 2), rows(n, 3)
    tau = torch.tensor(scale, dtype=torch.float64, requires_grad=True)
    ours, theirs = contrast(a, b, tau, ab, ba), objective_oracles.contrast(a, b, tau, ab.tolist(), ba.tolist())
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, (a, b, tau)), torch.autograd.grad(theirs, (a, b, tau)))


def test_with_the_identity_it_is_open_clips_loss() -> None:
    scale = torch.tensor(20.0, requires_grad=True)
    a, b = unit(16, 8, 0).float().requires_grad_(), unit(16, 8, 1).float().requires_grad_()
    ours = contrast(a, b, scale, torch.eye(16), torch.eye(16))
    theirs = open_clip.ClipLoss()(a, b, scale)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, (a, b, scale)), torch.autograd.grad(theirs, (a, b, scale)))


def test_both_sides_change_places() -> None:
    a, b, ab, ba = unit(6, 4, 0), unit(6, 4, 1), rows(6, 2), rows(6, 3)
    scale = torch.tensor(9.0, dtype=torch.float64)
    torch.testing.assert_close(contrast(a, b, scale, ab, ba), contrast(b, a, scale, ba, ab))


@pytest.mark.parametrize("chunk", [1, 3, 4, 11, 64])
@pytest.mark.parametrize("lazy", [False, True])
def test_in_chunks_it_is_the_same(chunk: int, lazy: bool) -> None:
    scale = torch.tensor(12.0, dtype=torch.float64, requires_grad=True)
    offset = torch.tensor(-3.0, dtype=torch.float64, requires_grad=True)
    a, b = unit(11, 5, 0).requires_grad_(), unit(13, 5, 1).requires_grad_()
    wanted = torch.rand(11, 13, generator=torch.Generator().manual_seed(4), dtype=torch.float64).softmax(1)
    wanted[2, 3] = 0

    def run(size: int) -> tuple[Tensor, ...]:
        target = (lambda part: wanted[part]) if lazy else wanted
        loss = contrast_rows(a, b, scale, target, softmax, offset, wanted * 7, size)
        return loss, *torch.autograd.grad(loss, (a, b, scale, offset))

    torch.testing.assert_close(run(chunk), run(1000))


def test_logits_and_targets_never_exist_whole() -> None:
    """No loss of a row sees more rows than a chunk, in either pass."""
    seen: list[int] = []

    def watched(logit_CN: Tensor, target_CN: Tensor) -> Tensor:
        seen.append(max(len(logit_CN), len(target_CN)))
        return softmax(logit_CN, target_CN)

    loss: RowLoss = watched
    a = unit(40, 5, 0).requires_grad_()
    group = torch.arange(40)
    scale = torch.tensor(3.0, dtype=torch.float64)
    contrast_rows(
        a, unit(40, 5, 1), scale, lambda part: (group[part, None] == group).double(), loss, chunk=8
    ).backward()
    assert seen == [8] * 10
