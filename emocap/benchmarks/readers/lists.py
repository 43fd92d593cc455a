"""Clips that list files name, a line each with its label: DFEW, FERV39k, MAFW, and lists that others share."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, pictures_in
from emocap.core.errors import UserError
from emocap.io.media import Film, Frames, Media
from emocap.io.tables import table_of
from emocap.io.text import lines_of
from emocap.io.video import SUFFIXES as FILMS

_SEPARATORS = {"comma": ",", "tab": "\t"}
_GROUPS = {"clip", "label", "subject"}


class Lists(Layout):
    """Clips that list files name, a line each with its label; one file per split, and per fold where there are folds.

    A list either names its labels or numbers them. Sources of the same data number them differently, so numbers are
    read with ``order`` only.
    """

    reader: Literal["lists"]
    train: str | None = None
    """Path of the list below the data; {fold} stands for the number of the fold, counted from 1."""
    val: str | None = None
    """The same, of the clips to validate on."""
    test: str
    """The same, of the clips to test on."""
    folds: int = Field(1, ge=1)
    """How many official folds there are."""
    separator: Literal["comma", "space", "tab"]
    """What parts a line. The clip comes first and the label second; of spaces the last one parts them."""
    columns: tuple[str, str] | None = None
    """Of lists with a header: its names for the clip and for the label."""
    order: list[str] = []
    """What the numbers of the list stand for, in the annotation's words: names of classes, or codes in the paths."""
    first: int = 0
    """The number of the first class of ``order``."""
    pattern: str = r"^(?P<clip>.+)$"
    """A regular expression that is searched in what the list calls a clip. Its groups are ``clip``, and where the
    name tells them ``subject`` and ``label``, which must then agree with the label of the list."""
    media: list[str]
    """Where a clip may lie below the data, {clip} standing for it: a video file or a folder of frames. The first that
    is there counts."""

    @field_validator("train", "val", "test")
    @classmethod
    def _list(cls, template: str | None) -> str | None:
        return template if template is None else _template(template, "fold")

    @field_validator("media")
    @classmethod
    def _places(cls, templates: list[str]) -> list[str]:
        if not templates:
            raise ValueError("at least one place where a clip may lie")
        return [_template(template, "clip") for template in templates]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            groups = set(re.compile(self.pattern).groupindex)
        except re.error as error:
            raise ValueError(f"pattern: {error}") from None
        if "clip" not in groups or groups - _GROUPS:
            raise ValueError("pattern: groups are clip, which must be there, label and subject")
        if self.columns and self.separator == "space":
            raise ValueError("columns: lists parted by spaces have no header")
        if len({name.casefold() for name in self.order}) < len(self.order):
            raise ValueError("order: a class is named twice")
        return self

    def read(self, root: Path) -> Iterator[Example]:
        """From all lists, in the order in which they name clips; a clip is one example with its split in each fold."""
        clips: dict[str, Example] = {}
        for fold, split, path in self._files(root):
            for where, name, annotated in self._lines(path):
                known = self._known(name, where)
                clip, label = str(known["clip"]), self._named(annotated, where)
                if (says := known.get("label")) and says.casefold() != label.casefold():
                    raise UserError(
                        f"{where}: {name} says {says}, and the label {annotated} says {label}: "
                        "layout.order is not the order of this list, or the line is wrong"
                    )
                if clip not in clips:
                    example_name, media = self._media(root, clip)
                    clips[clip] = Example(example_name, media, ("",) * self.folds, label, subject=known.get("subject"))
                example = clips[clip]
                if str(example.label).casefold() != label.casefold():
                    raise UserError(f"{where}: {clip} is {label}, and elsewhere in the lists {example.label}")
                if example.splits[fold]:
                    raise UserError(f"{where}: {clip} is in {example.splits[fold]} of the same fold already")
                splits = (*example.splits[:fold], split, *example.splits[fold + 1 :])
                clips[clip] = replace(example, splits=splits)
        yield from clips.values()

    def _files(self, root: Path) -> Iterator[tuple[int, str, Path]]:
        """Fold, counted from 0, split and path of every list."""
        for fold in range(self.folds):
            for split, template in (("train", self.train), ("val", self.val), ("test", self.test)):
                if template is not None:
                    yield fold, split, root / template.format(fold=fold + 1)

    def _lines(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """Where it stands, what the clip is called, and its label as written."""
        if self.columns:
            for number, row in enumerate(table_of(path, list(self.columns), _SEPARATORS[self.separator]), start=2):
                clip, label = (row[column].strip() for column in self.columns)
                yield f"{path}, line {number}", clip, label
            return
        for number, line in enumerate(lines_of(path), start=1):
            parts = line.rsplit(maxsplit=1) if self.separator == "space" else line.split(_SEPARATORS[self.separator])
            if len(parts) < 2:
                raise UserError(f"{path}, line {number}: {line[:60]!r} is not a clip and a label by {self.separator}")
            yield f"{path}, line {number}", parts[0].strip(), parts[1].strip()

    def _known(self, name: str, where: str) -> dict[str, str | None]:
        found = re.search(self.pattern, name)
        if not found:
            raise UserError(f"{where}: {name!r} is no clip in the form of {self.pattern}")
        return found.groupdict()

    def _named(self, label: str, where: str) -> str:
        if not re.fullmatch(r"-?\d+", label):
            return label
        if not self.order:
            raise UserError(
                f"{where}: the label is the number {label}; sources number classes differently: name them in the "
                "order of this list in layout.order"
            )
        place = int(label) - self.first
        if not 0 <= place < len(self.order):
            last = self.first + len(self.order) - 1
            raise UserError(
                f"{where}: the label {label} is not one of {self.first} to {last}, as layout.order has them"
            )
        return self.order[place]

    def _media(self, root: Path, clip: str) -> tuple[str, Media]:
        """The name of an example, which is its first place whether or not it lies there, and its pictures."""
        places = [template.format(clip=clip) for template in self.media]
        path = root / next((place for place in places if (root / place).exists()), places[0])
        if path.suffix.lower() in FILMS:
            return places[0], Film(path)
        return places[0], Frames(pictures_in(path) if path.is_dir() else [])


def _template(template: str, field: str) -> str:
    try:
        template.format(**{field: 1 if field == "fold" else "1"})
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"{template!r}: only {{{field}}} can be filled in ({error})") from None
    return template


READER = Lists
