"""Miniatures of the micro-expression benchmarks: numbered frames around a rise and fall, and a workbook of them."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import openpyxl
from PIL import Image

from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures.clips import FRAMES, PEOPLE, SIZE, clip, frames

_TAKES = (1, 2)
_APEX = FRAMES - 1
_OFFSET = 2 * (FRAMES - 1)
"""Frames after the onset at which the apex and the offset come."""


def rise_and_fall(label: str, name: str, person: int) -> list[Image.Image]:
    """From neutral to the expression and back."""
    up = clip(label, name, person)
    return up + up[-2::-1]


def _among_neutral(label: str, name: str, person: int) -> list[Image.Image]:
    """The same with a neutral frame before and after it, which is not of the micro-expression."""
    rest = [Image.new("RGB", (SIZE, SIZE), "grey")]
    return rest + rise_and_fall(label, name, person) + rest


def _rows(card: Card) -> Iterator[tuple[int, int, int, str]]:
    """Number from 1, person from 1, take and annotated emotion; labels that the card leaves out come once."""
    shown = [(person, take, label) for person, take, label in product(range(1, PEOPLE + 1), _TAKES, card.classes)]
    shown += [(1, 3, label) for label in card.leave_out]
    for number, (person, take, label) in enumerate(shown, start=1):
        called = card.classes[label].called if label in card.classes else []
        yield number, person, take, (called or [label])[0]


def workbook(path: Path, sheet: str, rows: Sequence[Sequence[object]]) -> None:
    """Write an .xlsx with one sheet."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def casme2(card: Card, root: Path) -> None:
    """Cropped frames by subject and film; a slash where no apex is coded."""
    header = ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units"]
    rows: list[list[object]] = [[*header, "Estimated Emotion"]]
    for number, person, take, label in _rows(card):
        name, onset = f"EP{number:02d}_{take:02d}f", 40 + number
        folder = root / f"Cropped/sub{person:02d}/{name}"
        frames(_among_neutral(label, name, person), folder, "reg_img{}.jpg", onset - 1)
        apex = "/" if number == 1 else onset + _APEX
        rows.append([f"{person:02d}", name, None, onset, apex, onset + _OFFSET, None, "4+7", label])
    workbook(root / "CASME2-coding-20140508.xlsx", "Sheet1", rows)


def samm(card: Card, root: Path) -> None:
    """Frames by subject and film, and a workbook with 13 rows of explanations above its header."""
    rows: list[list[object]] = [[f"Explanation {line}"] for line in range(1, 14)]
    header = ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration"]
    rows.append([*header, "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"])
    for number, person, take, label in _rows(card):
        subject = f"{person + 5:03d}"
        name, onset = f"{subject}_{number}_{take}", 5000 + number * 20
        frames(_among_neutral(label, name, person), root / subject / name, subject + "_{:05d}.jpg", onset - 1)
        times = [onset, onset + _APEX, onset + _OFFSET, _OFFSET + 1]
        rows.append([subject, name, 1, *times, "Micro - 1/2", "4", label.capitalize(), 1, None])
    workbook(root / "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO ONLY", rows)


def smic(card: Card, root: Path) -> None:
    """Frames by subject, emotion and clip; the class is the folder."""
    for number, person, take, _ in _rows(card):
        label = list(card.classes)[(number - 1) % len(card.classes)]
        name = f"s{person}_{label[:2]}_{take:02d}"
        folder = root / f"SMIC_all_cropped/HS/s{person}/micro/{label}/{name}"
        frames(rise_and_fall(label, name, person), folder, "reg_image{:06d}.bmp")


def casme3(card: Card, root: Path) -> None:
    """Frames in folders by subject, film and onset, which are called ``spNo`` where the workbook has ``spNO``."""
    rows: list[list[object]] = [["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"]]
    for number, person, _, label in _rows(card):
        film, onset = "abc"[number % 3], 100 + number * 10
        folder = root / f"Part_A_ME_clip/frame/spNo.{person}_{film}_{onset}"
        frames(rise_and_fall(label, folder.name, person), folder, "{}.jpg", onset)
        rows.append([f"spNO.{person}", film, onset, onset + _APEX, onset + _OFFSET, "4", 1, label])
    workbook(root / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "label", rows)


def mmew(card: Card, root: Path) -> None:
    """Frames by emotion and clip, counted from 1."""
    header = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units"]
    rows: list[list[object]] = [[*header, "Estimated Emotion"]]
    for number, person, _, label in _rows(card):
        name = f"S{person:02d}-{number:02d}-001"
        frames(rise_and_fall(label, name, person), root / f"Micro_Expression/{label}/{name}", "{}.jpg")
        rows.append([person, name, 1, 1 + _APEX, 1 + _OFFSET, "4", label])
    workbook(root / "MMEW_Micro_Exp.xlsx", "Sheet1", rows)


WRITERS = {"casme2": casme2, "samm": samm, "smic": smic, "casme3": casme3, "mmew": mmew}
