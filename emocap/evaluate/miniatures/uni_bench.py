"""Miniatures of the nine datasets of MER-UniBench: films, a table of what they show, and one of what is said."""

import csv
from collections.abc import Sequence
from pathlib import Path

from emocap.evaluate.cards import Card
from emocap.evaluate.layouts.clip_table import ClipTable
from emocap.evaluate.miniatures.clips import clip
from emocap.evaluate.miniatures.faces import film

_SHOWN = ("happiness", "sadness", "anger", "fear", "surprise", "neutral")
"""What is drawn, in turn."""
_OPENSET = (
    "[happy, relieved]",
    "['sad', 'lonely', \"let down\"]",
    "[angry]",
    "[worried, afraid, tense]",
    "[surprised, curious]",
    "[]",
)
_LABELS = {
    "mer2023": ("happy", "sad", "angry", "worried", "surprise", "neutral"),
    "mer2024": ("happy", "sad", "angry", "worried", "surprise", "neutral"),
    "meld": ("joy", "sadness", "anger", "fear", "surprise", "neutral"),
    "iemocap-4": ("happy", "sad", "anger", "anger", "happy", "neutral"),
}
_VALUES = ("1.8", "-2.4", "-0.6", "-1", "0.2", "0")
_SAID = (
    "It went well, all of it.",
    'Nobody has called, and nobody will. "Never," they said.',
    "How dare you!",
    "Do you hear that?",
    "这是真的吗？",
    "",
)
_NAMES = {
    "ov-merd-plus": "sample_{:08d}",
    "mer2023": "sample_{:08d}",
    "mer2024": "samplenew_{:08d}",
    "meld": "test_dia{}_utt0",
    "iemocap-4": "Ses05F_impro01_F{:03d}",
    "cmu-mosi": "drawn{}_1",
    "cmu-mosei": "drawn{}_1",
    "sims": "video_0001_{:04d}",
    "sims-v2": "video_0001_{:04d}",
}


def _write(name: str, card: Card, root: Path) -> None:
    layout = card.layout
    assert isinstance(layout, ClipTable)
    assert layout.transcript
    annotated = {"openset": _OPENSET, "value": _VALUES}.get(layout.column) or _LABELS[name]
    names = [_NAMES[name].format(number) for number in range(1, 2 * len(_SHOWN) + 1)]
    for number, called in enumerate(names):
        path = root / layout.media[number % len(layout.media)].format(name=called)
        film(clip(_SHOWN[number % len(_SHOWN)], f"{name} {called}", number), path)
    _table(root / layout.table, layout.column, names, annotated)
    _table(root / layout.transcript.table, layout.transcript.column, names, _SAID)


def _table(path: Path, column: str, names: Sequence[str], values: Sequence[str]) -> None:
    """Each name with the values in turn."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", column])
        table.writerows((name, values[number % len(values)]) for number, name in enumerate(names))


WRITERS = {name: lambda card, root, name=name: _write(name, card, root) for name in _NAMES}
