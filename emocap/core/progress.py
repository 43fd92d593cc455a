"""Progress: a bar on a terminal, plain lines elsewhere."""

# Tested in tests/dataset/test_display.py.

import contextlib
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)

_SECONDS_BETWEEN_LINES = 10.0


class Stage:
    """One stage of work: how much is done, how fast it goes, and what else the stage wants to show."""

    def __init__(self, name: str, total: int, bar: Progress | None) -> None:
        self._name, self.total, self._bar = name, total, bar
        self._task = bar.add_task(name, total=total, message="", rate="") if bar else None
        self._begun = self._said = time.monotonic()
        self._before = 0
        self.done = 0
        self.counts: Counter[str] = Counter()
        self._message = ""

    def resume(self, by: int) -> None:
        """So much was done by an earlier run: it does not count for the rate."""
        self._before += by
        self.show(self.done + by, self._message)

    def advance(self, by: int = 1, message: str | None = None, **counts: int) -> None:
        """Advance by ``by``; ``counts`` are added up and shown, unless ``message`` is given to show instead."""
        self.counts.update(counts)
        self.show(
            self.done + by,
            message if message is not None else ", ".join(f"{n} {what}" for what, n in self.counts.items()),
        )

    def show(self, done: int, message: str) -> None:
        """So much is done in all, and that is to be said of it."""
        self.done, self._message = done, message
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, message=message, rate=self._rate())
        elif done < self.total and time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self._line()

    def _rate(self) -> str:
        seconds = time.monotonic() - self._begun
        rate = (self.done - self._before) / seconds if seconds > 0 else 0.0
        if rate == 0:
            return ""
        return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s" if rate >= 0.1 else f"{60 * rate:.1f}/min"

    def _line(self) -> None:
        seconds = time.monotonic() - self._begun
        rate = self._rate()
        speed = f", {rate}" if rate else ""
        if rate and self.done < self.total:
            speed += f", {_span((self.total - self.done) * seconds / (self.done - self._before))} left"
        message = f": {self._message}" if self._message else ""
        console.print(f"{self._name} {self.done}/{self.total} in {_span(seconds)}{speed}{message}", soft_wrap=True)

    def finish(self) -> None:
        """Say the last word of the stage."""
        if self._bar is None:
            self._line()


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


@contextlib.contextmanager
def stage(name: str, total: int) -> Iterator[Stage]:
    """Show one stage of ``total`` steps while the block runs."""
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[message]}"),
    )
    with Progress(*columns, console=console) if console.is_terminal else contextlib.nullcontext() as bar:
        running = Stage(name, total, bar)
        yield running
        running.finish()
