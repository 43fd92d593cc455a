"""Zero-shot classification by prompts (Exp-CLIP: the logits of all prompts of a class are averaged)."""

import numpy as np
import numpy.typing as npt

from emocap.errors import UserError
from emocap.evaluate.cards import Card
from emocap.evaluate.encoders import Encoder, Matrix


def prompts(card: Card) -> dict[str, list[str]]:
    """Class → every sentence that stands for it: each template with each of its words."""
    return {
        name: [prompt.replace("{c}", word) for prompt in card.prompts for word in one.words]
        for name, one in card.classes.items()
    }


def classify(encoder: Encoder, card: Card, matrix: Matrix) -> npt.NDArray[np.int64]:
    """The class number of every row of features. Raises UserError for an encoder without a text tower."""
    if encoder.texts is None:
        raise UserError(f"{encoder.name} has no text tower: --protocol probe can measure it, zeroshot cannot")
    if not card.prompts:
        raise UserError(f"{card.title} has no prompts")
    # The mean of logits is the logit of the mean embedding, which therefore is not normalised again.
    classes = [encoder.texts(sentences).mean(0).numpy() for sentences in prompts(card).values()]
    image = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray((image @ np.stack(classes).T).argmax(1))
