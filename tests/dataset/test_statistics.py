from pathlib import Path

import pytest

from emocap.dataset.statistics import CaptionStatistics, Measure, describe
from emocap.schema.captions import Caption, LocalCaption


def caption(summary: str = "So the face expresses joy, without anger.") -> Caption:
    return Caption(
        global_="Anna's face looks happy! It beams.",
        local=[
            LocalCaption(region="eyes", text="The eyes are narrow.", action_units=["L6", "7"]),
            LocalCaption(region="mouth", text="The naïve smile is wide.", action_units=["6", "12"]),
        ],
        summary=summary,
    )


def test_every_measure_is_what_one_counts_by_hand() -> None:
    statistics = CaptionStatistics()
    statistics.add(caption())
    statistics.add(caption())
    statistics.add(caption("It is joy."))
    told = {measure.name: measure.value for measure in statistics.measures()}
    assert told == {
        "captions": 3,
        "words per caption": pytest.approx((22 + 22 + 18) / 3),
        "global: words": 6,
        "global: sentences": 2,
        "local: words": 9,
        "local: sentences": 2,
        "local: words per sentence": 4.5,
        "summary: words": pytest.approx((7 + 7 + 3) / 3),
        "summary: sentences": 1,
        "regions per caption": 2,
        "action units per caption": 3,
        "emotions named per caption": 1,
        "distinct captions": 2,
        "distinct sentences": 5,
        "different words": 19,
        "type/token ratio": pytest.approx(19 / 62),
    }


def test_a_build_is_read_shard_by_shard(asked_build: Path) -> None:
    told = describe(asked_build)
    assert told["captions"].value == 96
    assert told["local: words"].value == 9 + 7 + 5
    assert told["words per caption"].paper == "267"


def test_a_build_without_captions_has_no_measures(tmp_path: Path) -> None:
    assert describe(tmp_path) == {}


@pytest.mark.parametrize(
    ("value", "told"), [(1234567, "1,234,567"), (0.01234, "0.0123"), (0.0000312, "0.000031"), (1234.56, "1,234.6")]
)
def test_values_are_told_shortly(value: float, told: str) -> None:
    assert Measure("x", value).text() == told
