"""The one error that the command line turns into one line and exit code 2."""

# Tested in tests/core/test_registries.py.

from collections.abc import Sequence


class UserError(Exception):
    """Something the user must change. The message is one line that says what is wrong and how to mend it.

    >>> try:
    ...     emocap.open_dataset("nowhere")
    ... except emocap.UserError as error:
    ...     print(error)
    nowhere is not a finished build
    """


def few(problems: Sequence[str], most: int = 10) -> str:
    """The first of many problems in one line, and how many more there are."""
    more = [f"and {len(problems) - most:,} more"] if len(problems) > most else []
    return "; ".join([*problems[:most], *more])
