"""Every card of micro-expressions reads its miniature; what is expected is written down here."""

from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from emocap.benchmarks import fixtures
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import read
from emocap.core.recipes import load
from emocap.io.media import Frames, Picture

NAMES = ("casme2", "samm", "smic", "casme3", "mmew")


def card(name: str, *overrides: str) -> Card:
    return load(Card, "benchmarks", name, overrides)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("micro")
    for name in NAMES:
        fixtures.write(name, card(name), root)
    return root


def told(example: Example) -> tuple[Any, ...]:
    assert isinstance(example.media, Frames)
    names = [path.name for path in example.media.paths]
    return example.label, example.subject, names[0], names[-1], len(names)


EXPECTED = {
    "casme2": {
        "Cropped/sub01/EP01_01f": ("happiness", "1", "reg_img41.jpg", "reg_img47.jpg", 7),
        "Cropped/sub03/EP30_02f": ("others", "3", "reg_img70.jpg", "reg_img76.jpg", 7),
    },
    "samm": {
        "006/006_1_1": ("happiness", "6", "006_05020.jpg", "006_05026.jpg", 7),
        "008/008_30_2": ("others", "8", "008_05600.jpg", "008_05606.jpg", 7),
    },
    "smic": {
        "SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01": (
            "negative",
            "s1",
            "reg_image000001.bmp",
            "reg_image000007.bmp",
            7,
        ),
        "SMIC_all_cropped/HS/s3/micro/surprise/s3_su_02": (
            "surprise",
            "s3",
            "reg_image000001.bmp",
            "reg_image000007.bmp",
            7,
        ),
    },
    "casme3": {
        "Part_A_ME_clip/frame/spNO.1_b_110": ("happiness", "spNO.1", "110.jpg", "116.jpg", 7),
        "Part_A_ME_clip/frame/spNO.3_a_520": ("surprise", "spNO.3", "520.jpg", "526.jpg", 7),
    },
    "mmew": {
        "Micro_Expression/happy/S01-01-001": ("happiness", "1", "1.jpg", "7.jpg", 7),
        "Micro_Expression/sad/S03-36-001": ("sadness", "3", "1.jpg", "7.jpg", 7),
    },
}
# Three people with two of each class; what a card leaves out is written and not read.
SIZES = {"casme2": 30, "samm": 30, "smic": 18, "casme3": 42, "mmew": 36}


@pytest.mark.parametrize("name", NAMES)
def test_every_card_reads_its_miniature(data: Path, name: str) -> None:
    found = {example.name: example for example in read(card(name), data)}
    assert {clip: told(found[clip]) for clip in EXPECTED[name]} == EXPECTED[name]
    assert len(found) == SIZES[name]
    shown = Counter((example.subject, example.label) for example in found.values())
    assert set(shown.values()) == {2}
    assert {example.splits for example in found.values()} == {("test",)}
    assert len({example.media.sha256() for example in found.values()}) == len(found)
    assert {picture.shape for picture in found[next(iter(found))].media.pictures(16)} == {(64, 64, 3)}


@pytest.mark.parametrize(
    ("name", "clip", "apex"),
    [
        ("casme2", "Cropped/sub01/EP02_01f", "reg_img45.jpg"),
        ("casme2", "Cropped/sub01/EP01_01f", "reg_img44.jpg"),  # not coded: the middle of 41 to 47
        ("samm", "006/006_1_1", "006_05023.jpg"),
        ("casme3", "Part_A_ME_clip/frame/spNO.1_b_110", "113.jpg"),
        ("mmew", "Micro_Expression/happy/S01-01-001", "4.jpg"),
    ],
)
def test_the_apex_alone(data: Path, name: str, clip: str, apex: str) -> None:
    found = {example.name: example for example in read(card(name, "layout.take=apex"), data)}
    media = found[clip].media
    assert isinstance(media, Picture)
    assert media.path.name == apex
    assert len(media.pictures(16)) == 1


def test_samm_has_thirteen_rows_above_its_header(data: Path) -> None:
    sheet = openpyxl.load_workbook(data / "SAMM/SAMM_Micro_FACS_Codes_v2.xlsx").active
    assert [cell.value for cell in sheet["A"]].index("Subject") == 13
    assert sheet["A15"].value == "006"


@pytest.mark.parametrize("name", NAMES)
def test_one_person_is_left_out_and_uf1_comes_first(name: str) -> None:
    told = card(name)
    assert (told.split.by, told.split.folds, told.split.people) == ("subjects", None, None)
    assert told.metrics[:2] == ["uf1", "uar"]
