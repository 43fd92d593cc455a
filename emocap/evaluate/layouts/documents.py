"""JSON files of annotation, checked against a type."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from emocap.errors import UserError
from emocap.evaluate.layouts.base import text_of

T = TypeVar("T")


def document(path: Path, kind: type[T]) -> T:
    """The content of a JSON file. Raises UserError, naming the first place, where it is not of that kind."""
    try:
        return TypeAdapter(kind).validate_json(text_of(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}") from None
