"""JSON files, checked against a type."""

# Tested in tests/benchmarks/readers/test_afew_va.py.

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from emocap.core.errors import UserError
from emocap.io.text import numbered_lines, text_of

T = TypeVar("T")


def document(path: Path, kind: type[T]) -> T:
    """The content of a JSON file. Raises UserError, naming the first place, where it is not of that kind."""
    return _checked(text_of(path), TypeAdapter(kind), str(path))


def documents(path: Path, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Of each line of a file of JSON lines, where it stands and its content. Raises as :func:`document`."""
    checked = TypeAdapter(kind)
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        yield where, _checked(line, checked, where)


def _checked(text: str, kind: TypeAdapter[T], where: str) -> T:
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{where}: {'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}") from None
