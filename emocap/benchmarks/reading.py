"""Which readers there are, and the field of a card that names one."""

# Tested in tests/benchmarks/test_cards.py.

import typing
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationError

from emocap.benchmarks.readers.base import Layout
from emocap.core.errors import UserError
from emocap.core.recipes import complaint
from emocap.core.registries import Registry


def _name(kind: type[Layout]) -> str:
    """What ``reader: Literal["..."]`` of a class says."""
    (name,) = typing.get_args(kind.model_fields["reader"].annotation)
    return str(name)


READERS = Registry[type[Layout]]("reader", "emocap.benchmarks.readers", "READER", _name)


def _parse(value: Any) -> Any:
    if isinstance(value, Layout) or not isinstance(value, dict):
        return value
    if "reader" not in value:
        raise ValueError("reader is missing")
    try:
        kind = READERS[str(value["reader"])]
    except UserError as error:
        raise ValueError(str(error)) from None
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise ValueError(complaint(kind, error)) from None


AnyLayout = Annotated[SerializeAsAny[Layout], BeforeValidator(_parse)]
"""A layout of any reader, checked as that reader asks."""
