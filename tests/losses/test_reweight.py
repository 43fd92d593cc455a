import math

import pytest
import torch

from emocap.losses.contrast import contrast_rows, softmax
from emocap.losses.reweight import penalties
from tests.support import objective_oracles
from tests.support.objective_oracles import unit

SENTIMENTS = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4]]


@pytest.mark.usefixtures("double")
def test_the_penalty_is_the_inverse_divergence() -> None:
    sentiment = torch.tensor(SENTIMENTS)
    image, text = penalties(sentiment, sentiment, 10.0)
    torch.testing.assert_close(image, torch.tensor(objective_oracles.divergences(SENTIMENTS, 10.0)))
    torch.testing.assert_close(text, image.T)
    p, q = SENTIMENTS[1], SENTIMENTS[0]
    assert float(image[0, 1]) == pytest.approx(10 / sum(x * math.log(x / y) for x, y in zip(p, q, strict=True)))


@pytest.mark.usefixtures("double")
def test_value_and_gradients_are_the_formula() -> None:
    a, b = unit(5, 3, 0).requires_grad_(), unit(5, 3, 1).requires_grad_()
    scale = torch.tensor(8.0, requires_grad=True)
    sentiment = torch.tensor(SENTIMENTS)
    image, text = penalties(sentiment, sentiment, 10.0)
    base = torch.eye(5)
    ours = contrast_rows(a, b, scale, base, softmax, None, image) + contrast_rows(
        b, a, scale, base, softmax, None, text
    )
    theirs = objective_oracles.contrast(
        a, b, scale, base.tolist(), base.tolist(), divergence=objective_oracles.divergences(SENTIMENTS, 10.0)
    )
    torch.testing.assert_close(ours / 10, theirs)
    leaves = (a, b, scale)
    torch.testing.assert_close(torch.autograd.grad(ours / 10, leaves), torch.autograd.grad(theirs, leaves))


def test_a_negative_of_the_same_sentiment_does_not_push() -> None:
    sentiment = torch.tensor(SENTIMENTS)
    pushed, _ = penalties(sentiment, sentiment, 10.0)
    b = unit(5, 3, 1).float().requires_grad_()
    first = contrast_rows(unit(5, 3, 0).float()[:1], b, torch.tensor(8.0), torch.eye(5)[:1], softmax, None, pushed[:1])
    gradient = torch.autograd.grad(first, b)[0]
    assert torch.equal(gradient[2], torch.zeros(3))
    assert gradient[1].abs().max() > 0
