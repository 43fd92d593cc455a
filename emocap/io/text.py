"""Text files in the encodings that people save them in, and numbers in text."""

# Tested in tests/benchmarks/readers/test_unbc.py.

import io
import math
from collections.abc import Iterator
from pathlib import Path

from emocap.core.errors import UserError

ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in turn: UTF-8 with or without a mark at its beginning, and GBK, as in MAFW's captions."""

_HINT = "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"


def read_text(path: Path) -> str:
    """The file as UTF-8, with or without a mark at its beginning. Raises UserError for a file that cannot be read, and
    for any other encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{path} is UTF-16; {_HINT}")
    if (place := content.find(b"\0")) >= 0:
        raise UserError(f"{path}, line {_line(content, place)}, has null bytes, as UTF-16 has; {_HINT}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {_line(content, error.start)}, is not UTF-8; {_HINT}") from None


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


def number_of(text: str, where: str) -> float:
    """The finite number that a text is. Raises UserError, beginning with ``where``, for any other."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: {text!r} is not a number")
    return value


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1
