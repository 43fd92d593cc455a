"""What the captions of a build are like, in the terms of the EmoCap100K paper."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from emocap.captions import Caption
from emocap.facs import numbers
from emocap.shards import read_shard

_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


def captions(build: Path) -> Iterator[Caption]:
    """Every caption of a build, in order."""
    for tar in sorted((build / "shards").glob("*.tar")):
        for sample in read_shard(tar):
            if sample.record.caption:
                yield sample.record.caption


def describe(build: Path) -> dict[str, str]:
    """Name → value, ready to print: counts from the manifest, then means over all captions."""
    counts = json.loads((build / "manifest.json").read_text(encoding="utf-8"))["counts"]
    told = {name: str(counts[name]) for name in ("inputs", "faces", "samples")}
    told |= {f"rejected, {r['stage']}: {r['reason']}": str(r["count"]) for r in counts["rejects"]}
    found = list(captions(build))
    if not found:
        return told
    words = [_WORD.findall(text.lower()) for caption in found for text in caption.texts()]
    tokens = [word for text in words for word in text]

    def mean(values: Iterator[int]) -> str:
        return f"{sum(values) / len(found):.1f}"

    def count(text: str) -> int:
        return len(_WORD.findall(text))

    return told | {
        "words per caption": f"{len(tokens) / len(found):.1f} (EmoCap100K: 267)",
        "words of the global part": mean(count(caption.global_) for caption in found),
        "words of the local part": mean(sum(count(entry.text) for entry in caption.local) for caption in found),
        "words of the summary": mean(count(caption.summary) for caption in found),
        "local sentences per caption": mean(len(caption.local) for caption in found),
        "regions per caption": mean(len({entry.region for entry in caption.local}) for caption in found),
        "action units per caption": mean(len(_units(caption)) for caption in found),
        "distinct sentences": f"{len(set(map(tuple, words)))} of {len(words)}",
        "type/token ratio": f"{len(set(tokens)) / len(tokens):.4f} over {len(tokens)} words",
    }


def _units(caption: Caption) -> list[int]:
    return numbers(code for entry in caption.local for code in entry.action_units)
