"""What every layout has, and what their readers share."""

# Tested in tests/benchmarks/readers/test_unbc.py.

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.core.recipes import Recipe
from emocap.io.images import SUFFIXES


class Layout(Recipe):
    """How a benchmark lies on disk. A subclass names its ``reader``, has its arguments, and reads."""

    has_captions: ClassVar[bool] = False
    """Whether its examples have captions."""
    root_file: ClassVar[str | None] = None
    """A file by which the data is found in the folder itself, where a card names no folder of its own."""

    def read(self, root: Path) -> Iterator[Example]:
        """The examples below ``root``, in a fixed order, with labels as the annotation writes them.

        Pictures that the annotation names and the disk lacks are included: they are reported when they are read, and
        counted by ``emocap benchmarks check``. Raises UserError if the annotation itself is absent or not as expected.
        """
        raise NotImplementedError


def folder_of(root: Path, *names: str) -> Path:
    """The first of some folders below ``root`` that is there. Raises UserError where none is."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise UserError(f"data: {root} has no folder {' or '.join(names)}")


def within(folder: Path, name: str, where: str) -> Path:
    """The file that a list calls ``name``, below a folder. Raises UserError where the name leads out of it."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{where}: {name!r} is not a name below {folder}")
    return folder / name


def pictures_in(folder: Path) -> list[Path]:
    """Picture files in a folder, sorted by name, numbers by their value; AppleDouble files (``._*``) are none."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("._")]
    return sorted(found, key=lambda path: natural(path.name))


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts img2 before img10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]
