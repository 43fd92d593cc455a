"""What the muscles of one face do: action units as smooth activations of the left and the right half."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Mapping

from emocap.schema.facs import UNITS, split_code

LEFT, RIGHT = 1, -1
"""The subject's sides, as the sign of u: their left is on the right of the picture."""
SIDES = (RIGHT, LEFT)


class Motion:
    """Activations 0..1 per unit and side. Raises ValueError for an unknown code or an intensity outside 0..5."""

    def __init__(self, units: Mapping[str, float]) -> None:
        self._level: dict[tuple[int, int], float] = {}
        for code, value in units.items():
            mark, number = split_code(code)
            if not 0 <= value <= 5:
                raise ValueError(f"intensity {value} of unit {code}: FACS intensities lie in 0 to 5")
            for side in SIDES if mark == "" else (LEFT if mark == "L" else RIGHT,):
                # Slightly steeper at first: a B (2) is plainly visible in FACS, an E (5) only the most one can do.
                level = (value / 5) ** 0.85
                self._level[side, number] = max(level, self._level.get((side, number), 0.0))

    def __call__(self, number: int, side: int = 0) -> float:
        """Activation of a unit on one side, or the mean of both (side 0)."""
        if number not in UNITS:
            raise KeyError(number)
        if side:
            return self._level.get((side, number), 0.0)
        return (self._level.get((LEFT, number), 0.0) + self._level.get((RIGHT, number), 0.0)) / 2

    def peak(self, number: int) -> float:
        """The larger activation of the two sides."""
        return max(self(number, LEFT), self(number, RIGHT))

    @property
    def jaw(self) -> float:
        """How far the jaw hangs down, face units."""
        return 0.17 * self.peak(26) + 0.36 * self.peak(27)
