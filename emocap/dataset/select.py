"""Step 2: over the whole build, copies and near-duplicates are dropped and the shards are laid out.

Every face found passes here once, in order. Of copies from several inputs the labelled one is kept, then the larger,
then the first; of a film's own frames the first. What has been kept lies in a database on disk, not in memory, so that
a build of ten million faces needs no more of it than one of ten.
"""

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from emocap.faces.hashing import BITS, bits_apart
from emocap.io.parquet import TableWriter
from emocap.schema.shards import REJECT_SCHEMA, Reject, read_sample

SELECTED_SCHEMA = pa.schema(
    [("shard", pa.int32()), ("file", pa.string()), ("key", pa.string()), ("offset", pa.int64())]
)
"""Which key of which file of ``faces/``, and where in its tar, goes into which shard, in order."""

_LABELS = ("emotions", "action_units", "intensity", "valence", "arousal")
"""What a face may be labelled with beside emotion and subject, which the index has."""
_COLUMNS = ["key", "source", "phash", "size", "emotion", "subject", "offset"]


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
        for face in _faces(out / "faces"):
            for lost in _choose(kept, face):
                rejects.add(vars(lost))
        count = 0
        for face in kept.all():
            row = {"file": face.file, "key": face.key, "offset": face.offset}
            selected.add({"shard": count // samples_per_shard, **row})
            count += 1
        selected.counts = {"faces": count, "shards": -(-count // samples_per_shard)}


def read_plan(selected: Path, shard: int) -> dict[str, dict[str, int]]:
    """File of ``faces/`` → key → offset in its tar, of the faces to take for a shard, in order."""
    files: dict[str, dict[str, int]] = {}
    for row in pq.read_table(selected, filters=[("shard", "=", shard)]).to_pylist():
        files.setdefault(row["file"], {})[row["key"]] = row["offset"]
    return files


@dataclass(frozen=True)
class _Face:
    """A face that was found, and what its copies are compared by."""

    number: int
    file: str
    offset: int
    key: str
    source: str
    phash: str | None
    size: float
    labelled: bool | None
    """None: the index does not say; its record does."""


def _choose(kept: "_Kept", face: _Face) -> Iterator[Reject]:
    """Keep a face, or those kept before that it is a copy of; gives what is dropped."""
    # A key begins with the hash of its source, so equal keys are equal bytes.
    same = kept.same(face.key)
    rivals = {same.number: (same, 0)} if same else kept.near(face.phash)
    reason = "duplicate" if same else "near_duplicate"

    def like(other: _Face, bits: int) -> str:
        return f"same bytes as {other.source}" if same else f"differs from {other.key} in {bits} of {BITS} bits"

    if not all(kept.better(face, other) for other, _ in rivals.values()):
        other, bits = min(rivals.values(), key=lambda rival: (rival[1], rival[0].key))
        yield Reject("select", reason, like(other, bits), face.source, face.key)
        return
    for other, bits in rivals.values():
        kept.drop(other)
        yield Reject("select", reason, like(face, bits), other.source, other.key)
    kept.add(face)


def _faces(folder: Path) -> Iterator[_Face]:
    number = itertools.count()
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1000, columns=_COLUMNS):
            for row in batch.to_pylist():
                named = [row.pop("emotion"), row.pop("subject")] != [None, None]
                yield _Face(next(number), path.stem, labelled=True if named else None, **row)


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
            "CREATE TABLE faces (number INTEGER PRIMARY KEY, file TEXT, offset INTEGER, key TEXT UNIQUE, source TEXT,"
            " phash TEXT, size REAL, labelled INTEGER);"
            "CREATE TABLE pieces (place INTEGER, bits INTEGER, face INTEGER, PRIMARY KEY (place, bits, face))"
            " WITHOUT ROWID;"
        )
        return self

    def all(self) -> Iterator[_Face]:
        """Every face kept, in the order in which they were found."""
        return (_Face(*row) for row in self._database.execute("SELECT * FROM faces ORDER BY number"))

    def same(self, key: str) -> _Face | None:
        """The face that was kept under this very key."""
        row = self._database.execute("SELECT * FROM faces WHERE key = ?", (key,)).fetchone()
        return _Face(*row) if row else None

    def near(self, phash: str | None) -> dict[int, tuple[_Face, int]]:
        """The faces kept that differ in few enough bits, by their numbers, and in how many."""
        if self._most_bits is None or phash is None:
            return {}
        found = {}
        for place, bits, width in self._split(int(phash, 16)):
            for row in self._database.execute(
                "SELECT faces.* FROM pieces JOIN faces ON number = face WHERE place = ? AND bits IN"
                f" (?{', ?' * width})",
                (place, bits, *(bits ^ 1 << turned for turned in range(width))),
            ):
                face = _Face(*row)
                if (apart := bits_apart(phash, face.phash or "")) <= self._most_bits:
                    found[face.number] = (face, apart)
        return found

    def better(self, face: _Face, other: _Face) -> bool:
        """Whether a face is to be kept in the place of one that was found before it."""
        if face.source == other.source:
            return False
        return (self._labelled(face), face.size) > (self._labelled(other), other.size)

    def _labelled(self, face: _Face) -> bool:
        if face.labelled is None:
            tar = self._path.parent / "faces" / f"{face.file}.tar"
            known = read_sample(tar, face.offset).record.labels
            return known is not None and any(getattr(known, name) is not None for name in _LABELS)
        return bool(face.labelled)

    def add(self, face: _Face) -> None:
        """Keep a face."""
        self._database.execute(
            f"INSERT INTO faces VALUES ({', '.join('?' * len(vars(face)))})", (*vars(face).values(),)
        )
        self._database.executemany("INSERT INTO pieces VALUES (?, ?, ?)", self._rows(face))

    def drop(self, face: _Face) -> None:
        """Keep it no longer."""
        self._database.execute("DELETE FROM faces WHERE number = ?", (face.number,))
        self._database.executemany("DELETE FROM pieces WHERE place = ? AND bits = ? AND face = ?", self._rows(face))

    def _rows(self, face: _Face) -> list[tuple[int, int, int]]:
        if not face.phash or self._most_bits is None:
            return []
        return [(place, bits, face.number) for place, bits, _ in self._split(int(face.phash, 16))]

    def _split(self, value: int) -> list[tuple[int, int, int]]:
        """Which piece, its bits, and how many they are."""
        return [(place, value >> low & (1 << width) - 1, width) for place, (low, width) in enumerate(self._pieces)]

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._path.unlink(missing_ok=True)
