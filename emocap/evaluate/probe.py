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
_LARGEST_HESSIAN = 1000
"""Rows of a Hessian that is still solved whole."""

Labels = npt.NDArray[np.int64]
Matrix64 = npt.NDArray[np.float64]


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
    # In single precision the last steps of a second-order solver are lost to rounding, and many more are taken.
    scaler = StandardScaler().fit(train.astype(np.float64))
    seen, unseen = scaler.transform(train.astype(np.float64)), scaler.transform(test.astype(np.float64))
    if len(np.unique(labels)) == 1:
        return np.full(len(test), labels[0]), float("nan")

    scores: list[list[float]] = []
    for kept, held in GroupKFold(min(_FOLDS, len(np.unique(groups)))).split(seen, labels, groups):
        if len(np.unique(labels[kept])) > 1:
            path = _fits(seen[kept], labels[kept], GRID, balanced)
            scores.append([score(labels[held], model.predict(seen[held])) for model in path])
    best = GRID[int(np.argmax(np.mean(scores, 0)))] if scores else GRID[0]
    (model,) = _fits(seen, labels, (best,), balanced)
    return model.predict(unseen), best


def _fits(rows: Matrix64, targets: Labels, grid: Sequence[float], balanced: bool) -> Iterator[LogisticRegression]:
    """The regression at each C of a rising grid, begun where the one before it ended. It is one object throughout."""
    classes = len(np.unique(targets))
    coefficients = rows.shape[1] * (classes if classes > 2 else 1)
    # Both end in the same optimum. Solving for the whole Hessian is soonest while it is small.
    solver = "newton-cholesky" if coefficients <= _LARGEST_HESSIAN else "newton-cg"
    weight = "balanced" if balanced else None
    model = LogisticRegression(max_iter=2000, solver=solver, class_weight=weight, warm_start=True)
    for c in grid:
        yield model.set_params(C=c).fit(rows, targets)
