"""A folder that emocap build has made."""

# Tested in tests/evaluation/test_runner.py.

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout
from emocap.core.errors import UserError
from emocap.io.media import Stored
from emocap.schema.facs import UNITS, intensity
from emocap.schema.samples import Labels
from emocap.schema.shards import read_shard


class Build(Layout):
    """A folder made by emocap build; labels, subjects and split come from its records."""

    reader: Literal["build"]
    has_captions: ClassVar[bool] = True
    root_file: ClassVar[str | None] = "manifest.json"

    def read(self, root: Path) -> Iterator[Example]:
        """From the records of its shards."""
        if not (root / "manifest.json").is_file():
            raise UserError(f"data: {root} is not a finished build")
        for tar in sorted((root / "shards").glob("*.tar")):
            for sample in read_shard(tar):
                labels = sample.record.labels or Labels()
                coded = labels.action_units
                yield Example(
                    name=sample.record.key,
                    media=Stored(sample.jpeg),
                    splits=(labels.split or "test",),
                    label=labels.emotion,
                    units=None if coded is None else {unit: intensity(coded, unit) for unit in UNITS},
                    subject=labels.subject,
                    caption=sample.record.caption,
                )


READER = Build
