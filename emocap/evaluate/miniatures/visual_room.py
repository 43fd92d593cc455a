"""Miniature of Visual Room: drawn faces and clips, what they show, and a text that fits or does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emocap.evaluate.cards import Card
from emocap.evaluate.layouts.visual_room import VisualRoom
from emocap.evaluate.miniatures.clips import clip
from emocap.evaluate.miniatures.faces import face, film, picture, save

_PEOPLE = 3
_TEXTS = {"happiness": "What a wonderful day!", "sadness": "My holiday is over.", "anger": "Who took my seat?"}


def _write(card: Card, root: Path) -> None:
    """Each person with each expression, once with its own text and once with another's; the last as clips."""
    assert isinstance(card.layout, VisualRoom)
    rows: list[dict[str, Any]] = []
    for person in range(_PEOPLE):
        for shown in _TEXTS:
            for meant in (shown, "happiness" if shown != "happiness" else "anger"):
                moves = person == _PEOPLE - 1
                name = f"{'videos' if moves else 'images'}/{len(rows):04d}.{'mp4' if moves else 'jpg'}"
                if moves:
                    film(clip(shown, name, person), root / name)
                else:
                    save(picture(face(person, shown, take=len(rows))), root / name)
                rows.append(
                    {
                        "id": f"mmsar-{len(rows):04d}",
                        "media": name,
                        "media_type": "video" if moves else "image",
                        "text": _TEXTS[meant],
                        "perception": [
                            {"question": "Is a face to be seen?", "answer": "yes"},
                            {"question": "Does the person smile?", "answer": "yes" if shown == "happiness" else "no"},
                        ],
                        "sarcasm": int(meant != shown),
                    }
                )
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (root / card.layout.file).write_text(lines, encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {"visual-room": _write}
