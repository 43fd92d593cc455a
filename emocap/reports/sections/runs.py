"""Training runs: from the metrics they leave to the charts that a page shows of them."""

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from emocap.reports.section import FolderKind, Page, Part, Section, template


@dataclass(frozen=True)
class Run:
    """A training run: name and rows of its metrics."""

    name: str
    rows: list[dict[str, Any]]


def read_run(folder: Path, name: str) -> Run:
    """The metrics of a run, under a name."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return Run(name, [json.loads(line) for line in lines])


@dataclass(frozen=True)
class Curves:
    """Charts of the metrics of some runs, a line per run."""

    lines: list[tuple[str, str, str]]
    """Name, colour and CSS border style of every run's line."""
    outcome: list[tuple[str, str]]
    """Name and SVG of a chart: benchmarks on the way, loss, mining."""
    course: list[tuple[str, str]]
    """The same of how it ran: gradients, scales, speed."""


def curves(runs: Sequence[Run]) -> Curves:
    """A chart for every metric that one of the runs has."""
    import matplotlib

    matplotlib.use("Agg")
    styles = [style for style, _ in zip(itertools.product(_DASHES, _COLOURS), runs, strict=False)]
    measured = dict.fromkeys(key for run in runs for row in run.rows for key in row.get("eval", {}))
    benchmarks = {key: " · ".join(key.split("/")) for key in measured}

    def charts(names: Mapping[str, str]) -> list[tuple[str, str]]:
        having = [key for key in names if key in measured or any(key in row for run in runs for row in run.rows)]
        return [(names[key], _chart(runs, styles, key)) for key in having]

    return Curves(
        lines=[(run.name, colour, dash) for run, (dash, colour) in zip(runs, styles, strict=True)],
        outcome=charts(benchmarks | _OUTCOME),
        course=charts(_COURSE),
    )


def _chart(runs: Sequence[Run], styles: Sequence[tuple[str, str]], key: str) -> str:
    """SVG of one metric over the steps of every run that has it."""
    import matplotlib
    import matplotlib.pyplot as plt

    with matplotlib.rc_context({"font.size": 10, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure, axes = plt.subplots(figsize=(4.0, 2.4), layout="constrained")
        for run, (dash, colour) in zip(runs, styles, strict=True):
            points = [(row["step"], {**row, **row.get("eval", {})}.get(key)) for row in run.rows]
            steps, values = _thinned([(step, value) for step, value in points if value is not None])
            dot = "o" if len(steps) < 30 else None
            axes.plot(steps, values, color=colour, linestyle=dash, linewidth=1.6, marker=dot, markersize=3)
        axes.set_xlabel("step")
        axes.set_yscale("log" if key == "gradient_norm" else "linear")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e1da", linewidth=0.8)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]


def _thinned(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Steps and values of at most _POINTS points: means over equal stretches, where there are more."""
    at_once = -(-len(points) // _POINTS)
    stretches = [points[first : first + at_once] for first in range(0, len(points), at_once or 1)]
    return [mean(step for step, _ in some) for some in stretches], [
        mean(value for _, value in some) for some in stretches
    ]


_POINTS = 200
_COLOURS = ("#b8432f", "#2f6f8f", "#7a8b2f", "#8a5a9f", "#c08a1e", "#4a4a4a")
_DASHES = ("solid", "dashed", "dotted")
_OUTCOME = {
    "loss": "Loss, the weighted sum",
    "global": "Contrast of image and global caption",
    "summary": "Contrast of image and summary",
    "local": "Contrast of regions and local sentences",
    "mined_precision": "Mined positives: share of the same label",
    "mined_recall": "Pairs of the same label: share that is mined",
    "mined_precision_macro": "Mined positives: the same, mean over labels",
    "mined_recall_macro": "Pairs: the same, mean over labels",
    "mined_per_query": "Mined positives per query",
}
_COURSE = {
    "gradient_norm": "Norm of the gradient, before it is clipped",
    "skipped": "Steps that were skipped",
    "logit_scale": "Logit scale",
    "local_logit_scale": "Logit scale of the local term",
    "lr": "Learning rate",
    "samples_per_second": "Samples per second",
    "waiting_seconds": "Seconds of waiting for data, since the last row",
    "gpu_gib": "Most memory of the first GPU, GiB",
}


def _combine(runs: Sequence[Run]) -> Curves | None:
    return curves(runs) if runs else None


def _show(page: Page, subject: object) -> Part | None:
    charts: Curves | None = page.content["runs"]
    return Part(template("runs.html", curves=charts)) if charts else None


SECTION = Section("runs", 30, _show, folders=FolderKind("metrics.jsonl", "a training run", read_run, _combine))
