"""What the readers of coded action units share: codes, people in folds, numbered frames."""

# Tested in tests/benchmarks/readers/test_aff_wild2.py.

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from emocap.benchmarks.readers.base import pictures_in
from emocap.core.errors import UserError

PRESENT = 5.0
"""Intensity of a unit that is coded as present and no more: the top, so that it is present at every threshold."""

UNKNOWN = ("9", "-1", "999")
"""Codes of a unit that could not be coded."""


def occurrences(codes: Iterable[tuple[int, str]], where: str) -> dict[int, float]:
    """FACS number → PRESENT or 0, from codes 1 and 0; units whose code is in UNKNOWN are not in it.

    Raises UserError, which begins with ``where``, for any other code.
    """
    units = {}
    for unit, code in codes:
        if code in ("0", "1"):
            units[unit] = PRESENT * int(code)
        elif code not in UNKNOWN:
            raise UserError(f"{where}: AU{unit} is coded {code!r}, not 0, 1 or {' or '.join(UNKNOWN)} (unknown)")
    return units


def _apart(folds: list[list[str]]) -> list[list[str]]:
    people = [person for fold in folds for person in fold]
    if twice := sorted({person for person in people if people.count(person) > 1}):
        raise ValueError(f"{', '.join(twice)} is tested in more than one fold")
    if len(folds) == 1:
        raise ValueError("one fold alone leaves nobody to learn from")
    return folds


Folds = Annotated[list[list[str]], AfterValidator(_apart)]
"""Who is tested in which fold; everybody else is in its training."""


def splits_of(person: str, folds: list[list[str]], where: str) -> tuple[str, ...]:
    """A person's split in every fold; only ``test`` where there are no folds.

    Raises UserError for somebody who is tested in none.
    """
    if not folds:
        return ("test",)
    if not any(person in fold for fold in folds):
        raise UserError(f"{where}: {person} is in no fold of the card")
    return tuple("test" if person in fold else "train" for fold in folds)


def numbered(folder: Path) -> dict[int, str]:
    """Number → name of the picture files of a folder whose names are numbers, with zeros before them or without."""
    if not folder.is_dir():
        return {}
    return {int(path.stem): path.name for path in pictures_in(folder) if path.stem.isdecimal()}
