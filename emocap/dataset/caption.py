"""Step 3: the faces of one shard → captioned samples."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from emocap.captioning.base import NoCaption
from emocap.captioning.recipe import CaptionerRecipe
from emocap.captioning.registry import CAPTIONERS
from emocap.dataset.select import read_plan
from emocap.dataset.stream import Row, every_second
from emocap.io.parquet import TableWriter, read_counts
from emocap.schema.samples import Sample
from emocap.schema.shards import REJECT_SCHEMA, Reject, ShardWriter, read_sample


class CaptionShard:
    """The worker of step 3: captions the faces that ``select`` chose for one shard, and writes it."""

    def __init__(self, recipe: CaptionerRecipe, prepared: Any, keys: dict[str, str], out: Path) -> None:
        self._out = out
        self._lock = threading.Lock()
        make = CAPTIONERS[recipe.backend].make
        assert make is not None
        self._captioner = make(recipe, prepared, keys, out / "replies")
        self._reported = self._spent()

    def __call__(self, row: Row, tell: Callable[[Counter[str]], None]) -> dict[str, int]:
        """Row: ``shard``, a number of ``selected.parquet``. Returns its counts."""
        name = f"emocap-{row['shard']:06d}"
        index = self._out / "index" / f"{name}.parquet"
        if index.exists():
            return read_counts(index)
        plan = read_plan(self._out / "selected.parquet", row["shard"])
        faces = [sample for file, keys in plan.items() for sample in self._faces(file, keys.values())]
        with self._reporting(tell):
            outcomes = self._captioner.caption(faces, name)
        counts: Counter[str] = Counter(faces=len(faces))
        with ShardWriter(self._out / "shards" / f"{name}.tar", index) as shard:
            with TableWriter(self._out / "rejects" / f"{name}.parquet", REJECT_SCHEMA) as fallen:
                for face, outcome in zip(faces, outcomes, strict=True):
                    record = face.record
                    if isinstance(outcome, NoCaption):
                        why = (outcome.reason, outcome.detail, record.source.path, record.key, outcome.text)
                        fallen.add(vars(Reject("caption", *why)))
                        counts[f"caption: {outcome.reason}"] += 1
                        continue
                    caption, how = outcome
                    shard.add(Sample(record.model_copy(update={"caption": caption, "captioner": how}), face.jpeg))
                    counts["samples"] += 1
            shard.counts = dict(counts)
        return dict(counts)

    def _faces(self, file: str, offsets: Iterable[int]) -> list[Sample]:
        return [read_sample(self._out / "faces" / f"{file}.tar", offset) for offset in offsets]

    @contextlib.contextmanager
    def _reporting(self, tell: Callable[[Counter[str]], None]) -> Iterator[None]:
        """Tells what the endpoints have answered, about once a second while the block runs."""
        with every_second(lambda: tell(self._news())):
            yield

    def _news(self) -> Counter[str]:
        """What is new since some thread last asked: all shards in hand share one captioner."""
        with self._lock:
            now = self._spent()
            news, self._reported = now - self._reported, now
        return news

    def _spent(self) -> Counter[str]:
        usage = self._captioner.usage()
        counts = {"samples": usage.accepted, "faces": usage.accepted, "cost": usage.cost}
        return Counter({**counts, "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens})
