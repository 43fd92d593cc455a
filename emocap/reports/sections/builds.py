"""A build folder: from its manifest, index and rejects to what a page shows of it beside the gallery."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emocap.dataset.notices import notices
from emocap.reports.build_index import BuildIndex
from emocap.reports.pictures import thumbnail
from emocap.reports.section import FolderKind, Page, Part, Section, template

_BINS = 24
_EXAMPLES = 6
_CHARTS = {
    "size": "Face size, shorter side in pixels",
    "score": "Detector's score",
    "sharpness": "Sharpness",
    "yaw": "Yaw, degrees",
    "pitch": "Pitch, degrees",
    "caption_words": "Words per caption",
}


@dataclass(frozen=True)
class Histogram:
    """How a number is distributed."""

    title: str
    bars: list[tuple[float, str]]
    """Height as a fraction of the highest, and what the bar holds in words."""
    low: str
    middle: str
    """The median."""
    high: str


@dataclass(frozen=True)
class RejectExample:
    """Something that was rejected."""

    source: str
    detail: str
    text: str | None
    """The captioner's raw reply."""
    picture: str | None
    """data: URL."""


@dataclass(frozen=True)
class Rejects:
    """What fell out at one stage for one reason."""

    stage: str
    reason: str
    count: int
    examples: list[RejectExample] = field(default_factory=list)


@dataclass(frozen=True)
class BuildSummary:
    """A build folder. Names and texts are as they will stand on the page."""

    name: str
    rows: BuildIndex
    funnel: list[tuple[str, int]]
    facts: list[tuple[str, str]]
    """Detector, captioner, prompt."""
    cost: list[tuple[str, str]]
    """Requests, tokens, money; empty where no endpoint was asked."""
    emotions: list[tuple[str, int]]
    histograms: list[Histogram]
    rejects: list[Rejects]
    notices: list[str]
    """Files passed over, label rows without inputs and the like, in words."""


def read_build(folder: Path, name: str) -> BuildSummary:
    """What a page shows of a finished build. Columns of its index are read one at a time, its samples not at all."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    counts = manifest["counts"]
    rows = BuildIndex.of(folder, bool(manifest["shards"]))
    captioner = manifest["captioner"]
    emotions = pc.value_counts(rows.column("emotion").fill_null("unlabelled")).to_pylist() if rows.files else []
    return BuildSummary(
        name=name,
        rows=rows,
        funnel=_funnel(counts, bool(manifest["shards"])),
        facts=_facts(manifest, captioner),
        cost=_cost(captioner),
        emotions=sorted(((e["values"], e["counts"]) for e in emotions), key=lambda pair: (-pair[1], pair[0])),
        histograms=[
            chart for name, title in _CHARTS.items() if rows.files and (chart := _histogram(rows, name, title))
        ],
        rejects=_rejects(folder, counts["rejects"]),
        notices=notices(manifest),
    )


def _funnel(counts: dict[str, Any], captioned: bool) -> list[tuple[str, int]]:
    passed_over = sum(r["count"] for r in counts["rejects"] if r["reason"] == "not_best_of_track")
    steps = [("inputs", counts["inputs"]), ("frames", counts["frames"]), ("faces", counts["found"] + passed_over)]
    if passed_over:
        steps.append(("best of their tracks", counts["found"]))
    if counts["faces"] < counts["found"]:
        steps.append(("after duplicates", counts["faces"]))
    return [*steps, ("captioned", counts["samples"])] if captioned else steps


def _facts(manifest: dict[str, Any], captioner: dict[str, Any]) -> list[tuple[str, str]]:
    detector = manifest["detector"]
    licence = f" ({detector['licence']})" if detector.get("licence") else ""
    provider = "".join(f", {name}" for name in detector["blocks"])
    facts = [("Faces", f"{detector['name']}{licence}{provider}"), ("Captions", captioner["backend"])]
    facts += [(name.capitalize(), captioner[name]) for name in ("model", "prompt") if captioner.get(name)]
    return facts


def _cost(captioner: dict[str, Any]) -> list[tuple[str, str]]:
    if not (replies := captioner.get("replies")):
        return []
    accepted = captioner["accepted"]
    facts = [("replies", f"{replies:,}"), ("replies that became captions", f"{accepted / replies:.1%}")]
    for name, word in (("prompt_tokens", "tokens in"), ("completion_tokens", "tokens out")):
        tokens = captioner[name]
        facts += [(word, f"{tokens:,}"), (f"{word} per 1,000 captions", f"{1000 * tokens / max(accepted, 1):,.0f}")]
    if cost := captioner["cost"]:
        budget = f" of {captioner['budget']:,.2f}" if captioner["budget"] else ""
        facts += [
            ("cost", f"{cost:,.2f}{budget}"),
            ("cost per 1,000 captions", f"{1000 * cost / max(accepted, 1):,.3f}"),
        ]
    return facts


def _histogram(rows: BuildIndex, name: str, title: str) -> Histogram | None:
    """None where the column is empty or the same everywhere. The outermost 1% on either side go into the end bars."""
    values = rows.numbers(name)
    if not len(values) or values.min() == values.max():
        return None
    low, high = np.percentile(values, (1, 99))
    if low == high:
        low, high = values.min(), values.max()
    bins = min(_BINS, max(6, 2 * int(np.sqrt(len(values)))))
    counts, edges = np.histogram(values.clip(low, high), bins, (low, high))
    digits = 0 if high - low > 20 else 1 if high - low > 2 else 2
    words = [
        f"{a:.{digits}f} to {b:.{digits}f}: {count:,}" for a, b, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return Histogram(
        title,
        [(count / counts.max(), text) for count, text in zip(counts, words, strict=True)],
        low=f"{low:.{digits}f}",
        middle=f"median {np.median(values):.{digits}f}",
        high=f"{high:.{digits}f}",
    )


def _rejects(folder: Path, counted: Sequence[dict[str, Any]]) -> list[Rejects]:
    """The reasons that the manifest counts, the most frequent first, with a few examples each.

    Files are read batch by batch, and no further than is needed for the examples.
    """
    missing = {(r["stage"], r["reason"]): min(_EXAMPLES, r["count"]) for r in counted}
    chosen: dict[tuple[str, str], list[dict[str, Any]]] = {reason: [] for reason in missing}
    for file in sorted((folder / "rejects").glob("*.parquet")):
        if not any(missing.values()):
            break
        for batch in pq.ParquetFile(file).iter_batches(1000):
            for place, reason in enumerate(zip(batch["stage"].to_pylist(), batch["reason"].to_pylist(), strict=True)):
                if missing.get(reason):
                    missing[reason] -= 1
                    chosen[reason] += batch.slice(place, 1).to_pylist()
    faces = BuildIndex.of(folder, captioned=False)
    bare = [row["key"] for rows in chosen.values() for row in rows if row["key"] and not row["jpeg"]]
    places = faces.find(bare)

    def example(row: dict[str, Any]) -> RejectExample:
        jpeg = row["jpeg"] or (faces.sample(places[row["key"]]).jpeg if row["key"] in places else None)
        picture = thumbnail(jpeg, 128) if jpeg else None
        return RejectExample(Path(row["source"]).name, row["detail"], row["text"], picture)

    most = sorted(counted, key=lambda r: -r["count"])
    return [
        Rejects(r["stage"], r["reason"], r["count"], [example(row) for row in chosen[r["stage"], r["reason"]]])
        for r in most
    ]


def _show(page: Page, subject: object) -> Part | None:
    builds: list[BuildSummary] = page.content["builds"]
    return Part(template("builds.html", builds=builds)) if builds else None


SECTION = Section("builds", 10, _show, folders=FolderKind("manifest.json", "a finished build", read_build))
