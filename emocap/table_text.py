"""The text of a table that people have saved: UTF-8, its cells parted by commas; and numbers in it."""

import math
from pathlib import Path

from emocap.errors import UserError

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


def check_commas(path: Path, header: list[str]) -> None:
    """Raises UserError where a header was not parted, because its columns are parted by something else."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise UserError(f"{path}: its columns are parted by {name}; save it with commas")


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
