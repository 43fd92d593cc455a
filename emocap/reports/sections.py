"""From a folder to what a page shows of it."""

import base64
import io
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from emocap.captions import Caption
from emocap.facs import UNITS, letter, split_code
from emocap.samples import Record
from emocap.shards import read_index, read_rejects, read_shard

_GALLERY = 24
_THUMBNAIL = 192


@dataclass(frozen=True)
class Card:
    """A face in the gallery."""

    picture: str
    """data: URL."""
    record: Record
    caption: Caption
    units: list[str]
    """Such as "AU12 C, lip corner puller"."""


@dataclass(frozen=True)
class Build:
    """A build folder."""

    name: str
    funnel: list[tuple[str, int]]
    rejects: list[tuple[str, int, str]]
    """What happened, how often, and an example."""
    emotions: list[tuple[str, int]]
    gallery: list[Card]
    detector: str
    licence: str | None


@dataclass(frozen=True)
class Run:
    """A training run: name and rows of its metrics."""

    name: str
    rows: list[dict[str, Any]]


def read_build(folder: Path) -> Build:
    """Funnel, rejects and gallery of a build; the gallery goes round the emotions, so that each is seen."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    counts = manifest["counts"]
    rejects = read_rejects(folder / "rejects")
    examples = {(reject.stage, reject.reason): f"{Path(reject.source).name}: {reject.detail}" for reject in rejects}
    index = read_index(folder / "index").select(["key", "shard", "emotion"]).to_pylist()
    emotions = Counter(row["emotion"] or "unlabelled" for row in index)
    return Build(
        name=folder.name,
        funnel=[("pictures", counts["inputs"]), ("faces", counts["faces"]), ("captioned samples", counts["samples"])],
        rejects=[
            (f"{r['stage']}: {r['reason']}", r["count"], examples[r["stage"], r["reason"]]) for r in counts["rejects"]
        ],
        emotions=emotions.most_common(),
        gallery=_gallery(folder, index),
        detector=manifest["detector"]["name"],
        licence=manifest["detector"]["licence"],
    )


def _gallery(folder: Path, index: Sequence[dict[str, Any]]) -> list[Card]:
    by_emotion: dict[str, list[dict[str, Any]]] = {}
    for row in index:
        by_emotion.setdefault(row["emotion"] or "", []).append(row)
    rounds = itertools.zip_longest(*(by_emotion[name] for name in sorted(by_emotion)))
    chosen = [row for row in itertools.chain.from_iterable(rounds) if row][:_GALLERY]
    wanted = {row["key"]: place for place, row in enumerate(chosen)}
    cards: dict[int, Card] = {}
    for shard in sorted({row["shard"] for row in chosen}):
        for sample in read_shard(folder / "shards" / f"{shard}.tar"):
            record = sample.record
            if record.key in wanted and record.caption:
                units = [_unit(code, value) for code, value in _units(record).items()]
                cards[wanted[record.key]] = Card(_thumbnail(sample.jpeg), record, record.caption, units)
    return [cards[place] for place in sorted(cards)]


def _units(record: Record) -> dict[str, float]:
    """What was annotated; where nothing was, what the caption says."""
    if record.labels and record.labels.action_units is not None:
        return {code: value for code, value in record.labels.action_units.items() if value > 0}
    local = record.caption.local if record.caption else []
    return {code: entry.intensity or 0.0 for entry in local for code in entry.action_units}


def _unit(code: str, value: float) -> str:
    side, number = split_code(code)
    where = {"L": " (left)", "R": " (right)", "": ""}[side]
    return f"AU{number} {letter(value) if value else ''}: {UNITS[number].name}{where}".replace(" :", ":")


def _thumbnail(jpeg: bytes) -> str:
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


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
