"""The rows of a build that a page needs: columns for charts, single rows for cards. Pictures stay in their tars."""

# Tested in tests/reports/sections/test_builds.py.

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emocap.schema.samples import Sample
from emocap.schema.shards import INDEX_SCHEMA, read_sample

_PLACE = ["key", "shard", "offset"]


@dataclass(frozen=True)
class BuildIndex:
    """The index of a build, or of its faces where nothing was captioned.

    Files are read one after the other: Arrow's datasets keep the metadata of every file, which adds up.
    """

    tars: Path
    files: list[Path]

    @classmethod
    def of(cls, folder: Path, captioned: bool) -> "BuildIndex":
        """The rows of a build folder."""
        files = sorted((folder / ("index" if captioned else "faces")).glob("*.parquet"))
        return cls(folder / ("shards" if captioned else "faces"), files)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column, all rows."""
        chunks = [pq.read_table(file, columns=[name]).column(name).combine_chunks() for file in self.files]
        return pa.chunked_array(chunks, INDEX_SCHEMA.field(name).type)

    def numbers(self, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """One column of numbers, without the rows that have none."""
        return np.asarray(self.column(name).drop_null().to_numpy(), dtype=np.float64)

    def spread(self, most: int) -> list[dict[str, Any]]:
        """Key, shard and offset of up to ``most`` rows, spread evenly over all; the same ones every time."""
        counts = [pq.read_metadata(file).num_rows for file in self.files]
        wanted = evenly(sum(counts), most)
        rows: list[dict[str, Any]] = []
        begin = 0
        for file, count in zip(self.files, counts, strict=True):
            inside = [place - begin for place in wanted if begin <= place < begin + count]
            if inside:
                rows += pq.read_table(file, columns=_PLACE).take(inside).to_pylist()
            begin += count
        return rows

    def find(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Key → its first row (key, shard, offset), for those that are there."""
        if not (keys and self.files):
            return {}
        wanted = pc.field("key").isin(list(keys))
        found: dict[str, dict[str, Any]] = {}
        for file in self.files:
            for row in pq.read_table(file, columns=_PLACE).filter(wanted).to_pylist():
                found.setdefault(row["key"], row)
        return found

    def sample(self, row: dict[str, Any]) -> Sample:
        """The sample of a row."""
        return read_sample(self.tars / f"{row['shard']}.tar", row["offset"])


def evenly(total: int, most: int) -> list[int]:
    """Up to ``most`` places below ``total``, one drawn from each of as many equal stretches; the same ones every time.

    Drawn and not counted off, so that an order with a period, such as neutral and smiling in turn, does not show.
    """
    if total <= most:
        return list(range(total))
    borders = [i * total // most for i in range(most + 1)]
    drawn = Random(total)
    return [drawn.randrange(low, high) for low, high in itertools.pairwise(borders)]


def shared_keys(tables: Sequence[BuildIndex]) -> list[str]:
    """The keys that are in two builds or more, in the order in which they come."""
    keys = [rows.column("key").unique() for rows in tables if rows.files]
    if len(keys) < 2:
        return []
    counted = pc.value_counts(pa.concat_arrays(keys))
    often = pc.greater(counted.field("counts"), 1)
    shared: list[str] = counted.field("values").filter(often).to_pylist()
    return shared
