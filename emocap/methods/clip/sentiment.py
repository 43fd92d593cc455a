"""Which emotions a caption speaks of, as probabilities: our reading of the 7-way sentiment model of EmotionCLIP.

EmotionCLIP (arXiv 2305.13500) runs a classifier of sentiments over its free texts. Our captions name emotions, so a
lexicon will do, :func:`emocap.schema.captions.named_emotions`: for each of its C families, the number of the two
texts, global and summary, that name it, relative to that of the family named most; then a softmax over the families,
scaled so that a family that is named alone gets 0.9. A caption that names none is spread evenly.
"""

import math
from collections import Counter
from collections.abc import Sequence

from emocap.schema.captions import FAMILIES, named_emotions

_SCALE = math.log(9 * (len(FAMILIES) - 1))


def sentiment(texts: Sequence[str]) -> list[float]:
    """Probabilities of the families in ``captions.FAMILIES`` over the texts of one caption."""
    counts = Counter(name for text in texts for name in named_emotions(text))
    most = max(counts.values(), default=1)
    weights = [math.exp(_SCALE * counts[name] / most) for name in FAMILIES]
    return [weight / sum(weights) for weight in weights]
