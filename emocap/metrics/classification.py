"""The numbers of the field, as fractions of 1. Tables may have further dimensions in front: one number for each."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from emocap.metrics.arrays import Labels, Numbers

Rate = Callable[[npt.NDArray[np.int64] | Numbers], Numbers]


def confusion(true: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Counts, classes × classes; row: true class, column: predicted class.

    A predicted number of ``classes`` stands for an answer that is none of them: such answers get a column of their own
    at the end, and the table is classes × (classes + 1).
    """
    columns = answers(predicted, classes)
    return np.bincount(true * columns + predicted, minlength=classes * columns).reshape(classes, columns)


def answers(predicted: Labels, classes: int) -> int:
    """How many columns a table of counts has: one more than classes where some answer is none of them."""
    return max(classes, int(predicted.max(initial=0)) + 1)


def _share(part: Numbers, whole: Numbers) -> Numbers:
    """The quotient, nan where there is nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


def _mean(values: Numbers) -> Numbers:
    """Over the last dimension, of what is a number; nan where nothing is."""
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0.0).sum(-1), known.sum(-1).astype(float))


def uar(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """Unweighted average recall, of the classes that occur. counts: confusion matrices, ... × K × K, or × K + 1 where
    some answers are none of the classes: those are in the rows' sums, and no class has predicted them.
    """
    return _mean(_share(np.diagonal(counts, axis1=-2, axis2=-1).astype(float), counts.sum(-1).astype(float)))


def war(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """Weighted average recall, which is accuracy."""
    return _share(np.trace(counts, axis1=-2, axis2=-1).astype(float), counts.sum((-2, -1)).astype(float))


def macro_f1(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """Mean F1 of the classes that occur or are predicted."""
    return _mean(_f1(counts))


def weighted_f1(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """F1 of every class weighted by how often it is true; nan where there is nothing.

    As scikit-learn's ``f1_score(average="weighted")``.
    """
    true_K = counts.sum(-1).astype(float)
    return _share((np.nan_to_num(_f1(counts)) * true_K).sum(-1), true_K.sum(-1))


def uf1(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """Unweighted F1 of micro-expressions: TP, FP and FN of each class summed over all folds, then the mean of the F1
    of the classes that occur (See et al., 2019, MEGC).
    """
    return _mean(np.where(counts.sum(-1) > 0, _f1(counts), np.nan))


def _f1(counts: npt.NDArray[np.int64] | Numbers) -> Numbers:
    """Of each class; nan where it neither occurs nor is predicted."""
    hits_K, predicted_K = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-2)[..., : counts.shape[-2]]
    return _share((2 * hits_K).astype(float), (counts.sum(-1) + predicted_K).astype(float))


def f1(true: Labels, predicted: Labels) -> float:
    """F1 of the positive class, 1; 0 where it neither occurs nor is predicted."""
    hits, total = int((true & predicted).sum()), int(true.sum() + predicted.sum())
    return 2 * hits / total if total else 0.0


def mean_f1(hits_U: Numbers, true_U: Numbers, predicted_U: Numbers) -> Numbers:
    """Mean F1 of the units that occur, from counts ... × U of hits, of occurring and of predicted ones.

    Where none occurs, nan.
    """
    return _mean(np.where(true_U > 0, _share(2 * hits_U, true_U + predicted_U), np.nan))


def average_precision(true_N: Labels, score_N: Numbers, weight_RN: Numbers) -> Numbers:
    """Σ (recallₙ − recallₙ₋₁) · precisionₙ over falling thresholds, as scikit-learn's; nan where nothing is true.

    Nan too where a score of what counts is no number. weight_RN: how often each example counts, in each of R
    resamples.
    """
    order, last = _falling(score_N)
    every_RT = np.cumsum(weight_RN[:, order], axis=1)[:, last]
    hits_RT = np.cumsum(weight_RN[:, order] * true_N[order], axis=1)[:, last]
    precision_RT = np.divide(hits_RT, every_RT, out=np.zeros_like(hits_RT, dtype=float), where=every_RT > 0)
    gained_RT = np.diff(hits_RT, axis=1, prepend=0.0)
    precision_R = _share((gained_RT * precision_RT).sum(1), hits_RT[:, -1].astype(float))
    return np.where(_unordered(score_N, weight_RN), np.nan, precision_R)


def _falling(score_N: Numbers) -> tuple[Labels, Labels]:
    """The order of falling scores, and the places in it at which a threshold can lie: equal scores fall together."""
    order = np.argsort(-score_N, kind="stable")
    falling_N = score_N[order]
    return order, np.flatnonzero(np.append(falling_N[1:] != falling_N[:-1], True))


def _unordered(score_N: Numbers, weight_RN: Numbers) -> npt.NDArray[np.bool_]:
    """R: whether something counts whose score is no number, so that no threshold parts it from others."""
    return np.asarray((weight_RN[:, np.isnan(score_N)] > 0).any(1))


def mean_among(value_N: Numbers | Labels, among_N: npt.NDArray[np.bool_], weight_RN: Numbers) -> Numbers:
    """The mean of a value over some of the examples, in each of R resamples in which they count weight_RN times; nan
    where none of them is there.
    """
    return _share(weight_RN @ np.where(among_N, value_N, 0.0), weight_RN @ among_N.astype(float))


def eer(real_N: npt.NDArray[np.bool_], score_N: Numbers, weight_RN: Numbers) -> Numbers:
    """Equal error rate: where as many of the fake are accepted as of the real are rejected; nan where there are none
    of either, or a score of what counts is no number.

    What scores at least the threshold is accepted. Between two thresholds the rates lie on the straight line of the
    ROC: our reading, where others take the mean of the two rates at the threshold where they are closest. weight_RN:
    how often each example counts, in each of R resamples.
    """
    if not len(score_N):
        return np.full(len(weight_RN), np.nan)
    order, last = _falling(score_N)
    unordered_R = _unordered(score_N, weight_RN)
    fake_N, count_RN = ~real_N[order], weight_RN[:, order]
    fakes_R, reals_R = count_RN @ fake_N, count_RN @ ~fake_N
    # Over falling thresholds (fake accepted + real accepted) / their numbers rises to 2 and crosses 1, where as many
    # are accepted of one kind as are rejected of the other; times both numbers, these are whole and compare exactly.
    sum_RN = np.where(fake_N, reals_R[:, None], fakes_R[:, None])
    sum_RN *= count_RN
    np.cumsum(sum_RN, axis=1, out=sum_RN)
    found = np.full(len(weight_RN), np.nan)
    for row, (fakes, reals) in enumerate(zip(fakes_R, reals_R, strict=True)):
        if unordered_R[row] or not (fakes and reals):
            continue
        over = int((sum_RN[row, last] >= fakes * reals).argmax())
        after, before = last[over], last[over - 1] if over else -1
        reached = sum_RN[row, before] if over else 0.0
        part = (fakes * reals - reached) / (sum_RN[row, after] - reached)
        low, high = (count_RN[row, : end + 1] @ fake_N[: end + 1] / fakes for end in (before, after))
        found[row] = low + part * (high - low)
    return found
