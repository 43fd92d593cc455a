import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from emocap.core.errors import UserError
from emocap.metrics.wheel import resources
from emocap.metrics.wheel.resources import load, small
from tests.support import wheel_oracle

SMALL = Path(resources.__file__).parent / "small"
GOLDEN = {
    "happy": ["happy", "happy", "joyful", "joy", "powerful"],
    "angered": ["mad", "angry", None, "anger", "mad"],
    "worried": ["scared", "fearful", "scared", "fear", "scared"],
    "frustrated": ["sad", "sad", "mad", "sad", "mad"],
    "surprise": ["surprised", "surprised", "powerful", "fear", None],
    "neutral": [None] * 5,
}


@pytest.fixture
def real(shared: Callable[[str], Path]) -> Path:
    shared("data/emotion_wheel/wheel1.xlsx")
    return shared("data/emotion_wheel")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the small wheels, to be spoilt."""
    return Path(shutil.copytree(SMALL, tmp_path / "own"))


def as_csv(source: Path, target: Path) -> Path:
    """The same tables without workbooks."""
    target.mkdir()
    for path in source.glob("*.xlsx"):
        with (target / f"{path.stem}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
            csv.writer(file).writerows([cell if cell is not None else "" for cell in row] for row in rows)
    shutil.copy(source / "format.csv", target)
    return target


def as_workbooks(source: Path, target: Path) -> Path:
    target.mkdir()
    for path in source.glob("*.csv"):
        book = openpyxl.Workbook()
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                book.worksheets[0].append([cell or None for cell in row])
        book.save(target / f"{path.stem}.xlsx")
    return target


def test_the_released_wheels_have_as_many_words_as_their_authors_say(real: Path) -> None:
    wheels = load(real)
    assert len({word for wheel in wheels.wheels for word in wheel.level1}) == 253
    assert len(wheels.words) == 1255
    # 7,386 in the table of MER2025; that of MER2026, which is this one, has some words in -less mended.
    assert {"MER2025": 7386, "MER2026": 7356}[wheels.name] == len(wheels.synonyms)
    assert wheels.comparable


@pytest.mark.parametrize("label", GOLDEN)
def test_words_are_where_the_authors_have_them(real: Path, label: str) -> None:
    wheels = load(real)
    assert [wheels.place(label, number) for number in range(5)] == GOLDEN[label]
    assert [wheels.place(f" {label.upper()} ", number) for number in range(5)] == GOLDEN[label]


@pytest.mark.parametrize("level", ["level1", "level2"])
def test_every_form_is_where_the_formulas_have_it(real: Path, level: resources.Level) -> None:
    wheels, maps = load(real), wheel_oracle.maps(real)
    assert set(wheels.synonyms) == set(maps[0])
    for form in wheels.synonyms:
        for number in range(5):
            assert wheels.place(form, number, level) == wheel_oracle.place(maps, form, number, level)


def test_workbooks_and_csv_are_the_same(real: Path, tmp_path: Path) -> None:
    assert load(as_csv(real, tmp_path / "csv")) == load(real)
    assert load(as_workbooks(SMALL, tmp_path / "books")).sha256 == small().sha256


def test_what_comes_along_is_told_from_what_the_authors_released(own: Path) -> None:
    wheels = small()
    assert "small" in wheels.name
    assert not wheels.comparable
    assert load(own).name == "own, not the authors'"
    assert load(own).sha256 == wheels.sha256
    rewritten(own / "wheel3.csv", "tired", "sleepless")
    assert load(own).sha256 != wheels.sha256


def test_a_word_is_under_the_first_word_of_the_alphabet_that_the_wheel_has(tmp_path: Path) -> None:
    for number in range(1, 6):
        (tmp_path / f"wheel{number}.csv").write_text(
            "level1,level2,level3\n Zest , Glow ,Beam\n,Ardour,\nMild,Calm,Beam\n"
        )
    (tmp_path / "synonym.csv").write_text("word_run1,synonym_run1\nZEST,pep\nglow,\nbeam,pep\nCalm,\nmild,pep\n")
    (tmp_path / "format.csv").write_text("name,format\npep,peppy\nzest,zesty\ncalm,zesty\nbeam,\n")
    wheels = load(tmp_path)
    # beam stands under glow and, later, under calm; a blank cell is as the one above it.
    assert wheels.wheels[0].level1 == {
        "zest": "zest", "glow": "zest", "ardour": "zest", "mild": "mild", "calm": "mild", "beam": "mild"
    }  # fmt: skip
    assert wheels.wheels[0].level2["beam"] == "calm"
    # Of the inner ring itself: the first of its children in the alphabet.
    assert wheels.place("zest", 0, "level2") == "ardour"
    # pep leads to beam, mild and zest, of which beam is the first.
    assert wheels.place("peppy", 0) == "mild"
    assert wheels.place("peppy", 0, "level2") == "calm"
    # zesty is a form of calm and of zest.
    assert wheels.place("zesty", 4) == "mild"
    # glow is on the wheel, but no form of it is listed.
    assert wheels.place("glow", 0) is None


def rewritten(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_folder_that_cannot_be_meant_is_told_in_a_line(own: Path) -> None:
    def told() -> str:
        with pytest.raises(UserError) as caught:
            load(own)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    original = {path.name: path.read_bytes() for path in own.iterdir()}

    def restored() -> None:
        for path in own.iterdir():
            path.unlink()
        for name, data in original.items():
            (own / name).write_bytes(data)

    (own / "wheel4.csv").unlink()
    assert "neither wheel4.xlsx nor wheel4.csv" in told()
    restored()
    (own / "format.xlsx").write_bytes(b"")
    assert "both format.xlsx and format.csv" in told()
    restored()
    rewritten(own / "wheel1.csv", "level2", "second")
    assert "wheel1.csv has no column level2" in told()
    restored()
    (own / "wheel1.csv").write_text("level1,level2,level3\n,cheerful,smiling\n")
    assert "wheel1.csv, row 2: no level1" in told()
    restored()
    (own / "wheel1.csv").write_text("level1,level2,level3\n")
    assert "wheel1 has no words" in told()
    restored()
    rewritten(own / "synonym.csv", "joyful,", "zestful,")
    assert "synonym.csv, row 3: 'zestful' in word_run1 is on none of the wheels" in told()
    restored()
    rewritten(own / "synonym.csv", "synonym_run2", "synonyms_run2")
    assert "beside word_run2 there is no column synonym_run2" in told()
    restored()
    rewritten(own / "format.csv", "joyful,", "zestful,")
    assert "format.csv, row 3: 'zestful' is neither a word nor a synonym" in told()
    restored()
    (own / "format.csv").write_bytes(b"name,format\n\xff\xff,\xff")
    assert "format.csv is text in none of" in told()
    with pytest.raises(UserError, match="there is no folder"):
        load(own / "absent")


def test_a_workbook_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    own = as_workbooks(SMALL, tmp_path / "books")
    whole = (own / "wheel2.xlsx").read_bytes()
    for data in (b"", b"level1,level2,level3\n", whole[: len(whole) // 2], whole[:-40]):
        (own / "wheel2.xlsx").write_bytes(data)
        with pytest.raises(UserError, match=r"wheel2\.xlsx cannot be read as an Excel workbook"):
            load(own)
    book = openpyxl.Workbook()
    book.worksheets[0].append(["level1", "level2", "level3"])
    book.worksheets[0].append(["happy", "cheerful", 3])
    book.save(own / "wheel2.xlsx")
    with pytest.raises(UserError, match=r"wheel2\.xlsx, row 2: 3 in level3 is no text"):
        load(own)
    openpyxl.Workbook().save(own / "wheel2.xlsx")
    with pytest.raises(UserError, match=r"wheel2\.xlsx has no column level1, level2, level3"):
        load(own)


def test_every_word_of_the_small_wheels_can_be_said() -> None:
    wheels = small()
    for number, wheel in enumerate(wheels.wheels):
        for word in wheel.level1:
            assert wheels.place(word, number) is not None
    # Forms, synonyms, and words that are dropped as the authors drop them.
    assert wheels.place("Happiness", 0) == "happy"
    assert wheels.place("gladly", 0) == "happy"
    assert wheels.place("neutral", 0) is None
