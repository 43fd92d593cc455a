"""Training runs and results of eval: from the files they leave to what a page shows of them."""

import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """A training run: name and rows of its metrics."""

    name: str
    rows: list[dict[str, Any]]


def read_run(folder: Path) -> Run:
    """The metrics of a run."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return Run(folder.name, [json.loads(line) for line in lines])


def curves(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Name and SVG of a chart for every part of the loss, a line per run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    charts = []
    parts = [
        part for part in ("loss", "global", "summary", "local") if any(part in row for r in runs for row in r.rows)
    ]
    with matplotlib.rc_context({"font.size": 10, "svg.fonttype": "none", "font.family": "sans-serif"}):
        for part in parts:
            figure, axes = plt.subplots(figsize=(4.4, 2.8), layout="constrained")
            for run, colour in zip(runs, itertools.cycle(_COLOURS)):
                rows = [row for row in run.rows if part in row]
                if rows:
                    steps, values = [row["step"] for row in rows], [row[part] for row in rows]
                    axes.plot(steps, values, label=run.name, color=colour, linewidth=1.6)
            axes.set_xlabel("step")
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="y", color="#e5e1da", linewidth=0.8)
            if len(runs) > 1:
                axes.legend(frameon=False)
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
            plt.close(figure)
            svg = buffer.getvalue()
            charts.append((_NAMES[part], svg[svg.index("<svg") :]))
    return charts


_COLOURS = ("#b8432f", "#2f6f8f", "#7a8b2f", "#8a5a9f", "#c08a1e", "#4a4a4a")
_NAMES = {
    "loss": "Loss, the weighted sum",
    "global": "Contrast of image and global caption",
    "summary": "Contrast of image and summary",
    "local": "Contrast of regions and local sentences",
}


def read_results(folder: Path) -> list[dict[str, Any]]:
    """The rows of an evaluation."""
    return [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def group_results(rows: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Rows of results by benchmark and protocol, each with the facts that all its rows share."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["benchmark"], row["protocol"]), []).append(row)
    return [(_shared(same), same) for same in grouped.values()]


def _shared(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    metric = next(iter(first["metrics"]))
    chance = first.get("chance", {}).get(metric)
    if chance is None and metric == "uar":
        chance = 1 / len(first["labels"])
    return {
        "title": first["title"],
        "protocol": {"zeroshot": "zero-shot", "probe": "linear probe"}[first["protocol"]],
        "metric": {"uar": "UAR", "macro_f1": "macro F1"}.get(metric, metric),
        "key": metric,
        "chance": chance,
        "test": sum(first["counts"]["test"].values()),
        "subjects": first["test_subjects"],
    }
