"""Clips that a table names, each with free words, one label or a number: the datasets of MER-UniBench."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, within
from emocap.core.errors import UserError
from emocap.core.recipes import Recipe
from emocap.io.media import Film
from emocap.io.tables import table_of
from emocap.io.text import number_of
from emocap.metrics.wheel.lists import string_to_list


class Transcript(Recipe):
    """A table of what is said in each clip."""

    table: str
    """Its path below the data; its column ``name`` names the clips."""
    column: str
    """Which of its columns has the words."""


class ClipTable(Layout):
    """A table with a column ``name`` and one more: ``openset`` or ``label``, words as in ``[happy, relieved]``, or
    ``value``, a number whose sign counts. All clips are tested on.

    The authors' own labels are mostly .npz files of pickled Python objects, which are not opened: opening one
    may run what is hidden in it.
    """

    reader: Literal["clip-table"]
    table: str
    """Path of the table below the data."""
    column: Literal["openset", "label", "value"]
    """Which column says what the clip shows."""
    pickled: str | None = None
    """What the authors' file is called that the table is written from, to tell who has that one alone."""
    transcript: Transcript | None = None
    """What is said; null: nothing is read of it."""
    media: list[str] = Field(min_length=1)
    """Where a clip may lie below the data, {name} standing for it. The first that is there counts."""

    @model_validator(mode="after")
    def _places(self) -> Self:
        if odd := [template for template in self.media if template.count("{name}") != 1]:
            raise ValueError(f"media: {odd[0]!r} has no place {{name}} for the clip, or several")
        return self

    def read(self, root: Path) -> Iterator[Example]:
        """In the order of the table."""
        table = root / self.table
        if not table.exists() and self.pickled and (root / self.pickled).exists():
            raise UserError(
                f"{root / self.pickled} holds pickled Python objects, which emocap does not open: write its test part "
                f"as {self.table} with columns name,{self.column}"
            )
        said = self._spoken(root)
        for number, row in enumerate(table_of(table, ["name", self.column]), start=2):
            where, name = f"{table}, line {number}", row["name"].strip()
            if not name:
                raise UserError(f"{where}: no name")
            places = [within(root, template.replace("{name}", name), where) for template in self.media]
            path = next((place for place in places if place.exists()), places[0])
            annotated = row[self.column].strip()
            yield Example(
                name=name,
                media=Film(path),
                labels=None if self.column == "value" else tuple(string_to_list(annotated)),
                values={"sentiment": number_of(annotated, where)} if self.column == "value" else None,
                text=said.get(name) if said else None,
            )

    def _spoken(self, root: Path) -> dict[str, str]:
        if self.transcript is None:
            return {}
        columns = ["name", self.transcript.column]
        rows = table_of(root / self.transcript.table, columns)
        return {row["name"].strip(): row[self.transcript.column].strip() for row in rows}


READER = ClipTable
