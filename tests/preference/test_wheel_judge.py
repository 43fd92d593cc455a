from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from emocap.core.errors import UserError
from emocap.metrics.arrays import Numbers
from emocap.metrics.wheel.groups import groups
from emocap.metrics.wheel.resources import load
from emocap.metrics.wheel.rewards import rewards
from emocap.preference.comparison_data import ComparisonData, Description, gather
from emocap.preference.pairs import Pair
from emocap.preference.run import rank_by_judge
from emocap.preference.wheel_judge import WheelJudge, make_wheel_judge
from tests.support.describing import write_descriptions


def share(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Numbers:
    """How many of the true words were said; neutral is none of them."""
    wanted = [set(words) - {"neutral"} for words in true]
    found = [len(one & set(words)) / len(one) if one else np.nan for one, words in zip(wanted, predicted, strict=True)]
    return np.array(found)


def data() -> ComparisonData:
    predicted = {
        "a": {
            "x": Description("Sad.", ("sad", "lonely")),
            "y": Description("Calm.", ("calm",)),
            "z": Description("Well.", ()),
        },
        "b": {
            "x": Description("Glad.", ("glad",)),
            "y": Description("Angry.", ("angry",)),
            "z": Description("Hm.", ()),
        },
    }
    return ComparisonData(descriptions=predicted, true={"x": ("sad", "lonely"), "y": ("neutral",)})


def test_whose_words_are_nearer_to_the_truth_wins() -> None:
    told = data()
    first, turned, off, unknown = WheelJudge(told, share, "ours").judge(
        [
            told.pair("x", "a", "b"),
            told.pair("x", "b", "a"),
            told.pair("y", "a", "b"),
            told.pair("z", "a", "b"),
        ]
    )
    assert (first.answer, turned.answer, off.answer, unknown.answer) == ("a1", "a2", None, None)
    assert first.detail == "sad, lonely: a1 1.000 (sad, lonely); a2 0.000 (glad)"
    assert off.detail == "none of the true labels, neutral, is on a wheel"
    assert unknown.detail == "no true labels"


def test_equal_scores_are_the_same_and_a_text_is_searched_where_no_words_are_known() -> None:
    told = data()
    judge = WheelJudge(told, share, "ours")
    told.true["x"] = ("sadness",)
    pairs = [
        Pair("x", "A sad face.", "A grieving face.", "nobody", "knows"),
        Pair("x", "A sad face.", "Not a sad face."),
        Pair("x", "Another text, of sorrow.", "Glad.", "a", "b"),  # of a, but not what a says here
    ]
    assert [one.answer for one in judge.judge(pairs)] == ["same", "a1", "a1"]


def test_a_ranking_by_words(tmp_path: Path) -> None:
    table = write_descriptions(tmp_path / "said.csv", [], 0)
    lines = [f"clip{n},{who},It looks {mood}." for n in range(9) for who, mood in (("a", "sad"), ("b", "happy"))]
    table.write_text(table.read_text() + "\n".join(lines) + "\n")
    truth = tmp_path / "truth.csv"
    truth.write_text("name,openset\n" + "".join(f'clip{n},"[{"sadness" if n else "neutral"}]"\n' for n in range(8)))
    told = gather([table], truth)
    assert told.true["clip0"] == ("neutral",)
    result = rank_by_judge(told, WheelJudge(told, share, "ours"), tmp_path / "out")
    assert [one["name"] for one in result["ranking"]["entries"]] == ["a", "b"]
    assert result["by"] == "wheel, ours"
    assert result["ranking"]["wins"] == [[0, 7], [0, 0]]
    assert result["pairs"]["unanswered"] == 2
    assert result["consistency"] is None


def test_the_released_wheels_say_whose_words_are_nearer(shared: Callable[[str], Path]) -> None:
    """On MER2026's wheels happy is happy, happy, joyful, joy, powerful, and worried scared, fearful, scared ..."""
    predicted = {
        "a": {
            "x": Description("", ("happy",)),
            "y": Description("", ("worried", "angered")),
            "z": Description("", ("frustrated",)),
        },
        "b": {
            "x": Description("", ("worried",)),
            "y": Description("", ("worried",)),
            "z": Description("", ("angered",)),
        },
    }
    told = ComparisonData(descriptions=predicted, true={"x": ("happy",), "y": ("worried",), "z": ("neutral",)})
    judge = make_wheel_judge(told, shared("data/emotion_wheel"))
    assert judge.name.startswith("wheel, MER2026, ")
    verdicts = judge.judge([told.pair(name, "a", "b") for name in "xyz"])
    assert [one.answer for one in verdicts] == ["a1", "a2", None]
    level1 = groups(load(shared("data/emotion_wheel")))
    scores = rewards(
        level1, [("happy",)] * 2 + [("worried",)] * 2, [predicted[who][name].emotions for name in "xy" for who in "ab"]
    )
    assert verdicts[0].detail == f"happy: a1 {scores[0]:.3f} (happy); a2 {scores[1]:.3f} (worried)"
    assert scores[3] > scores[2]


def test_small_wheels_are_said_to_be_small() -> None:
    assert make_wheel_judge(data(), None).name.startswith("wheel, emocap's small ones, not the authors', ")


def test_labels_given_twice_are_one_line(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("name,openset\nx,[sad]\nx,[glad]\n")
    with pytest.raises(UserError, match=r"line 3: x has labels in .*line 2 already"):
        gather([], truth)
