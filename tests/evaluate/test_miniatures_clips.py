"""Every card of videos reads its miniature; what is expected is written down here, not asked of the readers."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks import fixtures
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import read
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.io.media import Film, Frames

NAMES = ("dfew", "ferv39k", "mafw", "mafw-compound", "afew", "crema-d", "ravdess", "enterface05", "caer")


def card(name: str, *overrides: str) -> Card:
    return load(Card, "benchmarks", name, overrides)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    for name in NAMES:
        fixtures.write(name, card(name), root)
    return root


@pytest.fixture
def found(data: Path, request: pytest.FixtureRequest) -> dict[str, Example]:
    return {example.name: example for example in read(card(request.param), data)}


def told(example: Example) -> tuple[Any, ...]:
    return example.label, "/".join(example.splits), example.subject


EXPECTED: dict[str, dict[str, tuple[Any, ...]]] = {
    # Clips go through the classes in the card's order, twice in each of the five folds: 14 clips of one fold.
    "dfew": {
        "Clip/jpg_256/00001": ("happiness", "test/train/train/train/train", None),
        "Clip/jpg_256/00002": ("sadness", "test/train/train/train/train", None),
        "Clip/jpg_256/00014": ("fear", "test/train/train/train/train", None),
        "Clip/jpg_256/00018": ("anger", "train/test/train/train/train", None),
        "Clip/jpg_256/00070": ("fear", "train/train/train/train/test", None),
    },
    "ferv39k": {
        "2_ClipsforFaceCrop/DailyLife/Happy/0001": ("happiness", "train", None),
        "2_ClipsforFaceCrop/Interview/Surprise/0003": ("surprise", "train", None),
        "2_ClipsforFaceCrop/Crime/Angry/0101": ("anger", "test", None),
    },
    "mafw": {
        "data/clips/00001.mp4": ("anger", "test/train/train/train/train", None),
        "data/clips/00011.mp4": ("disappointment", "test/train/train/train/train", None),
        "data/clips/00110.mp4": ("disappointment", "train/train/train/train/test", None),
    },
    "mafw-compound": {
        "data/clips/00004.mp4": ("happiness", "test/train/train/train/train", None),
        "data/clips/00012.mp4": ("anger_disgust", "test/train/train/train/train", None),
        "data/clips/00215.mp4": ("anxiety_helplessness_disappointment", "train/train/train/train/test", None),
    },
    "afew": {
        "AFEW_Face/train/Happiness/1_1_000000040": ("happiness", "train", None),
        "AFEW_Face/validation/Sadness/3_1_000000120": ("sadness", "test", None),
    },
    "crema-d": {
        "VideoFlash/1001_DFA_ANG_XX.flv": ("anger", "test", "1001"),
        "VideoFlash/1073_IEO_SAD_HI.flv": ("sadness", "test", "1073"),
    },
    "ravdess": {
        "Actor_01/02-01-02-01-01-01-01.mp4": ("calm", "test", "01"),
        "Actor_21/02-01-08-01-01-02-21.mp4": ("surprise", "test", "21"),
    },
    "enterface05": {
        "subject 1/anger/sentence 1/s1_an_1.avi": ("anger", "test", "1"),
        "subject 11/sadness/sentence 2/s12_sa_2.avi": ("sadness", "test", "11"),
        "subject 38/happiness/sentence 1/s38_ha_1.avi": ("happiness", "test", "38"),
    },
    "caer": {
        "train/Anger/0001.avi": ("anger", "train", None),
        "train/Happy/0002.avi": ("happiness", "train", None),
        "validation/Neutral/0002.avi": ("neutral", "val", None),
        "test/Surprise/0001.avi": ("surprise", "test", None),
    },
}
SIZES = {
    "dfew": 70,
    "ferv39k": 42,
    "mafw": 110,
    "mafw-compound": 215,
    "afew": 42,
    "crema-d": 60,
    "ravdess": 96,
    "enterface05": 60,
    "caer": 42,
}


@pytest.mark.parametrize(("found", "name"), [(name, name) for name in NAMES], indirect=["found"])
def test_every_card_reads_its_miniature(found: dict[str, Example], name: str) -> None:
    assert {clip: told(found[clip]) for clip in EXPECTED[name]} == EXPECTED[name]
    assert len(found) == SIZES[name]
    for fold in range(len(next(iter(found.values())).splits)):
        sides = Counter((example.label, example.splits[fold]) for example in found.values())
        classes = list(card(name).classes)
        assert all(sides[label, "test"] for label in classes)
        if card(name).split.by == "official":
            assert all(sides[label, "train"] for label in classes)
    hashes = {example.media.sha256() for example in found.values()}
    assert len(hashes) == len(found)


@pytest.mark.parametrize(("found", "name"), [(name, name) for name in NAMES], indirect=["found"])
def test_every_clip_can_be_looked_at(found: dict[str, Example], name: str) -> None:
    for example in (next(iter(found.values())), list(found.values())[-1]):
        assert isinstance(example.media, Frames if name in ("dfew", "ferv39k", "afew") else Film)
        pictures = example.media.pictures(16)
        assert len(pictures) == 16
        assert {picture.shape for picture in pictures} == {(64, 64, 3)}


@pytest.mark.parametrize("name", ["crema-d", "ravdess", "enterface05"])
def test_everybody_is_tested_in_one_fold(name: str) -> None:
    folds = card(name).split.people or []
    everybody = [person for fold in folds for person in fold]
    assert len(everybody) == len(set(everybody)) == {"crema-d": 91, "ravdess": 24, "enterface05": 43}[name]
    assert [len(fold) for fold in folds] == {
        "crema-d": [18, 18, 18, 18, 19],
        "ravdess": [4] * 6,
        "enterface05": [9, 9, 9, 9, 7],
    }[name]


def test_captions_in_gbk_are_passed_over(data: Path) -> None:
    lists = data / "MAFW/Train & Test Set/single/with_caption/set_1"
    with pytest.raises(UnicodeDecodeError):
        (lists / "test.txt").read_text(encoding="utf-8")
    captioned = card(
        "mafw",
        "layout.train=Train & Test Set/single/with_caption/set_{fold}/train.txt",
        "layout.test=Train & Test Set/single/with_caption/set_{fold}/test.txt",
        "layout.separator=tab",
    )
    assert [told(example) for example in read(captioned, data)] == [told(e) for e in read(card("mafw"), data)]


def test_wrong_numbers_are_told(data: Path) -> None:
    with pytest.raises(UserError, match="the label 7 is not one of 0 to 6"):
        read(card("dfew", "layout.first=0"), data)
    with pytest.raises(UserError, match=r"sources number classes differently: name them .* in layout.order"):
        read(card("dfew", "layout.order=[]"), data)
    with pytest.raises(UserError, match=r"labels that the card has no class for: 'Joy' \(10\)"):
        read(card("dfew", "layout.order=[Joy, Sad, Neutral, Angry, Surprise, Disgust, Fear]"), data)


def test_one_missing_list_is_told(data: Path) -> None:
    with pytest.raises(UserError, match=r"set_6.csv: No such file"):
        read(card("dfew", "layout.folds=6"), data)


def test_the_order_of_compound_classes_and_their_parts() -> None:
    classes = card("mafw-compound").classes
    assert list(classes)[:11] == list(card("mafw").classes)
    assert len(classes) == 43
    assert all(name.split("_") == one.parts for name, one in classes.items() if "_" in name)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("dfew", {"train": 9356, "test": 2341}),
        ("ferv39k", {"train": 31088, "test": 7847}),
        ("mafw", {"train": 7333, "test": 1839}),
        ("mafw-compound", {"train": 7178, "test": 1818}),
        ("afew", {"test": 381}),
        ("crema-d", {"test": 7442}),
        ("ravdess", {"test": 1440}),
    ],
)
def test_counts_of_classes_add_up_to_the_official_sizes(name: str, sizes: dict[str, int]) -> None:
    counts = {split: told for split, told in card(name).counts.items() if isinstance(told, dict)}
    assert {split: sum(told.values()) for split, told in counts.items()} == sizes
    assert all(set(told) == set(card(name).classes) for told in counts.values())


@pytest.mark.parametrize("name", ["dfew", "ferv39k", "mafw", "afew"])
@pytest.mark.parametrize(("drawn", "printed"), [("Exp-CLIP", "Exp-CLIP B/32"), ("EmoCLIP", "EmoCLIP")])
def test_what_was_read_from_the_figure_agrees_with_what_was_printed(name: str, drawn: str, printed: str) -> None:
    published = card(name).published
    (read_off,) = (one for one in published if one.model == drawn and one.error is not None)
    (exact,) = (one for one in published if one.model == printed and one.error is None)
    assert abs(read_off.metrics["uar"] - exact.metrics["uar"]) <= (read_off.error or 0)
    assert set(exact.metrics) == {"uar", "war"}
