"""A finished build as a collection of samples: by number, by filter, and by the words of their captions."""

# Tested in tests/test_api.py.

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from emocap.core.errors import UserError
from emocap.schema.captions import Caption
from emocap.schema.samples import Record, Sample
from emocap.schema.shards import read_index, read_sample


@dataclass(frozen=True)
class Face:
    """One sample: its picture, and everything that is known of it."""

    record: Record
    jpeg: bytes

    @property
    def image(self) -> Image.Image:
        """The crop, RGB."""
        return Image.open(io.BytesIO(self.jpeg)).convert("RGB")

    @property
    def caption(self) -> Caption | None:
        """Its caption; None in a build without captions."""
        return self.record.caption


class Dataset(Sequence[Face]):
    """The samples of a build, in the order of its shards; a picture is read when it is asked for.

    >>> dataset = Dataset.open("runs/movies")
    >>> dataset[0].caption.summary
    >>> len(dataset.filter(emotion="happiness"))
    >>> dataset.search("frown")
    """

    def __init__(self, folder: Path, table: pa.Table) -> None:
        """table: a row per sample, as ``emocap.schema.shards.INDEX_SCHEMA`` says."""
        self.folder, self.table = folder, table

    @classmethod
    def open(cls, folder: str | Path) -> "Dataset":
        """Raises UserError where the folder is not a finished build."""
        folder = Path(folder)
        if not (folder / "manifest.json").is_file():
            raise UserError(f"{folder} is not a finished build")
        return cls(folder, read_index(folder / "index"))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, place: Any) -> Any:
        """A sample by its number, or a smaller dataset by a slice. Raises IndexError."""
        if isinstance(place, slice):
            return Dataset(self.folder, self.table.take(list(range(*place.indices(len(self))))))
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(f"sample {place} of {len(self)}")
        row = self.table.slice(number, 1).to_pylist()[0]
        sample: Sample = read_sample(self.folder / "shards" / f"{row['shard']}.tar", row["offset"])
        return Face(sample.record, sample.jpeg)

    def __iter__(self) -> Iterator[Face]:
        return (self[number] for number in range(len(self)))

    def filter(self, where: Callable[[Record], bool] | None = None, **columns: Any) -> "Dataset":
        """The samples whose index columns have these values, and for which ``where`` holds.

        Columns are found without reading a picture; ``where`` reads each record that is left. Raises UserError for a
        column that the index does not have.
        """
        table = self.table
        for name, value in columns.items():
            if name not in table.column_names:
                raise UserError(f"there is no column {name}; there are {', '.join(table.column_names)}")
            table = table.filter(pc.equal(table[name], value))
        found = Dataset(self.folder, table)
        if where is None:
            return found
        return Dataset(self.folder, table.take([n for n, face in enumerate(found) if where(face.record)]))

    def search(self, words: str) -> "Dataset":
        """The samples in whose captions a text stands, whatever the case."""
        wanted = words.casefold()

        def has(record: Record) -> bool:
            return record.caption is not None and any(wanted in text.casefold() for text in record.caption.texts())

        return self.filter(has)
