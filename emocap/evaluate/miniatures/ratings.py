"""Miniatures of AFEW-VA and UNBC-McMaster."""

import json
from collections.abc import Callable
from pathlib import Path

from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures.faces import face, picture, posed, save

_EMOTIONS = ("neutral", "anger", "happiness", "sadness", "surprise")
_PAIN: tuple[dict[str, float], ...] = (
    {},
    {"4": 1},
    {"4": 2, "6": 2},
    {"4": 3, "7": 2, "9": 1},
    {"6": 3, "7": 1, "10": 3, "43": 1},
    {"4": 4, "7": 5, "9": 2, "10": 4, "43": 1},
    {"12": 3, "25": 2},
)
"""Units of the frames of a sequence; the last shows no pain. AU43 is coded as 1 where the eyes are closed."""


def _afew_va(card: Card, root: Path) -> None:
    """Six actors, the first in two clips, in the two parts that their clips are handed out in."""
    for clip, person in enumerate((0, 1, 2, 3, 4, 5, 0), start=1):
        folder = root / f"{(clip + 3) // 4:02d}" / f"{clip:03d}"
        frames = {}
        for place, emotion in enumerate(_EMOTIONS):
            drawn = face(person, emotion, take=clip)
            save(picture(drawn), folder / f"{place:05d}.png")
            frames[f"{place:05d}"] = {
                "landmarks": [list(point) for point in drawn.landmarks],
                "valence": float(round(10 * drawn.expression.valence)),
                "arousal": float(round(10 * drawn.expression.arousal)),
            }
        told = {"video_id": folder.name, "actor": f"actor {person}", "frames": frames}
        (folder / f"{folder.name}.json").write_text(json.dumps(told), encoding="utf-8")


def _unbc(card: Card, root: Path) -> None:
    for number, code in enumerate(("aa101", "bb102", "cc103", "dd104")):
        sequence = f"{code[2:]}-{code}/{code}t1aaaff"
        for place, units in enumerate(_PAIN, start=1):
            frame = f"{code}t1aaaff{place:03d}"
            drawn = posed(number, units | {"43": 5.0} if "43" in units else units)
            save(picture(drawn), root / "Images" / sequence / f"{frame}.png")
            coded = "".join(f"   {int(unit):.7e}   {value:.7e}   0.0000000e+00   0.0000000e+00\n"
                            for unit, value in units.items())  # fmt: skip
            _label(root / "Frame_Labels" / "FACS" / sequence / f"{frame}_facs.txt", coded)
            _label(root / "Frame_Labels" / "PSPI" / sequence / f"{frame}_facs.txt", f"   {_pspi(units):.7e}\n")


def _pspi(units: dict[str, float]) -> float:
    brow, lids, lip = (max(units.get(unit, 0) for unit in group) for group in (("4",), ("6", "7"), ("9", "10")))
    return brow + lids + lip + units.get("43", 0)


def _label(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {"afew-va": _afew_va, "unbc-mcmaster": _unbc}
