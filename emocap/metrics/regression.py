"""Numbers on scales beside what was said of them."""

# Tested in tests/metrics/test_classification.py.

import numpy as np

from emocap.metrics.arrays import Numbers

RATINGS = ("ccc", "pcc", "rmse", "mae", "mse", "icc", "sagr")


def rating(name: str, true_N: Numbers, told_N: Numbers, weight_RN: Numbers) -> Numbers:
    """One of RATINGS, in each of R resamples in which examples count weight_RN times.

    ccc: Lin's (1989) concordance, with variances over N. icc: ICC(3,1) of Shrout and Fleiss (1979), two raters, one of
    whom is the annotation. sagr: how often the signs agree (Nicolaou, Gunes and Pantic, 2011); 0 is a sign of its own.
    A correlation with what does not vary is 0.
    """
    count_R = weight_RN.sum(1)
    centre = true_N.mean() if len(true_N) else 0.0
    x_N, y_N = true_N - centre, told_N - centre  # what is left is small: squares lose nothing
    difference_N = told_N - true_N
    if name == "sagr":
        return np.asarray(weight_RN @ (np.sign(true_N) == np.sign(told_N)) / count_R)
    if name == "mae":
        return np.asarray(weight_RN @ np.abs(difference_N) / count_R)
    mse_R = np.asarray(weight_RN @ difference_N**2 / count_R)
    if name in ("mse", "rmse"):
        return mse_R if name == "mse" else np.sqrt(mse_R)
    x_R, y_R = weight_RN @ x_N / count_R, weight_RN @ y_N / count_R
    xx_R, yy_R = weight_RN @ x_N**2 / count_R - x_R**2, weight_RN @ y_N**2 / count_R - y_R**2
    xy_R = weight_RN @ (x_N * y_N) / count_R - x_R * y_R
    below = {
        "ccc": (xx_R + yy_R + (x_R - y_R) ** 2) / 2,
        "pcc": np.sqrt(np.maximum(xx_R * yy_R, 0.0)),
        # (BMS − EMS) / (BMS + EMS) of two raters, whose sum of squares between and within are these.
        "icc": (xx_R + yy_R) / 2,
    }[name]
    return np.asarray(np.divide(xy_R, below, out=np.zeros_like(xy_R), where=below > 1e-12))
