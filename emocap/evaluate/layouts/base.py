"""What every layout has, and what their readers share."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from emocap.errors import UserError
from emocap.evaluate.examples import Example
from emocap.faces.images import SUFFIXES
from emocap.recipes import Recipe

ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in turn: UTF-8 with or without a mark at its beginning, and GBK, as in MAFW's captions."""


class Layout(Recipe):
    """How a benchmark lies on disk. A subclass names its ``reader``, has its arguments, and reads."""

    def read(self, root: Path) -> Iterator[Example]:
        """The examples below ``root``, in a fixed order, with labels as the annotation writes them.

        A picture that the annotation names and the disk lacks is given all the same: what is missing is told when it
        is looked at, and counted by ``emocap benchmarks check``. Raises UserError where the annotation itself is not
        there or not what it should be.
        """
        raise NotImplementedError


def text_of(path: Path) -> str:
    """A text file in one of ENCODINGS. Raises UserError where it is absent or in none of them."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path} is text in none of {', '.join(ENCODINGS)}")


def lines_of(path: Path) -> list[str]:
    """Its lines without surrounding space, empty ones left out."""
    return [line for _, line in numbered_lines(path)]


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line that is not empty, without surrounding space. Line ends alone part lines:
    texts in JSON may hold other signs that ``splitlines`` takes for one.
    """
    for number, line in enumerate(io.StringIO(text_of(path), newline=None), start=1):
        if line.strip():
            yield number, line.strip()


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number of the line and values of each row of a csv file, with or without a header, one after the other: some are
    too large to be held at once. Raises UserError where it is absent or in none of ENCODINGS.
    """
    for encoding in ENCODINGS:
        try:
            with path.open(encoding=encoding) as file:
                for _ in file:
                    pass
        except UnicodeDecodeError:
            continue
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, skipinitialspace=True)
            try:
                yield from ((reader.line_num, row) for row in reader if row)
            except csv.Error as error:
                raise UserError(f"{path}, line {reader.line_num}: {error}") from None
        return
    raise UserError(f"{path} is text in none of {', '.join(ENCODINGS)}")


def table_of(path: Path, columns: list[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a file of values with a header that has at least ``columns``; UserError where it has not."""
    text = io.StringIO(text_of(path), newline="")
    reader = csv.DictReader(text, delimiter=delimiter, skipinitialspace=True)
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
        if missing:
            there = ", ".join(reader.fieldnames or [])
            raise UserError(f"{path} has no column {', '.join(missing)}; there are {there}")
        for row in reader:
            if any(row.get(column) is None for column in columns):
                raise UserError(f"{path}, line {reader.line_num}: fewer values than the header has columns")
            yield row
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None


def folder_of(root: Path, *names: str) -> Path:
    """The first of some folders below ``root`` that is there. Raises UserError where none is."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise UserError(f"--data: {root} has no folder {' or '.join(names)}")


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
