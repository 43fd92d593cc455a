"""Fixtures: the official layout of every benchmark, file by file, with a few drawn faces instead of its pictures,
and tones instead of its sounds.

They show what a card expects on the disk, and let the whole suite be run by somebody who has none of the data.
"""

# Tested in tests/benchmarks/fixtures/test_clips.py.

from pathlib import Path

from emocap.benchmarks.cards import Card
from emocap.benchmarks.fixtures.base import Fixture
from emocap.core.errors import UserError
from emocap.core.registries import Registry

FIXTURES = Registry[Fixture]("fixture", "emocap.benchmarks.fixtures", "FIXTURES")


def write_fixture(name: str, card: Card, data: Path) -> Path:
    """Write the fixture of a card below ``data`` and return its folder. Raises UserError where there is none."""
    if name not in FIXTURES:
        raise UserError(f"{name} has no fixture; there are {', '.join(sorted(FIXTURES.names()))}")
    root = data / (card.folder or name)
    root.mkdir(parents=True, exist_ok=True)
    FIXTURES[name].write(card, root)
    return root
