"""EmotionCLIP's reweighting (arXiv 2305.13500): negatives of a similar sentiment push less."""

from torch import Tensor

LEAST = 1e-6
"""Of probabilities and divergences. Equal sentiments have no divergence, and its inverse no value: from 1e6 on, times
the scale, a negative is out of the softmax altogether, which is the limit."""


def inverse_divergence(p_QC: Tensor, q_NC: Tensor) -> Tensor:
    """1 / |KL(p_i ‖ q_j)|, Q×N, of probabilities of C emotion families."""
    log_QC, log_NC = p_QC.clamp_min(LEAST).log(), q_NC.clamp_min(LEAST).log()
    entropy_Q1 = (p_QC * log_QC).sum(1, keepdim=True)
    return 1 / (entropy_Q1 - p_QC @ log_NC.T).abs().clamp_min(LEAST)


def penalties(sentiment_QC: Tensor, sentiment_NC: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """What is taken from the logits of negatives, Q×N, for image queries and for text queries.

    logit_ij of image i and text j loses scale · W_ij, W_ij = 1 / |KL(p_j ‖ p_i)|, in both directions. Not on the
    diagonal, and not on other positives where a recipe has them (our reading).
    """
    image_QN = scale * inverse_divergence(sentiment_NC, sentiment_QC).T
    return image_QN, scale * inverse_divergence(sentiment_QC, sentiment_NC)
