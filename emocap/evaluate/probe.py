"""Linear probes on frozen features: logistic regression whose strength of regularisation is chosen on the training
set, by cross-validation over subjects where they are known.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from emocap.evaluate.encoders import Matrix

GRID = tuple(float(c) for c in np.logspace(-4, 2, 7))
_FOLDS = 3
_NARROW = 128
"""Up to so many features the Hessian is solved whole, which is soonest while it is small."""

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

    scores: list[list[float]] = []
    for kept, held in GroupKFold(min(_FOLDS, len(np.unique(groups)))).split(train, labels, groups):
        if len(np.unique(labels[kept])) > 1:
            path = _fits(train[kept], labels[kept], GRID, balanced)
            scores.append([score(labels[held], model.predict(train[held])) for model in path])
    best = GRID[int(np.argmax(np.mean(scores, 0)))] if scores else GRID[0]
    (model,) = _fits(train, labels, (best,), balanced)
    return model.predict(test), best


def _fits(rows: Matrix, targets: Labels, grid: Sequence[float], balanced: bool) -> Iterator[LogisticRegression]:
    """The regression at each C of a rising grid, begun where the one before it ended. It is one object throughout."""
    # Both solvers end in the same optimum. In single precision the last steps of the first are lost to rounding.
    narrow = rows.shape[1] <= _NARROW
    solver, precision = ("newton-cholesky", np.float64) if narrow else ("newton-cg", np.float32)
    weight = "balanced" if balanced else None
    model = LogisticRegression(max_iter=2000, solver=solver, class_weight=weight, warm_start=True)
    for c in grid:
        yield model.set_params(C=c).fit(rows.astype(precision), targets)
