"""What kills a worker: found out input by input, so that one broken file cannot stop a build of millions."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from emocap.core.files import write_json
from emocap.dataset.readers.base import Frame, Input
from emocap.schema.samples import Sample
from emocap.schema.shards import Reject

_DEATHS = 3
"""Workers that may die over the same input before it is rejected."""

Read = Frame | Sample | Reject


class CrashWatch:
    """Remembers on disk what a worker has in hand; use it in a ``with`` block, one per block of inputs.

    A decoder can take its whole process down, and Ray starts the block again, and again. Where a worker died over the
    block, the next one is ``careful``: it notes every input before reading it, and passes over one that is to blame
    for ``_DEATHS`` deaths. ``run`` is the name of the run: a build that was killed as a whole blames no input.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run = path, run
        self._blame: dict[str, int] = {}
        self.careful = False

    def __enter__(self) -> Self:
        found = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        if found.get("run") == self._run:
            self.careful = True
            self._blame = found["blame"]
            if found["at"] is not None:
                self._blame[found["at"]] = self._blame.get(found["at"], 0) + 1
        self._note(None)
        return self

    def over(self, inputs: Sequence[Input], read: Callable[[Input], Iterable[Read]]) -> Iterator[tuple[Input, Read]]:
        """Every input with what ``read`` makes of it."""
        for place, item in enumerate(inputs):
            if self._blame.get(str(place), 0) >= _DEATHS:
                yield item, Reject("read", "crashed", f"{_DEATHS} workers died over it", item.path)
                continue
            if self.careful:
                self._note(str(place))
            for got in read(item):
                yield item, got

    def _note(self, place: str | None) -> None:
        write_json(self._path, {"run": self._run, "at": place, "blame": self._blame})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._path.unlink(missing_ok=True)
