"""What each part of the objective brings, on drawn faces with emotions as unequal in number as in photos.

    python perf/ablation.py --out runs/ablation >> perf/RESULTS.md

Trains every recipe of models/ablation/ with three seeds and measures it on drawn people whom training has not seen,
as many faces of each emotion. Then some of them again for as many steps as cost the processor time of a full run: what
is only cheaper, and could have trained for longer, shows there. The same --out goes on where it stopped.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

# Runs stand side by side, one to a core; must be set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from machine import describe

from emocap.core.recipes import load
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build

ROWS = {
    "clip": "global (CLIP, FLIP)",
    "summary": "+ summary",
    "local": "+ local",
    "mining-cross": "+ mining, cross",
    "mining-consensus": "+ mining, consensus",
    "mining-soft": "+ mining, soft",
    "full": "**full: + mining, transport**",
    "labels": "perfect mining, by the labels",
    "dreamlip": "DreamLIP",
    "flair": "FLAIR",
    "emotionclip": "EmotionCLIP",
    "coclr": "CoCLR",
}
"""Recipe in models/ablation/ → its name in the table."""
RIVALS = ("emotionclip", "coclr")
"""Only where asked for: other ways to choose positives and negatives, on global captions."""
CARDS = ("synthetic-emotions", "synthetic-action-units", "synthetic-retrieval")
COLUMNS = {
    "zero-shot UAR": ("synthetic-emotions", "zeroshot", "uar"),
    "linear-probe UAR": ("synthetic-emotions", "probe", "uar"),
    "action-unit macro F1": ("synthetic-action-units", "probe", "macro_f1"),
    "global R@1, image → text": ("synthetic-retrieval", "retrieval", "global_image_to_text_r1"),
    "global R@1, text → image": ("synthetic-retrieval", "retrieval", "global_text_to_image_r1"),
    "local R@1, image → text": ("synthetic-retrieval", "retrieval", "local_image_to_text_r1"),
    "local R@1, text → image": ("synthetic-retrieval", "retrieval", "local_text_to_image_r1"),
}


@dataclass(frozen=True)
class Run:
    """One training: a row of the table, a seed, and how long."""

    row: str
    seed: int
    epochs: float | None
    """None: as the recipe says."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.row}-{self.seed}" + (f"-{self.epochs:g}" if self.epochs else "")


def perform(run: Run, faces: Path, out: Path) -> dict[str, float]:
    """Train and measure; the columns, and ``cpu``, the processor seconds of the training process.

    Of a training that was interrupted nobody knows them: nan.
    """
    done = out / run.name / "ablation.json"
    if not done.exists():
        from emocap.benchmarks.cards import Card
        from emocap.evaluation.runner import evaluate
        from emocap.methods.clip.recipe import ClipRecipe
        from emocap.methods.registry import train

        length = [f"epochs={run.epochs:g}"] if run.epochs else []
        overrides = [f"data.builds=[{faces}]", f"seed={run.seed}", *length]
        whole, begun = not (out / run.name).exists(), time.process_time()
        train(load(ClipRecipe, "models", f"ablation/{run.row}", overrides), out / run.name)
        cpu = time.process_time() - begun if whole else math.nan
        cards = {name: load(Card, "benchmarks", name) for name in CARDS}
        rows = evaluate(
            cards, str(out / run.name), ("zeroshot", "probe", "retrieval"), faces, out / run.name / "results"
        )
        measured = {(row.benchmark, row.protocol): row.metrics for row in rows}
        values = {name: measured[card, protocol][metric].value for name, (card, protocol, metric) in COLUMNS.items()}
        done.write_text(json.dumps(values | {"cpu": cpu}), encoding="utf-8")
    told: dict[str, float] = json.loads(done.read_text(encoding="utf-8"))
    print(run.name, *(f"{value:.3f}" for value in told.values()), file=sys.stderr, flush=True)
    return told


def processor_time(row: str, runs: dict[Run, dict[str, float]]) -> float:
    """Mean over the seeds whose training was never interrupted; nan where all were."""
    known = [values["cpu"] for run, values in runs.items() if run.row == row and not math.isnan(values["cpu"])]
    return statistics.mean(known) if known else math.nan


def table(runs: dict[Run, dict[str, float]], cost: dict[str, float], full: float) -> str:
    """Rows of mean ± standard deviation over the seeds."""
    lines = [
        "| " + " | ".join(["", *COLUMNS, "processor time"]) + " |",
        "|" + " --- |" * (len(COLUMNS) + 2),
    ]
    for row, name in ROWS.items():
        found = [values for run, values in runs.items() if run.row == row]
        if found:
            cells = [spread([values[column] for values in found]) for column in COLUMNS]
            lines.append("| " + " | ".join([name, *cells, f"{cost[row] / full:.2f}"]) + " |")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=[row for row in ROWS if row not in RIVALS])
    parser.add_argument("--epochs", type=float, help="for another length than the recipes say")
    parser.add_argument("--equal-compute", nargs="*", choices=ROWS, default=["clip", "summary", "dreamlip"])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    chosen = parser.parse_args()

    faces = chosen.out / "faces"
    build(load(BuildRecipe, "pipelines", "synthetic-skewed"), faces)
    with ProcessPoolExecutor(chosen.processes, mp_context=get_context("spawn")) as pool:

        def perform_all(runs: list[Run]) -> dict[Run, dict[str, float]]:
            waiting = {run: pool.submit(perform, run, faces, chosen.out) for run in runs}
            return {run: future.result() for run, future in waiting.items()}

        # Seeds outermost: what is there after an hour is a whole table of fewer seeds.
        equal_steps = perform_all([Run(row, seed, chosen.epochs) for seed in chosen.seeds for row in chosen.rows])
        cost = {row: processor_time(row, equal_steps) for row in chosen.rows}
        from emocap.methods.clip.recipe import ClipRecipe

        epochs = chosen.epochs or load(ClipRecipe, "models", "ablation/full").epochs
        full = cost.get("full", math.nan)
        longer = {row: round(epochs * full / cost[row], 1) for row in chosen.equal_compute if full / cost[row] > 0}
        equal_compute = perform_all([Run(row, seed, longer[row]) for seed in chosen.seeds for row in longer])

    seeds = f"seeds {', '.join(map(str, chosen.seeds))}, mean ± standard deviation"
    print("## The parts of the objective, on drawn faces with skewed classes\n")
    print(
        f"`python perf/ablation.py`: {epochs:g} epochs each, {seeds}; chance 0.143 for the emotions. The last column"
    )
    print("is the processor time of a training, the loader's aside, as a share of the full one.\n")
    print(table(equal_steps, cost, full))
    if longer:
        told = ", ".join(f"{ROWS[row].strip('+ ')} {length:g}" for row, length in longer.items())
        print(f"\nAt equal compute: as many epochs as cost the processor time of the full objective ({told}).\n")
        print(table(equal_compute, dict.fromkeys(longer, full), full))
    print(f"\n{describe('torch', 'open_clip_torch', 'timm', 'scikit-learn')}\n")


if __name__ == "__main__":
    main()
