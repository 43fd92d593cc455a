"""Which action units the drawn people of a miniature show."""

from collections.abc import Iterator, Sequence
from random import Random

from emocap.schema.facs import ActionUnits, settle


def takes(units: Sequence[int], person: int) -> Iterator[ActionUnits]:
    """A face at rest, and then faces that show two units each at 2 to 5, or one where none goes with it, until all
    were shown; mostly with a third one at 1.

    Intensities are whole, and no two units are shown that rule each other out.
    """
    random = Random(f"miniature units {person}")
    yield {}
    waiting = [str(unit) for unit in units]
    random.shuffle(waiting)
    while waiting:
        shown = {waiting.pop(): float(random.randint(2, 5))}
        if partner := next((unit for unit in waiting if _together({*shown, unit})), None):
            waiting.remove(partner)
            shown[partner] = float(random.randint(2, 5))
        trace = str(random.choice(units))
        if _together({*shown, trace}):
            shown = {trace: 1.0, **shown}
        yield settle(shown)


def _together(units: set[str]) -> bool:
    """Whether one face can show all of them."""
    return units <= set(settle(dict.fromkeys(units, 2.0)))
