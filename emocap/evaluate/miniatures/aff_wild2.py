"""Miniatures of the three tasks of Aff-Wild2, which share a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures.faces import face, picture, posed, save
from emocap.evaluate.miniatures.units import takes
from emocap.synthetic import DrawnFace

_EMOTIONS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "contempt")
"""Drawn for the expressions in their official order; contempt stands for Other."""
_NAMES = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"


def _expr(card: Card, root: Path) -> None:
    for person, video, split in _videos("16-30-1920x1080", "121-24-1920x1080", "282", "46-30-484x360_left"):
        shown = [(str(code), face(person, emotion)) for code, emotion in enumerate(_EMOTIONS)]
        _write(root, "EXPR_Classification_Challenge", split, video, _NAMES, shown, "-1")


def _au(card: Card, root: Path) -> None:
    header = ",".join(f"AU{unit}" for unit in card.action_units)
    for person, video, split in _videos("10-60-1280x720_right", "136-30-1920x1080", "video59", "video80"):
        shown = [
            (",".join(str(int(str(unit) in units)) for unit in card.action_units), posed(person, units))
            for units in takes(card.action_units, person)
        ]
        unknown = ",".join(["-1"] * len(card.action_units))
        _write(root, "AU_Detection_Challenge", split, video, header, shown, unknown)


def _va(card: Card, root: Path) -> None:
    for person, video, split in _videos("24-30-1920x1080-2", "342", "7-60-1920x1080", "video92"):
        drawn = [face(person, emotion, take=1) for emotion in _EMOTIONS]
        shown = [(f"{one.expression.valence:.3f},{one.expression.arousal:.3f}", one) for one in drawn]
        _write(root, "VA_Estimation_Challenge", split, video, "valence,arousal", shown, "-5,-5")


def _videos(*names: str) -> list[tuple[int, str, str]]:
    """Person, name and set of four videos."""
    sets = ("Train_Set", "Train_Set", "Validation_Set", "Validation_Set")
    return [(person, name, part) for person, (name, part) in enumerate(zip(names, sets, strict=True))]


def _write(
    root: Path,
    challenge: str,
    split: str,
    video: str,
    header: str,
    shown: Sequence[tuple[str, DrawnFace]],
    unknown: str,
) -> None:
    """A video: its second frame is not annotated, its third has no crop, and two lines go on after its end."""
    (first, _), *_ = shown
    lines = [first, unknown, first, *(line for line, _ in shown[1:]), first, first]
    drawn = {1: shown[0][1], 2: shown[0][1]} | {place: one for place, (_, one) in enumerate(shown[1:], start=4)}
    for number, one in drawn.items():
        save(picture(one), root / "cropped_aligned" / video / f"{number:05d}.jpg")
    path = root / challenge / split / f"{video}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {"aff-wild2-expr": _expr, "aff-wild2-au": _au, "aff-wild2-va": _va}
