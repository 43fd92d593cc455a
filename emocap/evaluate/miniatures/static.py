"""Miniatures of benchmarks of stills: those whose folders say what is shown, and the table of all."""

import csv
from collections import Counter
from pathlib import Path

from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures.cast import ALL, PEOPLE, everyone, grey, sequence, shown
from emocap.evaluate.miniatures.faces import save
from emocap.evaluate.miniatures.listed import affectnet, emotionet, expw, fer2013, ferplus, raf_au, raf_db

BASIC = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
ADJECTIVES = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
"""Classes that folders call otherwise."""


def sfew(card: Card, root: Path) -> None:
    """``Train/Train_Aligned_Faces/Angry/Airheads_000519240_00000005.png``: film, time, and number of the frame."""
    for split, folder in (("train", "Train/Train_Aligned_Faces"), ("test", "Val/Val_Aligned_Faces_new")):
        for number, (label, person) in enumerate(everyone([*BASIC, "neutral"], split)):
            name = f"Airheads_{519240 + 40 * number:09d}_{person:08d}.png"
            save(shown(person, label), root / folder / ADJECTIVES.get(label, label).capitalize() / name)


def jaffe(card: Card, root: Path) -> None:
    """``KA.AN1.39.tiff``: who, what and which take of it, and a number."""
    codes = {label: label[:2].upper() for label in (*BASIC, "neutral")}
    for number, (label, person) in enumerate(everyone(list(codes), "test"), start=1):
        who = ("KA", "KL", "KM")[person - PEOPLE["test"][0]]
        save(grey(shown(person, label), 128), root / f"{who}.{codes[label]}1.{number}.tiff")


def fer2013_folders(card: Card, root: Path) -> None:
    """``train/angry/Training_3908.jpg``, ``test/angry/PublicTest_88305.jpg``."""
    for split, usage in (("train", "Training"), ("val", "PublicTest"), ("test", "PrivateTest")):
        for number, (label, person) in enumerate(everyone([*BASIC, "neutral"], split), start=1):
            folder = root / ("train" if split == "train" else "test") / ADJECTIVES.get(label, label)
            save(grey(shown(person, label), 48), folder / f"{usage}_{number}.jpg")


def caer_s(card: Card, root: Path) -> None:
    """``train/Anger/0001.png``, numbered in each folder."""
    folders = {label: label.capitalize() for label in (*BASIC, "neutral")} | {"happiness": "Happy", "sadness": "Sad"}
    for split in ("train", "test"):
        numbers: Counter[str] = Counter()
        for label, person in everyone(list(folders), split):
            numbers[label] += 1
            save(shown(person, label), root / split / folders[label] / f"{numbers[label]:04d}.png")


def oulu_casia(card: Card, root: Path) -> None:
    """``OriginalImg/VL/Strong/P001/Anger/000.jpeg``."""
    for person in ALL:
        for label in BASIC:
            folder = root / "OriginalImg" / "VL" / "Strong" / f"P{person + 1:03d}" / label.capitalize()
            for number, image in enumerate(sequence(person, label, 5)):
                save(image, folder / f"{number:03d}.jpeg")


CK_PLUS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""Codes 1 to 7."""


def ck_plus(card: Card, root: Path) -> None:
    """Sequences of five frames. Everybody shows four of the seven emotions and one that nobody has labelled."""
    for person in ALL:
        subject = f"S{5 * (person + 1):03d}"
        shows = [CK_PLUS[(person + step) % len(CK_PLUS)] for step in range(5)]
        for number, emotion in enumerate(shows, start=1):
            frames = root / "cohn-kanade-images" / subject / f"{number:03d}"
            labels = root / "Emotion" / subject / f"{number:03d}"
            labels.mkdir(parents=True, exist_ok=True)
            for frame, image in enumerate(sequence(person, emotion, 5), start=1):
                save(grey(image, 96), frames / f"{subject}_{number:03d}_{frame:08d}.png")
            if number < len(shows):
                code = f"   {CK_PLUS.index(emotion) + 1:.7e}\n"
                (labels / f"{subject}_{number:03d}_00000005_emotion.txt").write_text(code)


def london(card: Card, root: Path) -> None:
    """``neutral/001.jpg`` and ``smiling/001.jpg``, and a table of the people; one has not said how old they are."""
    for person in ALL:
        save(shown(person, "neutral"), root / "neutral" / f"{person + 1:03d}.jpg")
        save(shown(person, "happiness"), root / "smiling" / f"{person + 1:03d}.jpg")
    with (root / "london_info.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["face_id", "face_age", "face_gender", "face_eth"])
        for person in ALL:
            age = "NA" if person == 0 else 17 + 4 * person
            gender, ethnicity = ("female", "male")[person % 2], ("white", "black", "west_asian")[person % 3]
            table.writerow([f"{person + 1:03d}", age, gender, ethnicity])


WRITERS = {
    "raf-db": raf_db,
    "raf-db-compound": raf_db,
    "affectnet-7": affectnet,
    "affectnet-8": affectnet,
    "affectnet-va": affectnet,
    "ferplus": ferplus,
    "sfew": sfew,
    "ck-plus": ck_plus,
    "jaffe": jaffe,
    "fer2013": fer2013,
    "fer2013-folders": fer2013_folders,
    "expw": expw,
    "oulu-casia": oulu_casia,
    "caer-s": caer_s,
    "raf-au": raf_au,
    "emotionet": emotionet,
    "london-photos": london,
}
"""Name of a card → what writes its layout."""
