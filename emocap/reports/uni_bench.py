"""The mean of MER-UniBench: nine datasets, of each the measure that its authors chose."""

from dataclasses import dataclass

from emocap.reports.board import Board, Line

NINE = {
    "ov-merd-plus": "ew",
    **dict.fromkeys(("mer2023", "mer2024", "meld", "iemocap-4"), "hit_rate"),
    **dict.fromkeys(("cmu-mosi", "cmu-mosei", "sims", "sims-v2"), "sign_f1"),
}
"""Benchmark → measure."""


@dataclass(frozen=True)
class Mean:
    """Of a model that was measured on all nine."""

    line: Line
    value: float
    tags: list[str]
    """What a reader must know of some of its numbers."""


def means(board: Board) -> list[Mean]:
    """Of every model with all nine numbers, in the order of the board."""
    found: dict[str, dict[str, float]] = {}
    tags: dict[str, dict[str, None]] = {}
    for group in board.groups:
        for entry in group.entries:
            measure = entry.shown.measure(NINE.get(group.benchmark, ""))
            if measure and group.protocol == "generate":
                found.setdefault(entry.line.key, {})[group.benchmark] = measure.value
                tags.setdefault(entry.line.key, {}).update(dict.fromkeys(entry.tags))
    return [
        Mean(line, sum(own.values()) / len(NINE), list(tags[line.key]))
        for line in board.measured
        if len(own := found.get(line.key, {})) == len(NINE)
    ]
