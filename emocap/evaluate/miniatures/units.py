"""Which action units the drawn people of a miniature show."""

from collections.abc import Iterator, Sequence
from random import Random

from emocap.facs import ActionUnits, settle


def takes(units: Sequence[int], person: int) -> Iterator[ActionUnits]:
    """A face at rest, and for every other unit one that shows it at 2 to 5, mostly with a further one at 1 to 5.

    Whoever has an even number shows the first unit and every second after it, others the rest. Intensities are whole,
    and no two units are shown that rule each other out.
    """
    random = Random(f"miniature units {person}")
    yield {}
    for unit in units[person % 2 :: 2]:
        alone = {str(unit): float(random.randint(2, 5))}
        together = settle({str(random.choice(units)): float(random.randint(1, 5)), **alone})
        yield together if str(unit) in together else settle(alone)
