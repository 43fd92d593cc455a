"""The sweep of a linear probe: 45 strengths of L2 on 28,709 × 512 features, 7 classes, beside scikit-learn.

    python perf/probe.py >> perf/RESULTS.md
    python perf/probe.py --double --every 3    # scikit-learn in double precision, at every third strength alone

Features are those of a random network on noise with a little class structure in it, so that they are correlated as
features are; classes are as frequent as FER2013's. Both sides get the same standardised features.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from machine import describe
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from emocap.evaluation.linear.logistic import GRID, softmax

COUNTS = (3995, 436, 4097, 7215, 4830, 3171, 4965)
"""Training pictures of FER2013: anger, disgust, fear, happiness, sadness, surprise, neutral."""
TEST = 3589
WIDTH, LATENT, HIDDEN = 512, 256, 1024
TOLERANCE = 1e-7
"""Of scikit-learn's lbfgs, on the mean gradient; in single precision its rounding ends it before that."""


def make(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training features and labels, and those of the test."""
    random = np.random.default_rng(seed)
    share = np.array(COUNTS) / sum(COUNTS)
    labels = np.concatenate([np.repeat(np.arange(7), COUNTS), random.choice(7, TEST, p=share)])
    scale = np.arange(1, LATENT + 1) ** -0.5
    centres = 0.22 * random.normal(size=(7, LATENT)) * scale * (np.arange(LATENT) < 48)
    rows = (centres[labels] + random.normal(size=(len(labels), LATENT)) * scale).astype(np.float32)
    for last, (wide, narrow) in enumerate(((LATENT, HIDDEN), (HIDDEN, WIDTH))):
        weights = (random.normal(size=(wide, narrow)) * np.sqrt(2 / wide)).astype(np.float32)
        rows = rows @ weights + 0.1 * random.normal(size=narrow).astype(np.float32)
        rows = rows if last else np.maximum(rows, 0)
    rows += 0.02 * random.normal(size=rows.shape).astype(np.float32)
    train, test = rows[: sum(COUNTS)], rows[sum(COUNTS) :]
    mean, deviation = train.mean(0), train.std(0)
    return (train - mean) / deviation, labels[: sum(COUNTS)], (test - mean) / deviation, labels[sum(COUNTS) :]


def objective(c: float, features: np.ndarray, labels: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> float:
    """In double precision: C · Σ cross-entropy + ½‖W‖²."""
    logits = features.astype(np.float64) @ weights + bias
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
    return float(c * losses.sum() + (weights**2).sum() / 2)


def timed(do: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, its seconds, and its seconds of processors."""
    wall, processor = time.perf_counter(), time.process_time()
    made = do()
    return made, time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="fit scikit-learn at every n-th strength alone")
    parser.add_argument("--double", action="store_true", help="give scikit-learn features in double precision")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    parser.add_argument("--device", default="cpu", help="of emocap's sweep")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    train, labels, test, wanted = make(chosen.seed)
    fits, ours, ours_cpu = timed(lambda: softmax(train, labels, 7, device=chosen.device))

    # Of single precision its fits are soonest, but they end a little before the optimum.
    given = (train.astype(np.float64), test.astype(np.float64)) if chosen.double else (train, test)
    rows, theirs, theirs_cpu = [], 0.0, 0.0
    places = range(0, len(GRID), chosen.every)
    warnings.simplefilter("error")  # a fit that has not converged is no fit
    for place in places:
        c = GRID[place]
        model = LogisticRegression(C=c, tol=chosen.tolerance, max_iter=100_000)
        _, wall, processor = timed(partial(model.fit, given[0], labels))
        theirs, theirs_cpu = theirs + wall, theirs_cpu + processor
        reached = objective(c, train, labels, model.coef_.T, model.intercept_)
        mine = objective(
            c, train, labels, fits.weight_GDK[place].cpu().numpy(), fits.intercept_GK[place].cpu().numpy()
        )
        accuracy = (fits.logits(test, place).argmax(1) == wanted).mean(), model.score(given[1], wanted)
        rows.append((c, mine, mine / reached - 1, *accuracy, int(model.n_iter_[0]), wall))
    scale = len(GRID) / len(places)
    print("## The sweep of a linear probe\n")
    print(f"`python perf/probe.py`: {len(GRID)} strengths of L2 on {len(train):,} × {WIDTH} features, 7 classes;")
    print(f"scikit-learn's LogisticRegression, lbfgs, {given[0].dtype}, tol={chosen.tolerance:g},")
    print(f"{len(places)} fits from nothing.")
    if chosen.every > 1:
        print(f"Its time is scaled from {len(places)} to {len(GRID)} fits.")
    print("CLIP_benchmark's probe asserts a GPU, so that it has no row here.\n")
    print("| | seconds | seconds of processors |\n| --- | --- | --- |")
    print(f"| scikit-learn | {theirs * scale:.1f} | {theirs_cpu * scale:.1f} |")
    print(f"| emocap, {chosen.device} | {ours:.1f} | {ours_cpu:.1f} |")
    print(f"| ratio | {theirs * scale / ours:.1f} × | {theirs_cpu * scale / ours_cpu:.1f} × |\n")
    print(
        f"emocap multiplied the features {fits.products} times with some of the strengths, there and back. Objective,"
    )
    print(f"emocap's over scikit-learn's less 1: from {min(r[2] for r in rows):.1e} to {max(r[2] for r in rows):.1e};")
    apart = max(abs(r[3] - r[4]) for r in rows) * 100
    print(f"test accuracy at most {apart:.2f} points apart.\n")
    print("| C | objective | emocap / scikit-learn − 1 | accuracy | scikit-learn's | its steps | its seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for c, value, off, own, other, steps, wall in rows:
        print(f"| {c:.2g} | {value:.6g} | {off:.1e} | {own:.4f} | {other:.4f} | {steps} | {wall:.1f} |")
    print(f"\n{describe('torch', 'scikit-learn', 'numpy')}, {torch.get_num_threads()} threads\n")


if __name__ == "__main__":
    main()
