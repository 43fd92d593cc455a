"""Step 3: the faces of one shard → captioned samples."""

from pathlib import Path
from typing import Any

from emocap.captioners import CaptionError, annotations
from emocap.captions import lint
from emocap.samples import Labels, Sample
from emocap.shards import Reject, read_shard, write_rejects, write_shard


def caption(sample: Sample) -> Sample | Reject:
    """The sample with its caption, or why it has none."""
    record = sample.record
    try:
        text, how = annotations.caption(record.labels or Labels(), record.key)
    except CaptionError as error:
        return Reject("caption", "no_caption", str(error), record.source.path, record.key)
    if problems := lint(text):
        return Reject("caption", "lint", "; ".join(problems), record.source.path, record.key)
    return Sample(record.model_copy(update={"caption": text, "captioner": how}), sample.jpeg)


class CaptionShard:
    """The worker of step 3: captions the faces that ``select`` chose for one shard, and writes it."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Row: ``shard``, a number; ``files`` of faces/ and for each the ``keys`` to take. Returns counts."""
        name = f"emocap-{row['shard']:06d}"
        done = [
            caption(sample)
            for file, keys in zip(row["files"], row["keys"], strict=True)
            for sample in _take(self._out / "faces" / f"{file}.tar", set(keys))
        ]
        samples = [item for item in done if isinstance(item, Sample)]
        rejects = [item for item in done if isinstance(item, Reject)]
        write_rejects(self._out / "rejects" / f"{name}.parquet", rejects)
        write_shard(self._out / "shards" / f"{name}.tar", self._out / "index" / f"{name}.parquet", samples)
        return {"faces": len(done), "samples": len(samples), "rejects": len(rejects)}


def _take(tar: Path, keys: set[str]) -> list[Sample]:
    """The samples with these keys, each once: a file of faces can hold a copy under the same key."""
    chosen: dict[str, Sample] = {}
    for sample in read_shard(tar):
        if sample.record.key in keys:
            chosen.setdefault(sample.record.key, sample)
    return list(chosen.values())
