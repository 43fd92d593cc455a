"""How often a model says what an annotator says, and what most of them say."""

import numpy as np
import numpy.typing as npt

from emocap.metrics.arrays import Labels, Numbers

TIED = -2
"""Two labels have as many votes."""


class Confusions:
    """Confusion matrices of every annotator, in a resample of the items, of what is both given and predicted."""

    def __init__(self, given_NA: Labels, predicted_NA: Labels, classes: int) -> None:
        self._item, who = np.nonzero((given_NA >= 0) & (predicted_NA >= 0))
        given, predicted = given_NA[self._item, who], predicted_NA[self._item, who]
        self._cell = (who * classes + given) * classes + predicted
        self._shape = (given_NA.shape[1], classes, classes)

    def at(self, weight_N: Numbers) -> Numbers:
        """A × C × C; row: given, column: predicted. weight_N: how often each item counts."""
        size = int(np.prod(self._shape))
        counts = np.bincount(self._cell, weights=weight_N[self._item], minlength=size)
        return np.asarray(counts, dtype=float).reshape(self._shape)


def majority(label_NA: Labels, classes: int) -> Labels:
    """N: the label with most votes; TIED where several have as many, −1 where there is no vote."""
    vote_NC = np.stack([(label_NA == label).sum(1) for label in range(classes)], axis=1)
    most_N = vote_NC.max(1)
    tied_N = (vote_NC == most_N[:, None]).sum(1) > 1
    return np.where(most_N == 0, -1, np.where(tied_N, TIED, vote_NC.argmax(1)))


class Consensus:
    """How often the majority of the predictions is the majority of the labels, in a resample of the items.

    The consensus of QuMAB (2507.17653) is the majority of its predictions, of all annotators. Items on which the
    labels are tied have no truth and do not count; predictions that are tied name no label and are wrong.
    """

    def __init__(self, given_NA: Labels, predicted_NA: Labels, classes: int) -> None:
        given_N, predicted_N = majority(given_NA, classes), majority(predicted_NA, classes)
        self.without_truth = int(((given_N == TIED) & (predicted_N != -1)).sum())
        self.undecided = int(((given_N >= 0) & (predicted_N == TIED)).sum())
        self._counts_N: npt.NDArray[np.bool_] = (given_N >= 0) & (predicted_N != -1)
        self._right_N = self._counts_N & (given_N == predicted_N)

    def at(self, weight_N: Numbers) -> float:
        """It; NaN where no item has both. weight_N: how often each item counts."""
        total = weight_N @ self._counts_N
        return float(weight_N @ self._right_N / total) if total else float("nan")
