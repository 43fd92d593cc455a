"""Full objective against global captions alone on drawn faces, over seeds: what the demo shows for one.

    python perf/demo_seeds.py --out runs/perf >> perf/RESULTS.md

The seed changes the initial weights and the order of the data; the faces stay, and nobody is in both train and test.
The baseline is also trained at half the learning rate, and both three times as long: what is only a matter of time
shows there. The same --out goes on where it stopped.
"""

import argparse
import statistics
import sys
from pathlib import Path

from machine import describe

from emocap.benchmarks.cards import Card
from emocap.core.recipes import load
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build
from emocap.demo import GLOBAL_ONLY
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train

MEASURED = {"synthetic-emotions": ("zeroshot", "probe"), "synthetic-action-units": ("probe",)}
COLUMNS = ("zero-shot UAR", "linear-probe UAR", "action-unit macro F1")


def measure(overrides: tuple[str, ...], drawn: Path, out: Path) -> tuple[float, ...]:
    """Train emocapclip-tiny with these overrides; the three numbers of the demo."""
    train(load(ClipRecipe, "models", "emocapclip-tiny", [f"data.builds=[{drawn}]", *overrides]), out)
    rows = [
        row
        for name, protocols in MEASURED.items()
        for row in evaluate({name: load(Card, "benchmarks", name)}, str(out), protocols, drawn, out / "results")
    ]
    values = tuple(next(iter(row.metrics.values())).value or 0.0 for row in rows)
    print(out.name, *(f"{value:.3f}" for value in values), file=sys.stderr)
    return values


def row(name: str, values: list[tuple[float, ...]]) -> str:
    cells = [f"{statistics.mean(v):.3f} ({', '.join(f'{x:.3f}' for x in v)})" for v in zip(*values, strict=True)]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()

    drawn = chosen.out / "drawn"
    build(load(BuildRecipe, "pipelines", "synthetic"), drawn)
    slower = (*GLOBAL_ONLY, "optimizer.lr=1e-3")
    variants: dict[str, tuple[str, ...]] = {
        "full objective": (),
        "full objective, 24 epochs": ("epochs=24",),
        "global only": GLOBAL_ONLY,
        "global only, lr 1e-3": slower,
        "global only, lr 1e-3, 24 epochs": (*slower, "epochs=24"),
    }
    table = {
        name: [
            measure((f"seed={seed}", *overrides), drawn, chosen.out / f"{name.replace(' ', '-')}-{seed}")
            for seed in chosen.seeds
        ]
        for name, overrides in variants.items()
    }

    print("## Full objective against global captions alone, drawn faces\n")
    print(f"`python perf/demo_seeds.py`: means over seeds {chosen.seeds}, each seed in brackets. Unseen people;")
    print("chance 0.143 for the emotions.\n")
    print("|", " | ".join(["", *COLUMNS]), "|\n| --- |", " --- |" * len(COLUMNS))
    for name, values in table.items():
        print(row(name, values))
    print(f"\n{describe('torch', 'open_clip_torch', 'timm', 'scikit-learn')}\n")


if __name__ == "__main__":
    main()
