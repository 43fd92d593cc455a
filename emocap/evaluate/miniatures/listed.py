"""Miniatures of benchmarks of stills whose labels stand in lists."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from emocap.evaluate.cards import Card
from emocap.evaluate.layouts.emotionet import EmotioNet
from emocap.evaluate.layouts.expw import ExpW
from emocap.evaluate.layouts.raf_au import RafAu
from emocap.evaluate.layouts.raf_db import RafDb
from emocap.evaluate.miniatures.cast import PEOPLE, blend, coded, everyone, grey, names, shown
from emocap.evaluate.miniatures.faces import save
from emocap.schema.facs import affect

RAF_DB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""Codes 1 to 7."""
COMPOUND = (
    ("happiness", "surprise"),
    ("happiness", "disgust"),
    ("sadness", "fear"),
    ("sadness", "anger"),
    ("sadness", "surprise"),
    ("sadness", "disgust"),
    ("fear", "anger"),
    ("fear", "surprise"),
    ("anger", "surprise"),
    ("anger", "disgust"),
    ("disgust", "surprise"),
)
"""Codes 1 to 11."""


def raf_db(card: Card, root: Path) -> None:
    """``EmoLabel/list_patition_label.txt`` with ``train_00001.jpg 5``, and ``Image/aligned/train_00001_aligned.jpg``;
    in the compound half numbers have no zeros before them.
    """
    assert isinstance(card.layout, RafDb)
    basic = card.layout.part == "basic"
    part, lines = root / card.layout.part, []
    for split, digits in (("train", 5), ("test", 4)):
        number = 0
        for code in range(1, len(RAF_DB if basic else COMPOUND) + 1):
            for person in PEOPLE[split]:
                number += 1
                stem = f"{split}_{number:0{digits}d}" if basic else f"{split}_{number}"
                drawn = shown(person, RAF_DB[code - 1]) if basic else blend(person, COMPOUND[code - 1])
                save(drawn.resize((100, 100)), part / "Image" / "aligned" / f"{stem}_aligned.jpg")
                lines.append(f"{stem}.jpg {code}\n")
    (part / "EmoLabel").mkdir(parents=True, exist_ok=True)
    (part / "EmoLabel" / "list_patition_label.txt").write_text("".join(lines))


AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
"""Codes 0 to 7."""


def affectnet(card: Card, root: Path) -> None:
    """The release of 2021: ``train_set/images/0.jpg`` and one .npy file each for expression, valence, arousal (texts)
    and landmarks.
    """
    for split, folder in (("train", root / "train_set"), ("test", root / "val_set")):
        for number, (label, person) in enumerate(everyone(AFFECTNET, split)):
            save(shown(person, label), folder / "images" / f"{number}.jpg")
            annotations = folder / "annotations"
            annotations.mkdir(exist_ok=True)
            valence, arousal = affect({label: 1.0}, 0.6 + 0.1 * (person % 3))
            np.save(annotations / f"{number}_exp.npy", np.array(str(AFFECTNET.index(label))))
            np.save(annotations / f"{number}_val.npy", np.array(str(valence)))
            np.save(annotations / f"{number}_aro.npy", np.array(str(arousal)))
            np.save(annotations / f"{number}_lnd.npy", np.linspace(10, 90, 136))


FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""Codes 0 to 6."""
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}


def fer2013(card: Card, root: Path) -> None:
    """``fer2013.csv``: code, 48 x 48 grey values, and split."""
    with (root / "fer2013.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["emotion", "pixels", "Usage"])
        for split, usage in USAGES.items():
            for label, person in everyone(FER2013, split):
                pixels = np.asarray(grey(shown(person, label), 48)).ravel()
                table.writerow([FER2013.index(label), " ".join(map(str, pixels)), usage])


FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
UNSURE = ((5, 0, 0, 5, 0, 0, 0, 0, 0, 0), (4, 0, 0, 1, 3, 2, 0, 0, 0, 0), (0, 2, 0, 0, 1, 0, 0, 0, 7, 0))
"""Votes that are equal for two, for none more than half, and for unknown."""
_Case = tuple[int, str, tuple[int, ...]]
"""Person, emotion, votes."""


def ferplus(card: Card, root: Path) -> None:
    """``fer2013new.csv``, the lists ``data/FER2013Train/label.csv``, and the pictures beside these; of each split the
    last row is no face and has no picture.
    """
    rows: list[list[str | int]] = []
    for split, folder in (("train", "FER2013Train"), ("val", "FER2013Valid"), ("test", "FER2013Test")):
        sure: list[_Case] = [(person, label, _votes(label)) for label, person in everyone(FERPLUS[:8], split)]
        unsure: list[_Case] = [(person, "neutral", votes) for person, votes in zip(PEOPLE[split], UNSURE, strict=True)]
        listed: list[list[str | int]] = []
        for take, cases in enumerate((sure, unsure)):
            for person, label, votes in cases:
                name = f"fer{len(rows):07d}.png"
                save(grey(shown(person, label, take), 48), root / "data" / folder / name)
                rows.append([USAGES[split], name, *votes])
                listed.append([name, "(0, 0, 48, 48)", *votes])
        rows.append([USAGES[split], "", *(0,) * 9, 10])
        _write(root / "data" / folder / "label.csv", listed)
    _write(root / "fer2013new.csv", [["Usage", "Image name", *FERPLUS], *rows])


def _votes(label: str) -> tuple[int, ...]:
    """Eight of ten for a label, two for the next but one."""
    place = FERPLUS.index(label)
    return tuple(8 if other == place else 2 if other == (place + 2) % 8 else 0 for other in range(len(FERPLUS)))


def _write(path: Path, rows: list[list[str | int]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def expw(card: Card, root: Path) -> None:
    """``data/label/label.lst``: picture, number of the face, top, left, right, bottom, confidence, code. In every
    photograph three people stand beside each other; the codes are those of FER2013.
    """
    assert isinstance(card.layout, ExpW)
    lines = []
    for split, photos in names("angry_actor_{}.jpg", card.layout.test, len(FER2013)).items():
        for code, photo in enumerate(photos):
            image = Image.new("RGB", (3 * 100, 110), "grey")
            for place, person in enumerate(PEOPLE[split]):
                image.paste(shown(person, FER2013[code]), (100 * place, 10))
                lines.append(f"{photo} {place} 10 {100 * place} {100 * place + 96} 106 {50 + place}.25 {code}\n")
            save(image, root / "data" / "image" / "origin" / photo)
    (root / "data" / "label").mkdir(exist_ok=True)
    (root / "data" / "label" / "label.lst").write_text("".join(lines))


CODED = ("1+2+5+25+26", "4+9+10+17", "6+12+25", "1+4+5+20+25", "16+25+26", "R12+L14", "null")
"""Units that somebody shows; each that the cards score is in one of them."""


def raf_au(card: Card, root: Path) -> None:
    """``RAFAU_label.txt`` with ``0001.jpg 1+2+L12`` (and a space at its end, as some lines have), and
    ``aligned/0001_aligned.jpg``.
    """
    assert isinstance(card.layout, RafAu)
    lines = []
    for split, pictures in names("{:04d}_aligned.jpg", card.layout.test, 3 * len(CODED)).items():
        for number, name in enumerate(pictures):
            codes = CODED[number // 3]
            save(_posed(PEOPLE[split][number % 3], codes), root / "aligned" / name)
            lines.append(f"{name.replace('_aligned', '')} {codes}{' ' if number == 0 else ''}\n")
    (root / "RAFAU_label.txt").write_text("".join(lines))


def emotionet(card: Card, root: Path) -> None:
    """A csv with an address and the units 1 to 60 in quotes, 999 where one was not coded: those that end in 8, and of
    each person's first picture unit 4.
    """
    assert isinstance(card.layout, EmotioNet)
    rows: list[list[str | int]] = [["URL", "URL orig", *(f"'AU {unit}'" for unit in range(1, 61))]]
    for split, files in names("N_{:010d}_00001.jpg", card.layout.test, 3 * len(CODED)).items():
        for number, name in enumerate(files):
            codes = CODED[number // 3]
            save(_posed(PEOPLE[split][number % 3], codes), root / "images" / name)
            shows = [] if codes == "null" else [int(code.lstrip("LR")) for code in codes.split("+")]
            told = [
                999 if unit % 10 == 8 or (unit == 4 and number < 3) else int(unit in shows) for unit in range(1, 61)
            ]
            rows.append([f"'https://example.org/N_0/{name}'", f"'https://example.com/{number}.jpg'", *told])
    _write(root / card.layout.file, rows)


def _posed(person: int, codes: str) -> Image.Image:
    return coded(person, () if codes == "null" else tuple(codes.split("+")))
