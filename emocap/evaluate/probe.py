"""Linear probes on frozen features: logistic regression whose strength of regularisation is chosen on the training
set, by cross-validation over subjects where they are known.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from emocap.evaluate.encoders import Matrix

GRID = tuple(float(c) for c in np.logspace(-4, 2, 7))
_FOLDS = 3

Labels = npt.NDArray[np.int64]


def fit_predict(
    train: Matrix,
    labels: Labels,
    groups: npt.NDArray[np.str_],
    test: Matrix,
    score: Callable[[Labels, Labels], float],
    balanced: bool = False,
) -> tuple[Labels, float]:
    """Predictions for ``test`` and the C that was chosen.

    train: N×D, labels: N, groups: N names that folds keep together, test: M×D. score: (true, predicted) → larger is
    better. Features are scaled to unit variance on the training set. balanced: weigh classes by their rarity. A
    training set of one class predicts that class.
    """
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    if len(np.unique(labels)) == 1:
        return np.full(len(test), labels[0]), float("nan")

    def fit(rows: Matrix, targets: Labels, c: float) -> LogisticRegression:
        weight = "balanced" if balanced else None
        # The same optimum as the default solver's, ten times sooner where features are correlated and C is large.
        return LogisticRegression(C=c, max_iter=2000, solver="newton-cg", class_weight=weight).fit(rows, targets)

    folds = list(GroupKFold(min(_FOLDS, len(np.unique(groups)))).split(train, labels, groups))
    scores: list[float] = []
    for c in GRID:
        told = [
            score(labels[held], fit(train[kept], labels[kept], c).predict(train[held]))
            for kept, held in folds
            if len(np.unique(labels[kept])) > 1
        ]
        scores.append(float(np.mean(told)) if told else 0.0)
    best = GRID[int(np.argmax(scores))]
    return fit(train, labels, best).predict(test), best
