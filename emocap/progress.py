"""Progress: a bar on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)

_SECONDS_BETWEEN_LINES = 10.0


class Stage:
    """One stage of work: how much is done, and a count of whatever the stage wants to show."""

    def __init__(self, name: str, total: int, bar: Progress | None) -> None:
        self._name, self._total, self._bar = name, total, bar
        self._task = bar.add_task(name, total=total, told="") if bar else None
        self._begun = self._said = time.monotonic()
        self.done = 0
        self.counts: Counter[str] = Counter()
        self._told = ""

    def advance(self, by: int = 1, told: str | None = None, **counts: int) -> None:
        """So much more is done; ``counts`` are added up and shown, ``told`` replaces them where given."""
        self.done += by
        self.counts.update(counts)
        self._told = told if told is not None else ", ".join(f"{n} {what}" for what, n in self.counts.items())
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, told=self._told)
        elif self.done < self._total and time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self._line()

    def _line(self) -> None:
        seconds = time.monotonic() - self._begun
        told = f": {self._told}" if self._told else ""
        console.print(f"{self._name} {self.done}/{self._total} in {seconds:.0f} s{told}", soft_wrap=True)

    def finish(self) -> None:
        """Say the last word of the stage."""
        if self._bar is None:
            self._line()


@contextlib.contextmanager
def stage(name: str, total: int) -> Iterator[Stage]:
    """Show one stage of ``total`` steps while the block runs."""
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console) if console.is_terminal else contextlib.nullcontext() as bar:
        running = Stage(name, total, bar)
        yield running
        running.finish()
