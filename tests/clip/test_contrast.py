import math

import open_clip
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.clip.contrast import contrast, contrast_groups
from emocap.clip.mining import same


def unit(n: int, d: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1)


def rows(n: int, seed: int) -> Tensor:
    return torch.rand(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(1)


def oracle(a: Tensor, b: Tensor, scale: float, ab: Tensor, ba: Tensor) -> float:
    """Equation (2), a sum at a time."""
    n, total = len(a), 0.0
    for i in range(n):
        forth = [scale * float(a[i] @ b[k]) for k in range(n)]
        back = [scale * float(b[i] @ a[k]) for k in range(n)]
        for j in range(n):
            total += float(ab[i, j]) * (forth[j] - math.log(sum(math.exp(x) for x in forth)))
            total += float(ba[i, j]) * (back[j] - math.log(sum(math.exp(x) for x in back)))
    return -total / (2 * n)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
def test_the_value_is_the_formula(n: int, scale: float) -> None:
    a, b, ab, ba = unit(n, 5, 0), unit(n, 5, 1), rows(n, 2), rows(n, 3)
    value = contrast(a, b, torch.tensor(scale, dtype=torch.float64), ab, ba)
    assert float(value) == pytest.approx(oracle(a, b, scale, ab, ba), rel=1e-9, abs=1e-12)


def test_with_the_identity_it_is_open_clips_loss() -> None:
    scale = torch.tensor(20.0, requires_grad=True)
    a, b = unit(16, 8, 0).float().requires_grad_(), unit(16, 8, 1).float().requires_grad_()
    ours = contrast(a, b, scale, torch.eye(16), torch.eye(16))
    gradients = torch.autograd.grad(ours, (a, b, scale))
    theirs = open_clip.ClipLoss()(a, b, scale)
    for ours_, theirs_ in zip(gradients, torch.autograd.grad(theirs, (a, b, scale)), strict=True):
        torch.testing.assert_close(ours_, theirs_)
    torch.testing.assert_close(ours, theirs)


def test_both_sides_change_places() -> None:
    a, b, ab, ba = unit(6, 4, 0), unit(6, 4, 1), rows(6, 2), rows(6, 3)
    scale = torch.tensor(9.0, dtype=torch.float64)
    torch.testing.assert_close(contrast(a, b, scale, ab, ba), contrast(b, a, scale, ba, ab))


def test_the_gradient_is_that_of_the_formula() -> None:
    a, b = unit(4, 3, 0).requires_grad_(), unit(4, 3, 1).requires_grad_()
    scale = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *x: contrast(x[0], x[1], x[2], rows(4, 2), rows(4, 3)), (a, b, scale))


@pytest.mark.parametrize("chunk", [1, 3, 4, 11, 64])
@pytest.mark.parametrize("groups", [[0] * 11, list(range(11)), [5, 1, 5, 2, 3, 1, 9, 5, 4, 6, 7]])
def test_in_chunks_it_is_the_same(chunk: int, groups: list[int]) -> None:
    scale = torch.tensor(12.0, dtype=torch.float64, requires_grad=True)
    a, b = unit(11, 5, 0).requires_grad_(), unit(11, 5, 1).requires_grad_()
    group = torch.tensor(groups)
    base = same(group).double()
    whole, chunked = contrast(a, b, scale, base, base), contrast_groups(a, b, scale, group, chunk)
    torch.testing.assert_close(chunked, whole)
    torch.testing.assert_close(torch.autograd.grad(chunked, (a, b, scale)), torch.autograd.grad(whole, (a, b, scale)))
