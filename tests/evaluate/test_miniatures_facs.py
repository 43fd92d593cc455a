"""The miniatures of action units, ratings and multiple choice, read through their cards.

What is expected is taken from the annotation files without the readers, or from the plan by which they were written.
"""

import csv
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from emocap.benchmarks import fixtures
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.fixtures.faces import picture, posed
from emocap.benchmarks.fixtures.units import takes
from emocap.benchmarks.loading import read
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.io.media import Picture
from emocap.schema.facs import settle

CODED = ("bp4d", "disfa", "aff-wild2-au", "faba-au")
CLASSED = ("aff-wild2-expr", "faba-emotion")
RATED = ("aff-wild2-va", "afew-va", "unbc-mcmaster")
ASKED = ("face-human-bench", "facexbench")
ALL = (*CODED, *CLASSED, *RATED, *ASKED)


class Read(NamedTuple):
    card: Card
    root: Path
    examples: list[Example]

    def named(self, name: str) -> Example:
        (found,) = [example for example in self.examples if example.name == name]
        return found


@pytest.fixture(scope="module")
def minis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Read]:
    """All of them below one folder, as somebody would keep the data, read after all were written."""
    data = tmp_path_factory.mktemp("data")
    cards = {name: load(Card, "benchmarks", name) for name in ALL}
    roots = {name: fixtures.write(name, card, data) for name, card in cards.items()}
    return {name: Read(card, roots[name], read(card, data)) for name, card in cards.items()}


@pytest.mark.parametrize("name", ALL)
def test_names_are_paths_and_pictures_are_there(minis: dict[str, Read], name: str) -> None:
    one = minis[name]
    assert one.examples
    for example in one.examples:
        assert isinstance(example.media, Picture)
        assert example.media.path.is_file()
        assert example.media.path.as_posix().endswith(example.name)
    (pixels,) = one.examples[0].media.pictures(1)
    assert pixels.shape[2] == 3
    assert pixels.std() > 10


@pytest.mark.parametrize("name", CODED)
def test_every_unit_is_shown_and_is_not_in_every_fold(minis: dict[str, Read], name: str) -> None:
    card, _, examples = minis[name]
    folds = len(examples[0].splits)
    for fold, unit in itertools.product(range(folds), card.action_units):
        seen = Counter(
            (example.splits[fold], example.units[unit] >= card.present_from)
            for example in examples
            if example.units and unit in example.units
        )
        splits = {example.splits[fold] for example in examples}
        assert all(seen[split, shown] for split in splits for shown in (True, False)), (fold, unit, seen)
        assert "test" in splits


@pytest.mark.parametrize("name", CLASSED)
def test_every_class_is_in_every_split(minis: dict[str, Read], name: str) -> None:
    card, _, examples = minis[name]
    for split in {example.splits for example in examples}:
        assert {example.label for example in examples if example.splits == split} == set(card.classes)


@pytest.mark.parametrize("name", RATED)
def test_ratings_lie_on_their_scales_and_differ(minis: dict[str, Read], name: str) -> None:
    card, _, examples = minis[name]
    for rating, (low, high) in card.ratings.items():
        values = [example.values[rating] for example in examples if example.values]
        assert low <= min(values) < max(values) <= high
        assert len(set(values)) > 4


@pytest.mark.parametrize("name", ["bp4d", "disfa", "aff-wild2-au", "aff-wild2-va", "afew-va", "unbc-mcmaster"])
def test_there_are_people_enough_for_the_folds(minis: dict[str, Read], name: str) -> None:
    card, _, examples = minis[name]
    people = {example.subject for example in examples}
    assert None not in people
    assert len(people) >= max(4, card.split.folds or 0)


@pytest.mark.parametrize("name", CODED)
def test_everybody_shows_every_unit_and_none_that_rule_each_other_out(name: str) -> None:
    units = load(Card, "benchmarks", name).action_units
    for person in range(6):
        shown = list(takes(units, person))
        for unit in units:
            strengths = [take.get(str(unit), 0.0) for take in shown]
            assert max(strengths) >= 2
            assert min(strengths) == 0
        assert all(settle(take) == take for take in shown)
        assert len(shown) <= len(units)


def test_bp4d_is_what_its_tables_say(minis: dict[str, Read]) -> None:
    _, root, examples = minis["bp4d"]
    folds = [
        ["F007", "F015"],
        ["M011", "F003"],
        ["F001", "M007"],
    ]
    told = {}
    for path in (root / "AUCoding" / "AU_OCC").glob("*.csv"):
        person, task = path.stem.split("_")
        for row in csv.DictReader(path.open()):
            frame = row.pop("0")
            units = {int(unit): 5.0 * int(code) for unit, code in row.items() if code != "9"}
            splits = tuple("test" if person in fold else "train" for fold in folds)
            told[f"img/{person}/{task}/{frame}.jpg"] = (person, splits, units)
    assert {e.name: (e.subject, e.splits, e.units) for e in examples} == told
    assert {e.subject for e in examples} == {person for fold in folds for person in fold}
    unknown = [example for example in examples if 24 not in (example.units or {})]
    assert {example.name.rpartition("/")[2] for example in unknown} == {"2440.jpg"}  # the face at rest of everybody
    assert len(unknown) == 6
    assert all(28 not in (example.units or {}) for example in examples)


def test_disfa_is_what_was_planned(minis: dict[str, Read]) -> None:
    card, _, examples = minis["disfa"]
    people = ["SN003", "SN029", "SN013", "SN018", "SN002", "SN010"]
    files = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    told = {
        f"img/{person}/{place}.png": (person, {unit: units.get(str(unit), 0.0) for unit in files})
        for number, person in enumerate(people)
        for place, units in enumerate(takes(card.action_units, number))
    }
    assert {e.name: (e.subject, e.units) for e in examples} == told
    assert {value for _, units in told.values() for value in units.values()} == {0, 1, 2, 3, 4, 5}
    by_person = {e.subject: e.splits for e in examples}
    assert [by_person[person].index("test") for person in people] == [0, 0, 1, 1, 2, 2]


def test_pictures_show_the_units_that_are_coded(minis: dict[str, Read]) -> None:
    card = minis["disfa"].card
    units = list(takes(card.action_units, 1))[2]
    shown = minis["disfa"].named("img/SN029/2.png")
    (pixels,) = shown.media.pictures(1)
    assert np.array_equal(pixels, np.asarray(picture(posed(1, units))))
    (rest,) = minis["disfa"].named("img/SN029/0.png").media.pictures(1)
    assert not np.array_equal(pixels, rest)


def test_aff_wild2_leaves_out_what_has_no_annotation_or_crop(minis: dict[str, Read]) -> None:
    """Of every video line 2 is unknown, frame 3 has no crop, and two lines go on after the last."""
    for name, challenge in (
        ("aff-wild2-expr", "EXPR_Classification_Challenge"),
        ("aff-wild2-au", "AU_Detection_Challenge"),
        ("aff-wild2-va", "VA_Estimation_Challenge"),
    ):
        _, root, examples = minis[name]
        told = []
        for part, split in (("Train_Set", "train"), ("Validation_Set", "test")):
            for path in sorted((root / challenge / part).glob("*.txt")):
                lines = path.read_text().splitlines()[1:]
                frames = [1, *range(4, len(lines) - 1)]
                told += [(f"cropped_aligned/{path.stem}/{n:05d}.jpg", split, lines[n - 1]) for n in frames]
        assert [(e.name, *e.splits) for e in examples] == [(frame, split) for frame, split, _ in told]
        for example, (_, _, line) in zip(examples, told, strict=True):
            if name == "aff-wild2-expr":
                order = ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other"]
                assert example.label == order[int(line)]
            elif name == "aff-wild2-au":
                units = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
                assert example.units == {u: 5.0 * int(c) for u, c in zip(units, line.split(","), strict=True)}
            else:
                assert list((example.values or {}).values()) == [float(value) for value in line.split(",")]


def test_afew_va_is_what_its_files_say(minis: dict[str, Read]) -> None:
    _, root, examples = minis["afew-va"]
    told = {}
    for path in root.glob("*/*/*.json"):
        clip = json.loads(path.read_text())
        for frame, rated in clip["frames"].items():
            values = {"valence": rated["valence"], "arousal": rated["arousal"]}
            told[f"{path.parent.relative_to(root).as_posix()}/{frame}.png"] = (clip["actor"], values)
    assert {e.name: (e.subject, e.values) for e in examples} == told
    assert examples[0].name == "01/001/00000.png"
    assert {e.subject for e in examples if "/001/" in e.name or "/007/" in e.name} == {"actor 0"}


def test_unbc_pain_is_what_its_units_add_up_to(minis: dict[str, Read], tmp_path: Path) -> None:
    card, root, examples = minis["unbc-mcmaster"]
    people = ["101-aa101", "102-bb102", "103-cc103", "104-dd104"]
    pain = [0.0, 1.0, 4.0, 6.0, 7.0, 14.0, 0.0]
    assert [(e.subject, (e.values or {})["pspi"]) for e in examples] == list(
        zip(np.repeat(people, 7).tolist(), pain * 4, strict=True)
    )
    # Without the numbers, from the units alone.
    (tmp_path / "Frame_Labels").mkdir()
    (tmp_path / "Frame_Labels" / "FACS").symlink_to(root / "Frame_Labels" / "FACS")
    assert [e.values for e in read(card, tmp_path)] == [e.values for e in examples]


def test_faba_is_what_was_planned(minis: dict[str, Read]) -> None:
    emotions = minis["faba-emotion"].examples
    order = ["happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear"]
    assert [example.label for example in emotions] == order * 4
    assert emotions[8].name == "eval/images/AffectNet/AffectNet_v2/1/emotion0008.jpg"
    card, _, coded = minis["faba-au"]
    planned = [{int(unit) for unit in units} for person in range(4) for units in takes(card.action_units, person)]
    assert [{unit for unit, value in (e.units or {}).items() if value} for e in coded] == planned
    assert all(len(e.units or {}) == 20 for e in coded)


def test_face_human_bench_is_what_its_files_say(minis: dict[str, Read]) -> None:
    _, root, examples = minis["face-human-bench"]
    assert Counter("-".join(e.groups.values()) for e in examples) == {
        "basic-original": 14,
        "basic-cropped": 14,
        "compound-cropped": 14,
    }
    told = {}
    for path in (root / "test/json/en").glob("*.json"):
        for entry in json.loads(path.read_text())["data"]:
            for picture_path in entry["image"]["image_paths"].values():
                told[picture_path] = (set(entry["QA"]["options"]), entry["QA"]["options"][entry["QA"]["answer"]])
    asked = {e.name: e.question for e in examples if e.question}
    assert {n: (set(q.options), q.options[q.answer]) for n, q in asked.items()} == told
    assert len({question.answer for question in asked.values()}) == 4
    (scene,) = (
        minis["face-human-bench"].named("eval_data/face/expression/basic/original/sample_0003.jpg").media.pictures(1)
    )
    assert scene.shape == (128, 160, 3)


def test_facexbench_is_what_its_files_say(minis: dict[str, Read]) -> None:
    _, root, examples = minis["facexbench"]
    told = {}
    for path in (root / "benchmark").glob("*.json"):
        for asked in json.loads(path.read_text())["questions"].values():
            options = tuple(asked["options"])
            answer = "ABCD".index(asked["correct_answer_option"])
            assert options[answer] == asked["answer"]
            question = Question("Which expression is the person showing in the image?", options, answer)
            told[f"benchmark/{asked['image_paths'][0]}"] = (path.stem, question)
    assert {e.name: (e.groups["file"], e.question) for e in examples} == told
    assert [e.name.rpartition("_")[2] for e in examples[:14]] == [f"{n}.png" for n in range(1, 15)]
    assert {q.answer for _, q in told.values()} == {0, 1, 2, 3}


def test_published_numbers_say_where_they_stand() -> None:
    for name in ALL:
        card = load(Card, "benchmarks", name)
        assert card.licence
        assert card.homepage
        assert card.metrics
        for published in card.published:
            assert published.source
            assert (published.error == 0.003) == ("Fig. 1e" in published.source)


def test_missing_pictures_are_given_all_the_same(minis: dict[str, Read], tmp_path: Path) -> None:
    """Except where the dataset itself has no crop: Aff-Wild2, whose videos then have others."""
    card, root, examples = minis["unbc-mcmaster"]
    (tmp_path / "Frame_Labels").symlink_to(root / "Frame_Labels")
    assert [e.name for e in read(card, tmp_path)] == [e.name for e in examples]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ALL:
        with pytest.raises(UserError):
            read(load(Card, "benchmarks", name), tmp_path)
