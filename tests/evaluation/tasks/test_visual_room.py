"""What is seen and what is meant: replies that are read, the gap, and its denominators."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from emocap.benchmarks.cards import Card
from emocap.benchmarks.drawing import write_fixture
from emocap.captioning.mock_server import mock_captioner
from emocap.core.recipes import load
from emocap.evaluation.suite import choose
from emocap.evaluation.tasks.visual_room import matches, sarcastic, yes_or_no
from emocap.llm.mock_server import random_faults
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

FAST = ("deadline=2", "patience=60", "asks=1", "judge.asks=1")


@pytest.mark.parametrize(
    ("reply", "answer", "right"),
    [
        ("Yes.", "yes", True),
        ("No, there is no dog.", "no", True),
        ("Yes, and no dog is to be seen.", "no", False),
        ("There is a dog, so yes.", "Yes", True),
        ("Yes or no? I cannot tell: yes and no.", "yes", False),
        ("A red cap.", "red cap", True),
        ("The cap is red", "red", True),
        ("The cap is not red, it is blue.", "red", False),
        ("The cap is not red, it is blue.", "blue", True),
        ("It isn't raining", "raining", False),
        ("Not a red but a blue cap", "blue cap", True),
        ("reddish", "red", False),
        ("two", "Two", True),
        ("A", "a", True),
        ("B", "a", False),
        ("nothing", "yes", False),
        ("He is not smiling", "not smiling", True),
    ],
)
def test_short_answers_are_looked_for(reply: str, answer: str, right: bool) -> None:
    assert matches(reply, answer) is right


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        ("Yes", True),
        ("no.", False),
        ("**No**, the text means what it says.", False),
        ("It is sarcastic.", True),
        ("This is not sarcastic", False),
        ("I don't think that it is sarcasm.", False),
        ("Non-sarcastic", False),
        ("It isn't meant as a joke but is sarcastic", True),
        ("It is sarcastic. It is not sarcastic.", None),
        ("My answer is yes", True),
        ("Perhaps", None),
        ("", None),
    ],
)
def test_whether_sarcasm_is_meant(reply: str, meant: bool | None) -> None:
    assert sarcastic(reply) is meant


def test_yes_and_no() -> None:
    assert [yes_or_no(text) for text in ("YES!", "no way", "say yes", "both yes and no", "maybe")] == [
        *(True, False, True, None, None)
    ]


SEEN = [("yes", "yes"), ("yes", "no"), ("no", "no"), ("yes", "yes"), ("yes", None), ()]
"""What is said of the two things that are to be seen; yes is right, and the last has no such questions."""
MEANT = [1, 1, 1, 0, 0, 1]
SAID = ["no", "no", "yes", "no", "yes", None]


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    """Six pictures, of which no file is needed, and what was said of them."""
    (tmp_path / "MMSar").mkdir()
    rows, told = [], []
    for number, (seen, meant, said) in enumerate(zip(SEEN, MEANT, SAID, strict=True)):
        asked = [{"question": f"Is {one} there?", "answer": "yes"} for one, _ in zip("ab", seen, strict=False)]
        kind = "video" if number == 3 else "image"
        name = f"item-{number}"
        rows.append({"id": name, "media": f"{name}.jpg", "media_type": kind, "perception": asked, "sarcasm": meant})
        keys = [f"{name}#{place}" for place in (1, 2, 3)] if seen else [name]
        told += [
            {"id": key, "answer": text} for key, text in zip(keys, [*seen, said], strict=True) if text is not None
        ]
    (tmp_path / "MMSar/mmsar.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "told.jsonl").write_text("\n".join(map(json.dumps, told)))
    return tmp_path


def row_of(out: Path) -> dict[str, Any]:
    (row,) = flat_rows(out)
    return row


def test_the_gap_is_over_what_was_seen_right(by_hand: Path) -> None:
    spec = f"predictions:{by_hand / 'told.jsonl'}"
    assert measure(choose(["visual-room"]), [spec], None, by_hand, by_hand / "out", allow_counts=True) == []
    row = row_of(by_hand / "out")
    metrics = {name: one["value"] for name, one in row["metrics"].items()}
    expected = ["none" if one is None else ("no", "yes").index(one) for one in SAID]
    f1 = f1_score(list(map(str, MEANT)), list(map(str, expected)), labels=["0", "1"], average="macro")
    assert metrics == {
        "gap": 0.5,  # of items 0 and 3, of which all was seen, item 0 is wrong
        "perception_accuracy": 0.6,  # (1 + 0.5 + 0 + 1 + 0.5) / 5
        "sarcasm_accuracy": pytest.approx(2 / 6, abs=1e-4),
        "sarcasm_macro_f1": pytest.approx(f1, abs=1e-4),
    }
    assert next(iter(metrics)) == "gap"
    assert (row["all_seen_right"], row["without_questions"], row["unparsable"]) == (2, 1, 0)
    assert row["unanswered"] == {"no_prediction": 2}
    assert row["perception_read_by"] == {"match": 9, "unanswered": 1}
    assert row["subgroups"]["media"]["video"]["metrics"]["gap"] == 0
    assert row["prompts"]["perception"] == ["{question}\n\nAnswer with a word or a few."]


def test_intervals_are_those_of_drawn_examples(by_hand: Path) -> None:
    spec = f"predictions:{by_hand / 'told.jsonl'}"
    measure(choose(["visual-room"]), [spec], None, by_hand, by_hand / "out", allow_counts=True)
    gap = row_of(by_hand / "out")["metrics"]["gap"]
    random, drawn_gaps = np.random.default_rng(1), []
    for _ in range(2000):
        chosen = random.integers(0, 6, 6)
        seen = [place for place in chosen if place in (0, 3)]
        if seen:
            drawn_gaps.append(np.mean([place == 0 for place in seen]))
    low, high = np.quantile(drawn_gaps, [0.025, 0.975])
    assert (gap["low"], gap["high"]) == (pytest.approx(low), pytest.approx(high))


def test_long_answers_are_compared_by_a_judge(by_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = by_hand / "MMSar/mmsar.jsonl"
    row = json.loads(path.read_text().splitlines()[0])
    row["perception"] = [{"question": "What is there?", "answer": "a man who waits for a bus"}]
    path.write_text(json.dumps(row))
    (by_hand / "told.jsonl").write_text('{"id": "item-0#1", "answer": "Somebody at a bus stop."}')
    spec = f"predictions:{by_hand / 'told.jsonl'}"
    chosen = choose(["visual-room"])
    (failed,) = measure(chosen, [spec], None, by_hand, by_hand / "out", allow_counts=True)
    assert "set generation.judge=openai:NAME" in failed
    replies = iter(["<score>1</score>", "Indeed."])
    mock = mock_captioner(answers=lambda asked, shown: next(replies))
    for out, judge, share, read_by in (("a", "one", 1, "judge"), ("b", "two", 0, "judge_unparsable")):
        with mock.running() as url:
            monkeypatch.setenv("OPENAI_BASE_URL", url)
            writing = generation(FAST, None, f"openai:{judge}")
            assert measure(chosen, [spec], None, by_hand, by_hand / out, allow_counts=True, generation=writing) == []
        told = row_of(by_hand / out)
        assert told["perception_read_by"] == {read_by: 1}
        assert told["metrics"]["perception_accuracy"]["value"] == share
    (text,) = mock.seen[0].body["messages"][1]["content"]
    assert "Right answer: a man who waits for a bus\nReply: Somebody at a bus stop." in text["text"]


def play(asked: Mapping[str, Any], shown: str) -> str:
    text = asked["messages"][-1]["content"][-1]["text"]
    return "Yes." if int(shown[:2], 16) % 3 or "face" in text else "No."


def test_each_question_is_asked_by_itself_and_a_storm_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fixture("visual-room", load(Card, "benchmarks", "visual-room"), tmp_path)
    mock = mock_captioner(random_faults(0.3, seed=3), retry_after="0.05", answers=play)
    rows = []
    for _ in range(2):
        with mock.running() as url:
            monkeypatch.setenv("OPENAI_BASE_URL", url)
            chosen = choose(["visual-room"])
            writing = generation(FAST)
            assert (
                measure(chosen, ["openai:tiny"], None, tmp_path, tmp_path, allow_counts=True, generation=writing) == []
            )
        rows.append({**row_of(tmp_path), "seconds": 0})
    assert rows[0] == rows[1]
    row = rows[0]
    assert row["questions"] == 18 * 3
    assert sum(row["perception_read_by"].values()) == 18 * 2
    assert sum(row["unanswered"].values()) >= max(row["perception_read_by"].get("unanswered", 0), 1)
    texts = [seen.body["messages"][-1]["content"][-1]["text"] for seen in mock.seen]
    asked = {re.split(r"\n\n", text)[0] for text in texts}
    assert {"Is a face to be seen?", "Does the person smile?"} < asked
    assert "The text that belongs to it: Who took my seat?" in asked
    assert not any("?" in text and "belongs" in text and "smile?" in text for text in texts)
    assert len({(seen.picture, text) for seen, text in zip(mock.seen, texts, strict=True)}) == 18 * 3
