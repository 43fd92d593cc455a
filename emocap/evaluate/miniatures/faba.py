"""Miniatures of the two halves of FABA-Bench, which share a folder."""

import json
from collections.abc import Callable
from pathlib import Path

from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures.faces import face, picture, posed, save
from emocap.evaluate.miniatures.units import takes
from emocap.synthetic import DrawnFace

_PEOPLE = 4
_ASKED = {"emotion": "What is the emotion of this face?", "au": "Which action units does this face show?"}


def _emotion(card: Card, root: Path) -> None:
    """Labels are names, and for the last person numbers: both occur."""
    shown = [
        (str(code) if person == _PEOPLE - 1 else emotion.capitalize(), face(person, emotion))
        for person in range(_PEOPLE)
        for code, emotion in enumerate(card.classes)
    ]
    _write(root, "emotion", shown)


def _au(card: Card, root: Path) -> None:
    shown = [
        (", ".join(sorted(units, key=int)), posed(person, units))
        for person in range(_PEOPLE)
        for units in takes(card.action_units, person)
    ]
    _write(root, "au", shown)


def _write(root: Path, task: str, shown: list[tuple[str, DrawnFace]]) -> None:
    entries = []
    for number, (label, drawn) in enumerate(shown):
        name = f"AffectNet/AffectNet_v2/{number % 7}/{task}{number:04d}"
        save(picture(drawn), root / "eval" / "images" / f"{name}.jpg")
        entries.append(
            {
                "source": "AffectNet",
                "image": f"FABAInstruct/eval/images/{name}.jpg",
                "id": name,
                "conversations": [{"from": "human", "value": f"{_ASKED[task]}\n<image>"}],
                "label": label,
                "gpt4": f"The face is drawn; its label is {label or 'empty'}.",
                "landmark": f"FABAInstruct/eval/landmarks/{name}.npy",
            }
        )
    (root / "eval" / f"eval_{task}_anno.json").write_text(json.dumps(entries, indent=2), encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {"faba-emotion": _emotion, "faba-au": _au}
