"""AffectGPT's released predictions on MER-UniBench, scored by emocap beside what its paper tells.

    python perf/uni_bench.py --predictions DIR --data ROOT --wheel DIR [--wheel DIR] >> perf/RESULTS.md

Predictions are those of the authors, ``results-meld/RUN/checkpoint_000030_loss_0.602-openset.npz`` and, of sentiments,
``...-openset-sentiment.npz``. ROOT has the labels as the cards say; no clip is looked at. As in the paper, the best of
all checkpoints counts. Datasets that are not there are left out.
"""

import argparse
import tempfile
from pathlib import Path

from machine import describe

from emocap.benchmarks.cards import Card
from emocap.benchmarks.loading import present
from emocap.core.recipes import load as load_recipe
from emocap.evaluation.generative import evaluate
from emocap.evaluation.predictions import Predictions
from emocap.evaluation.suites.mer_unibench import METRICS
from emocap.evaluation.task import Graders
from emocap.metrics.wheel.resources import Wheels, load

CALLED = {"ov-merd-plus": "ovmerdplus", "iemocap-4": "iemocapfour"}
"""Card → what the authors call it, where that is not the card's name without hyphens."""


def scores(name: str, card: Card, predictions: Path, data: Path, wheels: Wheels) -> list[float]:
    """Of every checkpoint, in their order."""
    ending = "-openset-sentiment.npz" if card.task == "sentiment" else "-openset.npz"
    files = sorted((predictions / f"results-{CALLED.get(name, name.replace('-', ''))}").glob(f"*/*{ending}"))
    found = []
    for file in files:
        with tempfile.TemporaryDirectory() as out:
            (row,) = evaluate(name, card, Predictions(file), data, Path(out), Graders(wheels=wheels), exact=True)
        found.append(row.metrics[METRICS[name]].value or 0.0)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, action="append", required=True)
    chosen = parser.parse_args()
    wheels = {one.name: one for one in map(load, chosen.wheel)}
    cards = {name: load_recipe(Card, "benchmarks", name) for name in METRICS}
    rows = []
    for name, card in cards.items():
        if not present(card, chosen.data):
            continue
        told = [next(iter(one.metrics.values())) for one in card.published if one.model == "AffectGPT"]
        each = {called: scores(name, card, chosen.predictions, chosen.data, one) for called, one in wheels.items()}
        if all(each.values()):
            rows.append((card.title, METRICS[name], len(next(iter(each.values()))), told, each))
    print("## AffectGPT's predictions on MER-UniBench\n")
    print(
        "`python perf/uni_bench.py --predictions DIR --data ROOT --wheel DIR --wheel DIR`: the best of all checkpoints"
    )
    print("among the predictions that the authors have released, × 100, by the wheels of two challenges.\n")
    print("| | measure | checkpoints | published |" + "".join(f" {wheel} |" for wheel in wheels))
    print("| --- | --- | --- | --- |" + " --- |" * len(wheels))
    for title, metric, count, told, each in rows:
        best = " | ".join(f"{100 * max(values):.2f}" for values in each.values())
        print(f"| {title} | {metric} | {count} | {100 * told[0]:.2f} | {best} |")
    print(f"\n{describe('numpy')}\n")


if __name__ == "__main__":
    main()
