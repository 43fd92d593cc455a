import pytest
from pydantic import ValidationError

from emocap.schema.samples import Face, Labels, Record, Source, make_key, side

FACE = Face(
    bbox=(1.23456, 2, 3, 4), score=0.9, detector="given", crop=(0, 0, 4, 4), sharpness=1, brightness=2, contrast=3
)


def test_a_key_has_no_dots_and_tells_source_time_and_face() -> None:
    key = make_key(Source(path="a.b.jpg", sha256="0123456789abcdef" * 4, time_ms=1500), 2)
    assert key == "0123456789abcdef-1500-2"


def test_json_is_short_stable_and_reads_back() -> None:
    record = Record(key="k", source=Source(path="p", sha256="s"), face=FACE, labels=Labels(emotion="fear"))
    text = record.to_json()
    assert text == record.to_json()
    assert b"1.2346" in text
    assert b"null" not in text
    assert Record.model_validate_json(text) == record


def test_unknown_action_units_and_absent_ones_are_told_apart() -> None:
    assert Labels().action_units is None
    assert Labels(action_units={}).action_units == {}
    with pytest.raises(ValidationError):
        Labels(action_units={"99": 1.0})


def test_a_group_keeps_its_side_and_the_share_is_met() -> None:
    sides = [side(f"person {i}", test=0.25) for i in range(4000)]
    assert sides == [side(f"person {i}", test=0.25) for i in range(4000)]
    assert 0.22 < sides.count("test") / 4000 < 0.28
    assert [side(f"person {i}", test=0.25, seed=1) for i in range(4000)] != sides
    assert {side(f"person {i}", test=0.0) for i in range(99)} == {"train"}
