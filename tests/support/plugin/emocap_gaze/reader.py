"""A table of pictures and the direction of their gaze."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.io.media import Picture
from emocap.io.tables import table_of


class GazeTable(Layout):
    reader: Literal["gaze-table"]
    table: str = "gaze.csv"

    def read(self, root: Path) -> Iterator[Example]:
        for row in table_of(root / self.table, ["path", "degrees", "split"]):
            yield Example(
                name=row["path"],
                media=Picture(root / row["path"]),
                splits=(row["split"],),
                values={"degrees": float(row["degrees"])},
            )
