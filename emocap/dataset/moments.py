"""Which of the label rows of an input hold for which of its pictures, and whether they agree."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import replace

from emocap.core.errors import UserError
from emocap.dataset.known import Known
from emocap.schema.samples import Labels


class Moments:
    """The rows of a film: those of the whole of it, and those of a time or a frame.

    A row with a time holds for the frame that is shown nearest to it, if that is no further away than a frame lasts.
    """

    def __init__(self, known: Sequence[Known]) -> None:
        """Raises UserError where rows of one place in one moment disagree."""
        known = agreed(known)
        self._always = [row for row in known if row.time is None and row.frame is None]
        self._timed = sorted((row for row in known if row.time is not None), key=lambda row: row.time or 0.0)
        self._times = [row.time or 0.0 for row in self._timed]
        self._numbered: dict[int, list[Known]] = {}
        for row in known:
            if row.time is None and row.frame is not None:
                self._numbered.setdefault(row.frame, []).append(row)
        self._rows = len(known) - len(self._always)
        self._used: set[tuple[float | None, int | None]] = set()
        self._bare = 0

    def at(self, time: float, frame: int, lasts: float) -> list[Known]:
        """The rows of a frame: ``time`` and ``lasts`` in seconds, frames counted from 0."""
        rows = [*self._near(time, lasts), *self._numbered.get(frame, [])]
        self._used.update((row.time, row.frame) for row in rows)
        self._bare += not rows
        return laid_over(self._always, rows)

    def _near(self, time: float, lasts: float) -> list[Known]:
        place = bisect.bisect_left(self._times, time)
        near = [self._times[at] for at in (place - 1, place) if 0 <= at < len(self._times)]
        best = min(near, key=lambda one: abs(one - time), default=None)
        if best is None or abs(best - time) > lasts + 0.001:
            return []
        return self._timed[bisect.bisect_left(self._times, best) : bisect.bisect_right(self._times, best)]

    def missed(self) -> str | None:
        """What to say where frames were left without a row although rows name other moments of the film."""
        used = sum((row.time, row.frame) in self._used for row in self._timed)
        used += sum((row.time, row.frame) in self._used for rows in self._numbered.values() for row in rows)
        if not self._rows or not self._bare or used == self._rows:
            return None
        return (
            f"{self._rows - used} of {self._rows} label rows name moments that were not looked at, and {self._bare} "
            "frames that were have no row; video.rate says how many are (time: seconds; frame: a number from 0)"
        )


def agreed(known: Sequence[Known]) -> list[Known]:
    """Rows of one place and moment made one. Raises UserError where two of them say different things."""
    found: dict[object, Known] = {}
    for row in known:
        before = found.get(row.spot)
        found[row.spot] = replace(before, labels=_joined(before.labels, row.labels)) if before else row
    return list(found.values())


def of_a_still(known: list[Known]) -> list[Known]:
    """The rows of a picture, which has no moments. Raises UserError where rows of one place disagree."""
    return known if len(known) < 2 else agreed([replace(row, time=None, frame=None) for row in known])


def laid_over(below: Iterable[Known], above: Iterable[Known]) -> list[Known]:
    """Rows of a film and of one of its frames: for a face in the same place, what the frame's row says counts."""
    found = {row.place: row for row in below}
    for row in above:
        before = found.get(row.place)
        found[row.place] = replace(row, labels=_over(before.labels, row.labels)) if before else row
    return list(found.values())


def _over(below: Labels, above: Labels) -> Labels:
    said = {name: value for name, value in above if value is not None and name != "other"}
    return below.model_copy(update={**said, "other": {**below.other, **above.other}})


def _joined(one: Labels, other: Labels) -> Labels:
    for (name, mine), (_, theirs) in zip(one, other, strict=True):
        if name != "other" and None not in (mine, theirs) and mine != theirs:
            raise UserError(f"{name}: {_shortened(mine)} and {_shortened(theirs)}")
    return _over(one, other).model_copy(update={"other": {**other.other, **one.other}})


def _shortened(value: object) -> str:
    return str(value)[:60]
