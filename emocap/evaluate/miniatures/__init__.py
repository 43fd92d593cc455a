"""Miniatures: the official layout of every benchmark, file by file, with a few drawn faces instead of its pictures,
and tones instead of its sounds.

They show what a card expects on the disk, and let the whole suite be run by somebody who has none of the data.
"""

from collections.abc import Callable
from pathlib import Path

from emocap.core.errors import UserError
from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures import (
    aff_wild2,
    choices,
    clips,
    faba,
    facs,
    micro,
    mme_emotion,
    ratings,
    sounds,
    static,
    uni_bench,
    visual_room,
)

Writer = Callable[[Card, Path], None]
"""Writes the miniature of a card into a folder, that of the dataset itself."""

WRITERS: dict[str, Writer] = {
    **static.WRITERS,
    **facs.WRITERS,
    **aff_wild2.WRITERS,
    **faba.WRITERS,
    **ratings.WRITERS,
    **choices.WRITERS,
    **clips.WRITERS,
    **micro.WRITERS,
    **uni_bench.WRITERS,
    **sounds.WRITERS,
    **mme_emotion.WRITERS,
    **visual_room.WRITERS,
}
"""Name of a card → its writer."""


def write(name: str, card: Card, data: Path) -> Path:
    """Write the miniature of a card below ``data`` and return its folder. Raises UserError where there is none."""
    if name not in WRITERS:
        raise UserError(f"{name} has no miniature; there are {', '.join(sorted(WRITERS))}")
    root = data / (card.folder or name)
    root.mkdir(parents=True, exist_ok=True)
    WRITERS[name](card, root)
    return root
