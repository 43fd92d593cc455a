"""Labels, predictions and explanations of annotators who never were, in the layouts of AMER and STREET.

    python -m emocap.annotators.simulated amer --out runs/amer

Annotators come in three schools, each with a way of mistaking one label for another; a model knows these ways, but
less of them than there is, and its explanations tell the schools apart. For trying things out: what is measured on
them says nothing of people.
"""

# Tested in tests/annotators/test_statistics.py.

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emocap.core.files import replacing
from emocap.metrics.arrays import Labels, Numbers

AMER_LABELS = ("worried", "happy", "neutral", "angry", "surprise", "sad", "other", "unknown")
PERSPECTIVES = ("Happiness", "Healthy", "Safe", "Lively", "Orderly")
AMER_ANNOTATORS, STREET_ANNOTATORS = 13, 10
_SCHOOLS = 3
_STREET_POINTS = 6
_LENGTH = 16


@dataclass(frozen=True)
class Simulated:
    """One task: labels and predictions as places in a list of labels, −1 where there is none."""

    given_NA: Labels
    predicted_NA: Labels
    vector_NAD: Numbers


def simulate(items: int, annotators: int, ordered: bool, classes: int, missing: float, seed: int) -> Simulated:
    """Labels of ``items`` by ``annotators``. ordered: mistakes are mostly by one step.

    missing: share of the labels that are not given.
    """
    random = np.random.default_rng(seed)
    school_A = np.arange(annotators) % _SCHOOLS
    apart_CC = np.abs(np.arange(classes)[:, None] - np.arange(classes))
    likely_CC = np.exp(-1.5 * apart_CC) if ordered else np.ones((classes, classes))
    habit_SCC = likely_CC * random.gamma(0.15, size=(_SCHOOLS, classes, classes))
    habit_SCC /= habit_SCC.sum(2, keepdims=True)
    trust_A = random.uniform(0.45, 0.6, annotators)[:, None, None]
    labels_ACC = trust_A * np.eye(classes) + (1 - trust_A) * habit_SCC[school_A]
    model_ACC = 0.7 * labels_ACC + 0.3 * labels_ACC.mean(0)
    shown_N = random.choice(classes, items, p=random.dirichlet(np.full(classes, 4.0)))
    given_NA, predicted_NA = _predicted(labels_ACC, shown_N, random), _predicted(model_ACC, shown_N, random)
    given_NA[random.random(given_NA.shape) < missing] = -1
    own_AD = random.normal(size=(_SCHOOLS, _LENGTH))[school_A] + 0.6 * random.normal(size=(annotators, _LENGTH))
    of_item_N1D = random.normal(size=(items, 1, _LENGTH))
    noise_NAD = random.normal(size=(items, annotators, _LENGTH))
    return Simulated(given_NA, predicted_NA, own_AD + of_item_N1D + 0.8 * noise_NAD)


def _predicted(chance_ACC: Numbers, shown_N: Labels, random: np.random.Generator) -> Labels:
    """N × A: what each says of what is shown."""
    reached_NAC = chance_ACC[:, shown_N].cumsum(2).transpose(1, 0, 2)
    drawn_NA1 = random.random((len(shown_N), len(chance_ACC), 1))
    return np.asarray((drawn_NA1 > reached_NAC[:, :, :-1]).sum(2))


def write_amer(out: Path, items: int = 600, seed: int = 0) -> list[Path]:
    """labels.csv and predictions.csv with name, discrete1 ... discrete13, and explanations.npz; their paths."""
    made = simulate(items, AMER_ANNOTATORS, False, len(AMER_LABELS), 0.1, seed)
    names = [f"sample_{number:08d}" for number in range(items)]
    header = ["name", *(f"discrete{number}" for number in range(1, AMER_ANNOTATORS + 1))]
    tables = {"labels.csv": made.given_NA, "predictions.csv": made.predicted_NA}
    for file, label_NA in tables.items():
        cells = [[AMER_LABELS[label] if label >= 0 else "" for label in row] for row in label_NA]
        _write(out / file, header, ([name, *row] for name, row in zip(names, cells, strict=True)))
    with replacing(out / "explanations.npz") as scratch, scratch.open("wb") as archive:
        annotators = [str(number) for number in range(1, AMER_ANNOTATORS + 1)]
        np.savez_compressed(
            archive, items=np.array(names), annotators=np.array(annotators), vectors=made.vector_NAD.astype(np.float32)
        )
    return [out / "labels.csv", out / "predictions.csv", out / "explanations.npz"]


def write_street(out: Path, items: int = 400, seed: int = 0) -> list[Path]:
    """labels.csv and predictions.csv with image, Happiness_1 ... Orderly_10 and −1 for missing; their paths."""
    made = [
        simulate(items, STREET_ANNOTATORS, True, _STREET_POINTS, 0.05, seed + number)
        for number in range(len(PERSPECTIVES))
    ]
    numbers = range(1, STREET_ANNOTATORS + 1)
    header = ["image", *(f"{perspective}_{number}" for perspective in PERSPECTIVES for number in numbers)]
    for file, parts in (
        ("labels.csv", [one.given_NA for one in made]),
        ("predictions.csv", [one.predicted_NA for one in made]),
    ):
        rows = np.concatenate(parts, axis=1).tolist()
        _write(out / file, header, ([f"{number:05d}.jpg", *row] for number, row in enumerate(rows)))
    return [out / "labels.csv", out / "predictions.csv"]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m emocap.annotators.simulated", description=__doc__)
    parser.add_argument("layout", choices=["amer", "street"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    for path in (write_amer if chosen.layout == "amer" else write_street)(chosen.out, seed=chosen.seed):
        print(path)


if __name__ == "__main__":
    _main()
