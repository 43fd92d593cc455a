"""Real photos: London's smiles on people kept out of training, from scratch and going on from drawn faces, over seeds.

    python perf/demo_seeds.py --out runs/perf
    python perf/london.py --tiny runs/perf --out runs/perf-london >> perf/RESULTS.md

Needs the London Set and SCRFD where pipelines/london.yaml looks for them.
"""

import argparse
import sys
from pathlib import Path

from demo_seeds import row
from machine import describe

from emocap.benchmarks.cards import Card
from emocap.core.recipes import load
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train

SCRATCH = ("model.init=null", "optimizer.lr=2e-3", "epochs=40")


def measure(model: Path, london: Path, out: Path) -> tuple[float, ...]:
    """UAR of zero-shot and linear probe."""
    card = {"london-smiles": load(Card, "benchmarks", "london-smiles")}
    rows = evaluate(card, str(model), ("zeroshot", "probe"), london, out)
    values = tuple(row.metrics["uar"].value or 0.0 for row in rows)
    print(model, *(f"{value:.3f}" for value in values), file=sys.stderr)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", type=Path, required=True, help="the --out of demo_seeds.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()

    london = chosen.out / "london"
    manifest = build(load(BuildRecipe, "pipelines", "london"), london)
    table: dict[str, list[tuple[float, ...]]] = {}
    for seed in chosen.seeds:
        tiny = chosen.tiny / f"full-objective-{seed}"
        starts = {
            "drawn faces, then London": (f"model.init={tiny / 'model' / 'open_clip_model.safetensors'}",),
            "London from scratch": SCRATCH,
        }
        table.setdefault("drawn faces alone", []).append(measure(tiny, london, chosen.out / "results"))
        for name, overrides in starts.items():
            out = chosen.out / f"{name.replace(' ', '-')}-{seed}"
            recipe = load(ClipRecipe, "models", "emocapclip-london", [f"data.builds=[{london}]", *overrides])
            train(recipe.model_copy(update={"seed": seed}), out)
            table.setdefault(name, []).append(measure(out, london, chosen.out / "results"))

    print("## London's smiles, people kept out of training\n")
    samples = manifest["counts"]["samples"]
    print(f"`python perf/london.py`: UAR over neutral and smiling, chance 0.5; {samples} photos of people of whom 0.3")
    print(f"are kept for the test; means over seeds {chosen.seeds}, each seed in brackets.\n")
    print("| trained on | zero-shot | linear probe |\n| --- | --- | --- |")
    for name, values in table.items():
        print(row(name, values))
    print(f"\n{describe('torch', 'open_clip_torch', 'insightface', 'scikit-learn')}\n")


if __name__ == "__main__":
    main()
