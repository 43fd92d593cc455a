import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from hashlib import sha256
from random import Random

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from emocap.schema.facs import UNITS, mirror, split_code
from emocap.synthetic import EMOTIONS7, DrawnFace, Expression, Identity, Scene, draw, sample, sample_expression
from emocap.synthetic.people import BEARDS, CLOTHES, EARRINGS, GLASSES, HAIR, HEADWEAR
from emocap.synthetic.scene import BACKGROUNDS, head_units

PEOPLE = {
    "plain": Identity(),
    "dark skin, bangs, glasses": Identity(tone=0.95, hair="bangs", glasses="square", lashes=0.9, brow_weight=0.8),
    "old, pale, bearded": Identity(tone=0.02, age=0.95, hair="receding", beard="beard", hair_colour="#b4b1ae"),
}
SCENE = Scene(noise=2, blur=1)
FACIAL = [number for number, unit in UNITS.items() if unit.region != "head"]
HEAD = [number for number, unit in UNITS.items() if unit.region == "head"]
SIDED = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 20, 43, 46)


def shown(**units: float) -> Expression:
    """`shown(L12=3)`; a unit on both sides is written U12."""
    return Expression({"neutral": 1.0}, {code.removeprefix("U"): value for code, value in units.items()})


@cache
def at_rest(person: str, size: int) -> DrawnFace:
    return draw(PEOPLE[person], shown(), SCENE, size)


def difference(one: DrawnFace, other: DrawnFace) -> NDArray[np.float64]:
    change: NDArray[np.float64] = np.abs(one.image.astype(float) - other.image.astype(float)).mean(2)
    return change


def around(faces: tuple[DrawnFace, ...], names: tuple[str, ...], grow: float) -> tuple[slice, slice]:
    points = np.concatenate([face.points[name] for face in faces for name in names])
    (x0, y0), (x1, y1) = points.min(0) - grow, points.max(0) + grow
    return slice(max(0, int(y0)), int(y1)), slice(max(0, int(x0)), int(x1))


def region(number: int, *faces: DrawnFace) -> tuple[slice, slice]:
    brows = ("left_brow", "right_brow")
    eyes = ("left_upper_lid", "right_upper_lid", "left_lower_lid", "right_lower_lid")
    mouth = ("outer_lips",)
    wings = ("left_nose_wing", "right_nose_wing")
    parts, grow = {
        "eyebrows": ((*brows, *eyes), 12),
        "eyes": (eyes, 9),
        "nose": ((*brows, *eyes, *wings, *mouth), 8),
        "cheeks": ((*eyes, *wings, *mouth), 12),
        "mouth": ((*wings, *mouth, "chin"), 14),
        "chin": ((*mouth, "chin"), 10),
    }[UNITS[number].region]
    if number in (12, 13):
        parts, grow = (*eyes, *mouth), 12
    return around(faces, parts, grow)


def test_the_same_arguments_give_the_same_bytes_in_another_process() -> None:
    here = [sample(5, index, people=4, size=96).image.tobytes() for index in range(3)]
    assert here == [sample(5, index, people=4, size=96).image.tobytes() for index in range(3)]
    code = (
        "import sys, hashlib; from emocap.synthetic import sample;"
        "faces = [sample(5, k, people=4, size=96).image.tobytes() for k in range(3)];"
        "print(hashlib.sha256(b''.join(faces)).hexdigest());"
        "assert 'torch' not in sys.modules and 'ray' not in sys.modules"
    )
    env = os.environ | {"PYTHONHASHSEED": "7"}
    there = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == sha256(b"".join(here)).hexdigest()


def test_a_picture_depends_on_each_of_its_arguments() -> None:
    first = sample(5, 0, people=4, size=64).image
    others = (sample(6, 0, people=4, size=64), sample(5, 1, people=4, size=64))
    assert all((first != other.image).any() for other in others)


def test_the_image_is_square_rgb() -> None:
    face = draw(Identity(), shown(), size=70)
    assert face.image.shape == (70, 70, 3)
    assert face.image.dtype == np.uint8
    middle = face.image[30:40, 30:40].reshape(-1, 3).mean(0)
    assert middle[0] > middle[1] > middle[2], "skin is redder than it is blue"


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("number", FACIAL)
def test_a_unit_recorded_at_2_is_seen_where_it_belongs(number: int, person: str) -> None:
    rest, moved = at_rest(person, 160), draw(PEOPLE[person], shown(**{f"U{number}": 2}), SCENE, 160)
    change, inside = difference(rest, moved), np.zeros(rest.image.shape[:2], bool)
    inside[region(number, rest, moved)] = True
    assert np.sort(change[inside])[-60:].mean() > 9, "some 60 pixels change plainly"
    assert change[inside].mean() > 4 * change[~inside].mean()


@pytest.mark.parametrize("number", FACIAL)
def test_more_of_a_unit_changes_more(number: int) -> None:
    rest = at_rest("plain", 96)
    weak, strong = (draw(Identity(), shown(**{f"U{number}": level}), SCENE, 96) for level in (2, 5))
    assert difference(rest, strong).sum() > 1.05 * difference(rest, weak).sum()


@pytest.mark.parametrize("number", SIDED)
def test_the_subjects_left_is_the_right_of_the_picture(number: int) -> None:
    rest = at_rest("plain", 128)
    left, right = (draw(Identity(), shown(**{f"{side}{number}": 4}), SCENE, 128) for side in "LR")
    middle = round(float(rest.points["nose_tip"][0, 0]))
    for face, near, far in (
        (left, np.s_[:, middle:], np.s_[:, :middle]),
        (right, np.s_[:, :middle], np.s_[:, middle:]),
    ):
        change = difference(rest, face)
        assert change[near].sum() > 2.5 * change[far].sum()


MOVES = (
    (1, "left_brow", 0, (0, -1)),
    (2, "left_brow", -6, (0, -1)),
    (4, "left_brow", 0, (-1, 1)),
    (5, "left_upper_lid", 12, (0, -1)),
    (6, "left_lower_lid", 12, (0, -1)),
    (7, "left_upper_lid", 12, (0, 1)),
    (7, "left_lower_lid", 12, (0, -1)),
    (9, "left_nose_wing", 6, (0, -1)),
    (10, "outer_lips", 18, (0, -1)),
    (12, "left_mouth_corner", 0, (1, -1)),
    (15, "left_mouth_corner", 0, (0, 1)),
    (18, "left_mouth_corner", 0, (-1, 0)),
    (20, "left_mouth_corner", 0, (1, 0)),
    (26, "chin", 0, (0, 1)),
    (27, "chin", 0, (0, 1)),
    (43, "left_upper_lid", 12, (0, 1)),
    (61, "left_iris", 0, (1, 0)),
    (62, "left_iris", 0, (-1, 0)),
    (63, "left_iris", 0, (0, -1)),
    (64, "left_iris", 0, (0, 1)),
)


@pytest.mark.parametrize(("number", "part", "index", "direction"), MOVES)
def test_points_move_as_the_manual_says(number: int, part: str, index: int, direction: tuple[int, int]) -> None:
    rest, moved = (draw(Identity(), shown(**{f"U{number}": level}), size=128).points[part][index] for level in (0, 4))
    for axis in (0, 1):
        if direction[axis]:
            assert (moved - rest)[axis] * direction[axis] > 0.4


def test_a_smile_with_parted_lips_shows_teeth() -> None:
    face = draw(Identity(), shown(U12=4, U25=4, U6=3), Scene(light_strength=0.2), 192)
    inside = np.zeros(face.image.shape[:2], np.uint8)
    cv2.fillPoly(inside, [face.points["inner_lips"].round().astype(np.int32)], 1)
    pixels = face.image[inside > 0].astype(int)
    white = (pixels.min(1) > 150) & (np.ptp(pixels, 1) < 45)
    assert white.mean() > 0.2


@pytest.mark.parametrize("seed", range(3))
def test_landmarks_and_box_lie_where_a_detector_puts_them(seed: int) -> None:
    for index in range(12):
        face = sample(seed, index, people=9, size=48)
        (x0, y0, x1, y1), marks = face.bbox, np.array(face.landmarks)
        assert 0 <= x0 < x1 <= 48
        assert 0 <= y0 < y1 <= 48
        assert 0.6 < (x1 - x0) / (y1 - y0) < 1.1
        assert (marks > (x0, y0)).all()
        assert (marks < (x1, y1)).all()
        assert marks[0, 0] < marks[2, 0] < marks[1, 0]
        assert marks[3, 0] < marks[4, 0]
        assert marks[:2, 1].max() < marks[2, 1] < marks[3:, 1].max()
        assert all(np.isfinite(points).all() for points in face.points.values())


def test_pose_shifts_the_landmarks() -> None:
    def marks(**angles: float) -> NDArray[np.float64]:
        return np.array(draw(Identity(), shown(), Scene(**angles), 200).landmarks)  # type: ignore[arg-type]

    def nose_offset(**angles: float) -> NDArray[np.float64]:
        found = marks(**angles)
        offset: NDArray[np.float64] = found[2] - found[:2].mean(0)
        return offset

    rest = nose_offset()
    assert abs(rest[0]) < 0.01
    assert nose_offset(yaw=15)[0] > 6
    assert nose_offset(yaw=-15)[0] < -6
    assert nose_offset(pitch=15)[1] < rest[1] - 3 < rest[1] + 3 < nose_offset(pitch=-15)[1]
    turned = marks(yaw=18)
    assert turned[1, 0] - turned[2, 0] < turned[2, 0] - turned[0, 0], "the far half of the face is narrower"
    tilted = marks(roll=12)[1] - marks(roll=12)[0]
    assert np.degrees(np.arctan2(tilted[1], tilted[0])) == pytest.approx(12, abs=0.5)


@pytest.mark.parametrize("size", [48, 64, 112, 320])
def test_sizes_agree(size: int) -> None:
    person, expression, scene = Identity(hair="wavy"), shown(U12=3, U4=2, U25=3), Scene(yaw=9)
    small, large = draw(person, expression, scene, size), draw(person, expression, scene, 192)
    assert np.array(small.bbox) / size == pytest.approx(np.array(large.bbox) / 192, abs=1e-3)
    for name, points in small.points.items():
        assert points / size == pytest.approx(large.points[name] / 192, abs=1e-3)
    one, other = (cv2.resize(face.image, (40, 40), interpolation=cv2.INTER_AREA) for face in (small, large))
    assert np.abs(one.astype(float) - other).mean() < 3


def test_a_mirrored_face_has_mirrored_points() -> None:
    units = {"L12": 3.0, "R1": 4.0, "4": 2.0, "61": 3.0, "R46": 4.0, "26": 2.0, "25": 2.0}
    scene = Scene(yaw=7, roll=-5, pitch=3, shift_x=0.02)
    flipped = replace(scene, yaw=-7, roll=5, shift_x=-0.02)
    one = draw(Identity(), Expression({"neutral": 1.0}, units), scene, 100)
    other = draw(Identity(), Expression({"neutral": 1.0}, mirror(units)), flipped, 100)
    for name, points in one.points.items():
        side, _, rest = name.partition("_")
        swapped = {"left": "right_", "right": "left_"}.get(side)
        partner = other.points[swapped + rest if swapped else name] * (-1, 1) + (100, 0)
        # Outlines start elsewhere and iris points turn the other way round: compare the sets, not the order.
        distance = np.hypot(*(points[:, None] - partner[None]).transpose(2, 0, 1)).min(1)
        assert distance.max() < 0.5, name
    assert one.bbox[0] == pytest.approx(100 - other.bbox[2], abs=1e-6)


def test_what_is_recorded_of_the_head_is_what_was_drawn() -> None:
    posed = draw(Identity(), shown(), Scene(yaw=-10, pitch=7.9, roll=17), 48)
    assert posed.expression.action_units == {"52": 2.0, "55": 4.0}
    for number in HEAD:
        asked = draw(Identity(), shown(**{f"U{number}": 3}), Scene(), 48)
        assert asked.expression.action_units == {str(number): 3.0} == head_units(asked.scene)
        assert difference(asked, draw(Identity(), shown(), Scene(), 48)).mean() > 3
    assert draw(Identity(), shown(), Scene(), 48).expression.action_units == {}


@pytest.mark.parametrize(
    ("field", "values"),
    [("hair", HAIR), ("beard", BEARDS), ("glasses", GLASSES), ("earrings", EARRINGS), ("headwear", HEADWEAR),
     ("clothes", CLOTHES)],
)  # fmt: skip
def test_everything_that_can_be_worn_is_seen(field: str, values: tuple[str, ...]) -> None:
    pictures = {
        value: draw(replace(Identity(hair="bun"), **{field: value}), shown(U27=4), Scene(yaw=14), 64).image.tobytes()  # type: ignore[arg-type]
        for value in values
    }
    assert len(set(pictures.values())) == len(values)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_background_is_behind_the_face(background: str) -> None:
    one, other = (draw(Identity(), shown(), Scene(background=background, grain=k), 64) for k in (1, 2))
    x0, y0, x1, y1 = (round(edge) for edge in one.bbox)
    assert (one.image[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8] == other.image[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8]).all()


def test_light_comes_from_where_the_scene_says() -> None:
    for azimuth in (-60, 60):
        face = draw(Identity(hair="bald"), shown(), Scene(light_azimuth=azimuth, light_strength=0.9), 96)
        nose = round(face.landmarks[2][0])
        cheeks = face.image[44:60].astype(float).mean((0, 2))
        assert np.sign(cheeks[nose + 8 : nose + 18].mean() - cheeks[nose - 18 : nose - 8].mean()) == np.sign(azimuth)


def test_expressions_follow_their_emotion_and_vary() -> None:
    shows: dict[str, Counter[int]] = defaultdict(Counter)
    distinct: dict[str, set[str]] = defaultdict(set)
    blends = sided = 0
    for index in range(1400):
        emotion = EMOTIONS7[index % 7]
        expression = sample_expression(Random(f"test {index}"), emotion)
        assert expression.emotion == emotion
        assert 0.65 <= expression.emotions[emotion] <= 1
        assert sum(expression.emotions.values()) == pytest.approx(1)
        assert 0 <= expression.intensity <= 1
        blends += len(expression.emotions) == 2
        sided += any(split_code(code)[0] for code in expression.action_units)
        shows[emotion].update({split_code(code)[1] for code in expression.action_units})
        distinct[emotion].add(str(sorted(expression.action_units)))
    assert 0.25 < blends / 1400 < 0.42
    assert sided > 200
    assert shows["happiness"][12] > 150 > 40 > shows["happiness"][15]
    assert shows["surprise"][1] > 140
    assert shows["disgust"][9] > 120
    assert all(len(kinds) > 60 for kinds in distinct.values()), "units vary within an emotion"
    assert sum(shows["neutral"].values()) > 150, "neutral is not nothing at all"


def test_valence_and_arousal_follow_the_emotion() -> None:
    happy = [sample_expression(Random(f"h{k}"), "happiness", (0.9, 1.0)) for k in range(30)]
    sad = [sample_expression(Random(f"s{k}"), "sadness", (0.9, 1.0)) for k in range(30)]
    assert min(face.valence for face in happy) > 0 > max(face.valence for face in sad)
    assert sample_expression(Random("n"), "neutral").intensity < 0.4


def test_a_collection_repeats_its_people_and_holds_every_class() -> None:
    faces = [sample(11, index, people=4, size=32) for index in range(70)]
    assert {face.expression.emotion for face in faces} == set(EMOTIONS7)
    people: dict[str, set[Identity]] = defaultdict(set)
    for face in faces:
        people[face.subject].add(face.identity)
    assert len(people) == 4
    assert all(len(looks) == 1 for looks in people.values())
    assert not {face.subject for face in faces} & {sample(12, index, people=4, size=32).subject for index in range(9)}


def test_class_weights_skew_the_classes() -> None:
    weights = {"happiness": 9.0, "fear": 1.0, "contempt": 0.0}
    found = Counter(sample(1, k, people=3, size=32, weights=weights).expression.emotion for k in range(40))
    assert set(found) <= {"happiness", "fear"}
    assert found["happiness"] > 25


def test_people_look_different_and_span_the_range_of_skin() -> None:
    crowd = [Identity.sample(Random(f"crowd {k}")) for k in range(300)]
    assert len(set(crowd)) == 300
    assert {person.hair for person in crowd} == set(HAIR)
    tones = [person.tone for person in crowd]
    assert min(tones) < 0.05 < 0.9 < max(tones)
    assert Identity.sample(Random("one")) == Identity.sample(Random("one"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: draw(Identity(), shown(), size=8), "size of 8"),
        (lambda: shown(U99=1), "not an action unit"),
        (lambda: shown(U12=6), "lie in 0 to 5"),
        (lambda: Expression({"anger": 0.5}, {}), "sum to 1"),
        (lambda: Expression({}, {}), "sum to 1"),
        (lambda: sample_expression(Random(1), "boredom"), "no prototype"),
        (lambda: sample(1, 0, people=0), "at least 1"),
        (lambda: sample(1, -1, people=3), "index -1"),
        (lambda: sample(1, 0, people=3, weights={"boredom": 1}), "no prototype"),
        (lambda: sample(1, 0, people=3, weights={"anger": -1}), "class weights"),
        (lambda: sample(1, 0, people=3, weights={}), "class weights"),
        (lambda: Identity(hair="mullet"), "no hair"),
        (lambda: Scene(yaw=40), "40 degrees"),
        (lambda: Scene(background="moon"), "no background"),
        (lambda: Scene(zoom=3), "zoom is 3"),
    ],
)
def test_bad_arguments_are_named(wrong, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        wrong()
