"""What is shown of a stage while it runs: kept and rejected by reason, tokens and money."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from emocap.core.progress import Stage

_REASONS = 4


class Display:
    """Gathers counts of finished rows and of those in hand, and shows them. ``unit``: the count that the bar is of."""

    def __init__(self, stage: Stage, unit: str, kept: tuple[str, ...]) -> None:
        self._stage, self._unit, self._kept = stage, unit, kept
        self._before: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()

    def before(self, counts: Mapping[str, Any]) -> None:
        """A row that an earlier run had finished."""
        self._before.update(counts)
        self._stage.resume(counts[self._unit])

    def done(self, counts: Mapping[str, Any]) -> None:
        """A row that has just been finished."""
        self._done.update(counts)
        self._show()

    def live(self, counts: Mapping[str, Any]) -> None:
        """Set the counts that the workers have reported in this run; they run ahead of the finished rows."""
        self._reported = Counter(dict(counts))
        self._show()

    def _show(self) -> None:
        # A row that is repeated after a worker was lost is reported twice: at the end, the finished rows count.
        total = self._before + (self._reported | self._done)  # of two counters, the larger one of every name
        self._stage.show(min(total[self._unit], self._stage.total), describe(total, self._kept))


def describe(counts: Mapping[str, Any], kept: tuple[str, ...]) -> str:
    """One line: what was kept, what was rejected and why, tokens and money."""
    parts = [f"{counts[name]:,} {name}" for name in kept if counts.get(name)]
    rejects = Counter({name: count for name, count in counts.items() if ": " in name})
    if rejects:
        most = [f"{name.partition(': ')[2]} {count:,}" for name, count in rejects.most_common(_REASONS)]
        more = ", ..." if len(rejects) > _REASONS else ""
        parts.append(f"{rejects.total():,} rejected ({', '.join(most)}{more})")
    if tokens := counts.get("prompt_tokens", 0) + counts.get("completion_tokens", 0):
        parts.append(f"{tokens:,} tokens")
    if cost := counts.get("cost"):
        parts.append(f"{cost:,.2f} spent" if cost >= 0.1 else f"{cost:.4f} spent")
    return ", ".join(parts)
