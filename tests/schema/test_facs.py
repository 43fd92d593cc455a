"""The FACS vocabulary: codes and notation, sides, prototypes, and draws from them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emocap.core.errors import UserError
from emocap.schema import facs

codes = st.builds(
    lambda side, number: f"{side}{number}", st.sampled_from(["", "L", "R"]), st.sampled_from([*facs.UNITS])
)
any_units = st.dictionaries(codes, st.floats(0, 5), max_size=12)


def test_every_unit_lies_in_a_region() -> None:
    assert {unit.region for unit in facs.UNITS.values()} <= set(facs.REGIONS)
    assert all(number == unit.number for number, unit in facs.UNITS.items())


def test_codes_split_into_side_and_number() -> None:
    assert facs.split_code("12") == ("", 12)
    assert facs.split_code("L12") == ("L", 12)


@pytest.mark.parametrize("code", ["", "3", "99", "012", "01", "l12", "12L", "LR12", "12 ", "AU12", "１２"])
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(ValueError, match="not an action unit"):
        facs.split_code(code)


def test_notation_is_read() -> None:
    assert facs.parse_facs("1B+L12D+25") == {"1": 2.0, "L12": 4.0, "25": 3.0}
    assert facs.parse_facs(" 1A, 2E ;4C ") == {"1": 1.0, "2": 5.0, "4": 3.0}
    assert facs.parse_facs("") == {}


@pytest.mark.parametrize("text", ["1F", "B1", "3B", "1B+banana", "01B", "1 B"])
def test_other_notation_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as refused:
        facs.parse_facs(text)
    assert "\n" not in str(refused.value)


def test_notation_is_written_by_number_without_zeros() -> None:
    assert facs.to_facs({"L12": 3.6, "1": 2.0, "4": 0.0}) == "1B+L12D"
    assert facs.to_facs({}) == ""


@given(st.dictionaries(codes, st.integers(1, 5).map(float), max_size=12))
def test_whole_intensities_survive_notation(units: facs.ActionUnits) -> None:
    assert facs.parse_facs(facs.to_facs(units)) == units


@pytest.mark.parametrize(
    ("intensity", "letter"), [(0.01, "A"), (1, "A"), (1.6, "B"), (3.4, "C"), (4.4, "D"), (5, "E")]
)
def test_the_nearest_letter(intensity: float, letter: str) -> None:
    assert facs.letter(intensity) == letter


def test_intensity_is_that_of_the_stronger_side() -> None:
    assert facs.intensity({"L12": 2.0, "R12": 3.0}, 12) == 3.0
    assert facs.intensity({"12": 1.0}, 12) == 1.0
    assert facs.intensity({"L12": 2.0}, 1) == 0.0


def test_mirroring_swaps_sides_turns_and_tilts() -> None:
    mirrored = facs.mirror({"L12": 2.0, "51": 1.0, "55": 1.5, "61": 3.0, "63": 2.0, "1": 4.0, "R62": 1.0})
    assert mirrored == {"R12": 2.0, "52": 1.0, "56": 1.5, "62": 3.0, "63": 2.0, "1": 4.0, "L61": 1.0}


@given(any_units)
def test_mirroring_twice_changes_nothing(units: facs.ActionUnits) -> None:
    assert facs.mirror(facs.mirror(units)) == units
    assert sorted(facs.mirror(units).values()) == sorted(units.values())


def test_the_weaker_rival_goes_and_a_dropped_jaw_parts_the_lips() -> None:
    assert facs.settle({"24": 4.0, "25": 2.0}) == {"24": 4.0}
    assert facs.settle({"26": 3.0, "25": 1.0}) == {"26": 3.0, "25": 3.0}
    assert facs.settle({"12": 2.0, "L15": 3.0}) == {"L15": 3.0}
    assert facs.settle({"4": 0.0}) == {}


@given(any_units)
def test_a_settled_face_stays_as_it_is(units: facs.ActionUnits) -> None:
    settled = facs.settle(units)
    assert facs.settle(settled) == settled
    assert max(facs.intensity(settled, 26), facs.intensity(settled, 27)) <= facs.intensity(settled, 25)


def test_draws_show_units_of_the_prototypes_only() -> None:
    random = Random(0)
    for emotion, prototype in facs.PROTOTYPES.items():
        allowed = {code for code, *_ in prototype.units} | {"25"}
        drawn = [facs.draw_units({emotion: 1.0}, random.random(), random) for _ in range(200)]
        assert all(units.keys() <= allowed for units in drawn)
        assert all(1 <= value <= 5 for units in drawn for value in units.values())
        if emotion != "neutral":
            assert len({tuple(units) for units in drawn}) > 3


def test_draws_repeat_with_the_same_seed_and_grow_with_strength() -> None:
    assert facs.draw_units({"fear": 1.0}, 0.5, Random(1)) == facs.draw_units({"fear": 1.0}, 0.5, Random(1))

    def mean(strength: float) -> float:
        faces = [facs.draw_units({"happiness": 1.0}, strength, Random(seed)) for seed in range(200)]
        return sum(units.get("12", 0.0) for units in faces) / len(faces)

    assert mean(0.1) + 1 < mean(1.0)


def test_the_usual_shares_come_out() -> None:
    faces = [facs.draw_units({"happiness": 1.0}, 0.8, Random(seed)) for seed in range(1000)]
    assert sum("12" in units for units in faces) / 1000 == pytest.approx(0.95, abs=0.03)
    assert sum("6" in units for units in faces) / 1000 == pytest.approx(0.51, abs=0.05)


def test_a_blend_draws_from_both() -> None:
    faces = [facs.draw_units({"happiness": 0.6, "surprise": 0.4}, 1.0, Random(seed)) for seed in range(200)]
    assert any("12" in units and "2" in units for units in faces)
    with pytest.raises(ValueError, match="no prototype for 'awe'"):
        facs.draw_units({"awe": 1.0}, 1.0, Random(0))


def test_affect_is_the_weighted_mean_scaled_by_strength() -> None:
    assert facs.affect({"happiness": 1.0}, 1.0) == (0.85, 0.45)
    assert facs.affect({"happiness": 0.5, "neutral": 0.5}, 0.5) == pytest.approx((0.2125, 0.1125), abs=1e-3)
    assert facs.affect({"neutral": 1.0}, 1.0) == (0.0, 0.0)


def test_regions_come_in_order_with_what_they_show() -> None:
    grouped = facs.by_region({"25": 2.0, "L12": 1.0, "4": 3.0, "9": 0.0})
    assert grouped == {"eyebrows": {"4": 3.0}, "mouth": {"25": 2.0, "L12": 1.0}}
    assert list(grouped) == ["eyebrows", "mouth"]


def test_numbers_are_listed_once() -> None:
    assert facs.numbers(["R12", "1", "L12"]) == [1, 12]
