"""Miniatures of BP4D and DISFA."""

from collections.abc import Callable
from pathlib import Path

from emocap.evaluate.cards import Card
from emocap.evaluate.layouts.bp4d import BP4D
from emocap.evaluate.layouts.disfa import DISFA
from emocap.evaluate.miniatures.faces import picture, posed, save
from emocap.evaluate.miniatures.units import takes

_PEOPLE = 2
"""Of each fold."""
_TABLE = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 23, 24, 27, 28)
"""Units that BP4D's tables have columns for."""
_CODED = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""Units that DISFA has files for."""


def _bp4d(card: Card, root: Path) -> None:
    """Two tasks per person; 28 is never coded (9), and neither is 24 in the face at rest."""
    assert isinstance(card.layout, BP4D)
    people = [person for fold in card.layout.folds for person in fold[:_PEOPLE]]
    for number, person in enumerate(people):
        shown = list(takes(card.action_units, number))
        half = len(shown) // 2
        for task, part, first in (("T1", shown[:half], 2440), ("T2", shown[half:], 87)):
            rows = [",".join(["0", *map(str, _TABLE)])]
            for frame, units in enumerate(part, start=first):
                codes = {unit: str(int(str(unit) in units)) for unit in _TABLE} | {28: "9"}
                if not units:
                    codes[24] = "9"
                rows.append(",".join([str(frame), *codes.values()]))
                save(picture(posed(number, units)), root / "img" / person / task / f"{frame}.jpg")
            _write(root / "AUCoding" / "AU_OCC" / f"{person}_{task}.csv", rows)


def _disfa(card: Card, root: Path) -> None:
    assert isinstance(card.layout, DISFA)
    people = [person for fold in card.layout.folds for person in fold[:_PEOPLE]]
    for number, person in enumerate(people):
        shown = list(takes(card.action_units, number))
        for place, units in enumerate(shown):
            save(picture(posed(number, units)), root / "img" / person / f"{place}.png")
        for unit in _CODED:
            rows = [f"{frame},{int(units.get(str(unit), 0))}" for frame, units in enumerate(shown, start=1)]
            _write(root / "ActionUnit_Labels" / person / f"{person}_au{unit}.txt", rows)


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {"bp4d": _bp4d, "disfa": _disfa}
