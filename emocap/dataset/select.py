"""Step 2: over the whole build, copies and near-duplicates are dropped and the shards are laid out.

Every face found passes here once, in order, with the first of its like kept. What has been kept lies in a database on
disk, not in memory, so that a build of ten million faces needs no more of it than one of ten.
"""

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.faces.hashing import BITS, bits_apart
from emocap.io.parquet import TableWriter
from emocap.schema.shards import REJECT_SCHEMA, Reject

SELECTED_SCHEMA = pa.schema([("shard", pa.int32()), ("file", pa.string()), ("key", pa.string())])
"""Which key of which file of ``faces/`` goes into which shard, in order."""


def select(out: Path, samples_per_shard: int, most_bits: int | None) -> None:
    """Lay out the faces found, in order, ``samples_per_shard`` to a shard: writes ``selected.parquet`` and rejects.

    Byte-identical inputs count once; so do faces whose perceptual hashes differ in at most ``most_bits`` bits (None:
    no such check). ``selected.parquet`` is written last: where it exists, this step is done.
    """
    with (
        TableWriter(out / "selected.parquet", SELECTED_SCHEMA, rows_per_group=10_000) as selected,
        TableWriter(out / "rejects" / "select.parquet", REJECT_SCHEMA) as rejects,
        _Kept(out / ".selecting.sqlite", most_bits) as kept,
    ):
        count = 0
        for file, row in _faces(out / "faces"):
            if (other := kept.same(row["key"])) is not None:
                # A key begins with the hash of its source, so equal keys are equal bytes.
                reject = Reject("select", "duplicate", f"same bytes as {other}", row["source"], row["key"])
            elif row["phash"] and (near := kept.near(row["phash"])) is not None:
                bits, key = near
                detail = f"differs from {key} in {bits} of {BITS} bits"
                reject = Reject("select", "near_duplicate", detail, row["source"], row["key"])
            else:
                kept.add(row["key"], row["source"], row["phash"])
                selected.add({"shard": count // samples_per_shard, "file": file, "key": row["key"]})
                count += 1
                continue
            rejects.add(vars(reject))
        selected.counts = {"faces": count, "shards": -(-count // samples_per_shard)}


def read_plan(selected: Path, shard: int) -> dict[str, list[str]]:
    """Which keys to take from which file of ``faces/`` for a shard, in order."""
    files: dict[str, list[str]] = {}
    for row in pq.read_table(selected, filters=[("shard", "=", shard)]).to_pylist():
        files.setdefault(row["file"], []).append(row["key"])
    return files


def _faces(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1000, columns=["key", "source", "phash"]):
            for row in batch.to_pylist():
                yield path.stem, row


class _Kept:
    """The faces kept so far, in a scratch database.

    Hashes that differ in at most d bits differ, in at least one of d // 2 + 1 pieces of them, in one bit or none (the
    pigeonhole principle): a look-up of every piece with every one of its bits turned finds all candidates, and few
    others. How long that takes does not depend on how many faces there are.
    """

    def __init__(self, path: Path, most_bits: int | None) -> None:
        self._path = path
        self._most_bits = most_bits
        pieces = max((most_bits or 0) // 2 + 1, -(-BITS // 62))  # SQLite's integers hold 63 bits
        edges = [BITS * i // pieces for i in range(pieces + 1)]
        self._pieces = [(low, high - low) for low, high in itertools.pairwise(edges)]

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        self._database = sqlite3.connect(self._path, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; BEGIN;"
            "CREATE TABLE faces (number INTEGER PRIMARY KEY, key TEXT UNIQUE, source TEXT, phash TEXT);"
            "CREATE TABLE pieces (place INTEGER, bits INTEGER, face INTEGER, PRIMARY KEY (place, bits, face))"
            " WITHOUT ROWID;"
        )
        return self

    def same(self, key: str) -> str | None:
        """The source that was kept under this very key."""
        row = self._database.execute("SELECT source FROM faces WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def near(self, phash: str) -> tuple[int, str] | None:
        """The nearest face kept that differs in few enough bits: in how many, and its key."""
        if self._most_bits is None:
            return None
        found = (
            (bits_apart(phash, other), key)
            for place, bits, width in self._split(int(phash, 16))
            for other, key in self._database.execute(
                "SELECT phash, key FROM pieces JOIN faces ON number = face WHERE place = ? AND bits IN"
                f" (?{', ?' * width})",
                (place, bits, *(bits ^ 1 << turned for turned in range(width))),
            )
        )
        return min((near for near in found if near[0] <= self._most_bits), default=None)

    def add(self, key: str, source: str, phash: str | None) -> None:
        """Keep a face."""
        number = self._database.execute(
            "INSERT INTO faces (key, source, phash) VALUES (?, ?, ?)", (key, source, phash)
        ).lastrowid
        if phash and self._most_bits is not None:
            rows = [(place, bits, number) for place, bits, _ in self._split(int(phash, 16))]
            self._database.executemany("INSERT INTO pieces VALUES (?, ?, ?)", rows)

    def _split(self, value: int) -> list[tuple[int, int, int]]:
        """Which piece, its bits, and how many they are."""
        return [(place, value >> low & (1 << width) - 1, width) for place, (low, width) in enumerate(self._pieces)]

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._path.unlink(missing_ok=True)
