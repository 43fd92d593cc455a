"""Step 2: over the whole build, drop copies and lay out the shards. Cheap, and the same on every run."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from emocap.shards import Reject


@dataclass(frozen=True)
class Plan:
    """The shards to write: for each, which keys to take from which file of ``faces/``; and the copies dropped."""

    shards: list[dict[str, list[str]]]
    rejects: list[Reject]

    @property
    def faces(self) -> int:
        """How many faces are to be captioned."""
        return sum(len(keys) for shard in self.shards for keys in shard.values())


def select(faces: Path, samples_per_shard: int) -> Plan:
    """Lay out the faces found, in order, ``samples_per_shard`` to a shard; byte-identical inputs count once."""
    first: dict[str, str] = {}
    rejects = []
    shards: list[dict[str, list[str]]] = []
    kept = 0
    for file in sorted(faces.glob("*.parquet")):
        for row in pq.read_table(file, columns=["key", "source"]).to_pylist():
            key, source = row["key"], row["source"]
            if key in first:
                # A key begins with the hash of its source, so equal keys are equal bytes.
                rejects.append(Reject("select", "duplicate", f"same bytes as {first[key]}", source, key))
                continue
            first[key] = source
            if kept % samples_per_shard == 0:
                shards.append({})
            shards[-1].setdefault(file.stem, []).append(key)
            kept += 1
    return Plan(shards, rejects)
