"""What the miniatures of stills hold, told here from the official layouts and not from the readers."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emocap.benchmarks import fixtures
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.fixtures.cast import grey, shown
from emocap.benchmarks.fixtures.static import WRITERS
from emocap.benchmarks.loading import read
from emocap.core.recipes import load
from emocap.schema.facs import affect

Told = dict[str, tuple[str, str | None, str | None]]
"""Name → split, class, subject."""

RAF_DB = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
COMPOUND = [
    "happily surprised",
    "happily disgusted",
    "sadly fearful",
    "sadly angry",
    "sadly surprised",
    "sadly disgusted",
    "fearfully angry",
    "fearfully surprised",
    "angrily surprised",
    "angrily disgusted",
    "disgustedly surprised",
]
AFFECTNET = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
FER2013 = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
FERPLUS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
CK_PLUS = ["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"]
FOLDERS = {
    "anger": "Angry",
    "disgust": "Disgust",
    "fear": "Fear",
    "happiness": "Happy",
    "sadness": "Sad",
    "surprise": "Surprise",
    "neutral": "Neutral",
}


def thrice(labels: list[str], start: int = 1) -> Iterator[tuple[int, str]]:
    """Numbers from ``start``, three of each label in turn."""
    return enumerate((label for label in labels for _ in range(3)), start)


def raf_db() -> Told:
    told: Told = {
        f"basic/Image/aligned/train_{n:05d}_aligned.jpg": ("train", label, None) for n, label in thrice(RAF_DB)
    }
    return told | {
        f"basic/Image/aligned/test_{n:04d}_aligned.jpg": ("test", label, None) for n, label in thrice(RAF_DB)
    }


def raf_db_compound() -> Told:
    return {
        f"compound/Image/aligned/{split}_{n}_aligned.jpg": (split, label, None)
        for split in ("train", "test")
        for n, label in thrice(COMPOUND)
    }


def affectnet(classes: int) -> Told:
    return {
        f"{folder}/images/{n}.jpg": (split, label, None)
        for split, folder in (("train", "train_set"), ("test", "val_set"))
        for n, label in thrice(AFFECTNET, start=0)
        if AFFECTNET.index(label) < classes
    }


def ferplus() -> Told:
    told: Told = {}
    for start, split, folder in (
        (0, "train", "FER2013Train"),
        (28, "val", "FER2013Valid"),
        (56, "test", "FER2013Test"),
    ):
        # Two of the three that people were unsure of have most votes for neutral; the third has them for unknown.
        labels = [*thrice(FERPLUS, start), (start + 24, "neutral"), (start + 25, "neutral")]
        told |= {f"data/{folder}/fer{n:07d}.png": (split, label, None) for n, label in labels}
    return told


def fer2013() -> Told:
    return {
        f"{usage}/{n:05d}": (split, label, None)
        for split, usage in (("train", "Training"), ("val", "PublicTest"), ("test", "PrivateTest"))
        for n, label in thrice(FER2013, start=0)
    }


def fer2013_folders() -> Told:
    return {
        f"{split}/{FOLDERS[label].lower()}/{usage}_{n}.jpg": (split, label, None)
        for split, usage in (("train", "Training"), ("test", "PublicTest"), ("test", "PrivateTest"))
        for n, label in thrice(["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"])
    }


def sfew() -> Told:
    return {
        f"{folder}/{FOLDERS[label]}/Airheads_{519240 + 40 * n:09d}_{first + n % 3:08d}.png": (split, label, None)
        for split, folder, first in (
            ("train", "Train/Train_Aligned_Faces", 0),
            ("test", "Val/Val_Aligned_Faces_new", 6),
        )
        for n, label in thrice(FER2013, start=0)
    }


def ck_plus() -> Told:
    return {
        f"cohn-kanade-images/S{5 * person:03d}/{n:03d}/S{5 * person:03d}_{n:03d}_{frame:08d}.png": (
            "test",
            CK_PLUS[(person - 1 + n - 1) % 7],
            f"S{5 * person:03d}",
        )
        for person in range(1, 11)
        for n in range(1, 5)
        for frame in (3, 4, 5)
    }


def jaffe() -> Told:
    codes = {"AN": "anger", "DI": "disgust", "FE": "fear", "HA": "happiness"}
    codes |= {"SA": "sadness", "SU": "surprise", "NE": "neutral"}
    return {
        f"{who}.{code}1.{3 * row + column + 1}.tiff": ("test", label, who)
        for row, (code, label) in enumerate(codes.items())
        for column, who in enumerate(("KA", "KL", "KM"))
    }


def oulu_casia() -> Told:
    return {
        f"OriginalImg/VL/Strong/P{person:03d}/{label.capitalize()}/{frame:03d}.jpeg": ("test", label, f"P{person:03d}")
        for person in range(1, 11)
        for label in ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
        for frame in (2, 3, 4)
    }


def caer_s() -> Told:
    return {
        f"{split}/{'Anger' if label == 'anger' else FOLDERS[label]}/{n:04d}.png": (split, label, None)
        for split in ("train", "test")
        for label in FER2013
        for n in (1, 2, 3)
    }


def london() -> Told:
    return {
        f"{folder}/{person:03d}.jpg": ("test", label, f"{person:03d}")
        for folder, label in (("neutral", "neutral"), ("smiling", "happiness"))
        for person in range(1, 11)
    }


EMOTIONS = {
    "raf-db": raf_db(),
    "raf-db-compound": raf_db_compound(),
    "affectnet-7": affectnet(7),
    "affectnet-8": affectnet(8),
    "ferplus": ferplus(),
    "fer2013": fer2013(),
    "fer2013-folders": fer2013_folders(),
    "sfew": sfew(),
    "ck-plus": ck_plus(),
    "jaffe": jaffe(),
    "oulu-casia": oulu_casia(),
    "caer-s": caer_s(),
    "london-photos": london(),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All miniatures of stills below one folder, as somebody would keep them."""
    root = tmp_path_factory.mktemp("stills")
    for name in WRITERS:
        fixtures.write(name, card(name), root)
    return root


def card(name: str) -> Card:
    return load(Card, "benchmarks", name)


def pixels(example: Example) -> np.ndarray:
    (seen,) = example.media.pictures(1)
    return seen


@pytest.mark.parametrize("name", EMOTIONS)
def test_the_examples_are_those_of_the_official_layout(data: Path, name: str) -> None:
    read_back = read(card(name), data)
    assert {example.name: (example.splits[0], example.label, example.subject) for example in read_back} == EMOTIONS[
        name
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_every_picture_is_there_and_no_two_are_the_same(data: Path, name: str) -> None:
    seen = [hashlib.sha256(pixels(example).tobytes()).hexdigest() for example in read(card(name), data)]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("name", [name for name in WRITERS if card(name).classes])
def test_every_class_has_three_examples_in_every_split(data: Path, name: str) -> None:
    counted = Counter((example.splits[0], example.label) for example in read(card(name), data))
    splits = {split for split, _ in counted}
    assert "test" in splits
    assert all(counted[split, label] >= 3 for split in splits for label in card(name).classes)


@pytest.mark.parametrize("name", [name for name in WRITERS if card(name).split.by == "subjects"])
def test_there_are_people_enough_for_the_folds(data: Path, name: str) -> None:
    people = {example.subject for example in read(card(name), data)}
    assert len(people) >= max(3, card(name).split.folds or 0)


@pytest.mark.parametrize("name", [name for name in WRITERS if card(name).task == "action_units"])
def test_every_unit_is_shown_by_some_and_not_by_others_in_both_splits(data: Path, name: str) -> None:
    for split in ("train", "test"):
        there = [example.units or {} for example in read(card(name), data) if example.splits == (split,)]
        for unit in card(name).action_units:
            assert {units[unit] > 0 for units in there if unit in units} == {True, False}


def test_expw_cuts_out_the_face_of_the_line(data: Path) -> None:
    examples = read(card("expw"), data)
    assert len(examples) == 42
    lines = (data / "ExpW" / "data" / "label" / "label.lst").read_text().splitlines()
    for example, line in zip(examples, lines, strict=True):
        photo, place, top, left, right, bottom, _, code = line.split()
        assert example.name == f"data/image/origin/{photo}#{place}"
        assert example.label == FER2013[int(code)]
        assert pixels(example).shape == (int(bottom) - int(top), int(right) - int(left), 3)
        person = int(place) + (6 if example.splits == ("test",) else 0)
        drawn = np.asarray(shown(person, FER2013[int(code)]), dtype=float)
        assert np.abs(pixels(example) - drawn).mean() < 8
        drawn = drawn[:, ::-1]
        assert np.abs(pixels(example) - drawn).mean() > 8


def test_fer2013_keeps_pixels_as_they_are(data: Path) -> None:
    examples = {example.name: example for example in read(card("fer2013"), data)}
    drawn = np.asarray(grey(shown(6, "anger"), 48))
    assert np.array_equal(pixels(examples["PrivateTest/00000"]), np.repeat(drawn[:, :, None], 3, axis=2))


def test_ferplus_is_unsure_of_some_where_the_rule_is_strict(data: Path) -> None:
    strict = load(Card, "benchmarks", "ferplus", ["layout.majority=strict"])
    names = {example.name for example in read(strict, data)}
    unsure = {f"data/{folder}/fer{n:07d}.png" for folder, n in (("FER2013Train", 24), ("FER2013Train", 25))}
    unsure |= {f"data/{folder}/fer{n:07d}.png" for folder, n in (("FER2013Valid", 52), ("FER2013Valid", 53))}
    unsure |= {f"data/{folder}/fer{n:07d}.png" for folder, n in (("FER2013Test", 80), ("FER2013Test", 81))}
    assert names == set(EMOTIONS["ferplus"]) - unsure


def test_affectnet_is_rated_as_its_expressions_lie(data: Path) -> None:
    examples = read(card("affectnet-va"), data)
    assert [example.name for example in examples] == list(affectnet(8))
    for number, example in enumerate(examples):
        label, person = AFFECTNET[number % 24 // 3], number % 3
        valence, arousal = affect({label: 1.0}, 0.6 + 0.1 * person)
        assert example.values == pytest.approx({"valence": valence, "arousal": arousal})


def test_raf_au_and_emotionet_show_the_units_that_are_listed(data: Path) -> None:
    listed = (data / "RAF-AU" / "RAFAU_label.txt").read_text().split()
    codes = dict(zip(listed[::2], listed[1::2], strict=True))
    for example in read(card("raf-au"), data):
        told = codes[Path(example.name).name.replace("_aligned", "")]
        wanted = set() if told == "null" else {int(code.strip("LR")) for code in told.split("+")}
        assert {unit for unit, value in (example.units or {}).items() if value} == wanted
    with (data / "EmotioNet" / "EmotioNet_FACS_aws_2020_24600.csv").open() as file:
        rows = {Path(row["URL"].strip("'")).name: row for row in csv.DictReader(file)}
    for example in read(card("emotionet"), data):
        row = rows[Path(example.name).name]
        for unit in range(1, 61):
            value = {"0": 0.0, "1": 3.0, "999": None}[row[f"'AU {unit}'"]]
            assert (example.units or {}).get(unit) == value


def test_london_says_who_people_are(data: Path) -> None:
    examples = {example.name: example.groups for example in read(card("london-photos"), data)}
    assert examples["neutral/001.jpg"] == {"gender": "female", "ethnicity": "white"}
    assert examples["smiling/002.jpg"] == {"gender": "male", "ethnicity": "black", "age": "under 25"}
    assert examples["smiling/010.jpg"] == {"gender": "male", "ethnicity": "white", "age": "35 and over"}
