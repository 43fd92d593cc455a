"""MMAR end to end: predictions in the official form, endpoints that listen, and rubrics."""

import base64
import json
import re
import wave
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.drawing import write_fixture
from emocap.captioning.mock_server import mock_captioner
from emocap.core.recipes import load
from emocap.evaluation.recipe import GenerationRecipe
from emocap.evaluation.scorers.rubric import made
from emocap.evaluation.suite import choose
from emocap.llm.mock_server import MockServer, random_faults
from emocap.reports.page import write_report
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

Row = dict[str, Any]
FAST = ("deadline=2", "patience=60")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    write_fixture("mmar", load(Card, "benchmarks", "mmar"), folder)
    return folder


@pytest.fixture(scope="module")
def meta(data: Path) -> list[Row]:
    return [json.loads(line) for line in (data / "MMAR" / "MMAR-meta.jsonl").read_text().splitlines()]


def predicted(meta: list[Row], data: Path, place: Path) -> tuple[Row, list[Row]]:
    """The row of results of official rows, and its predictions."""
    place.mkdir(exist_ok=True)
    (place / "p.jsonl").write_text("".join(json.dumps(one) + "\n" for one in meta))
    assert run([f"predictions:tiny={place / 'p.jsonl'}"], data, place, generation()) == []
    return told(place)


def run(models: list[str], data: Path, out: Path, writing: GenerationRecipe) -> list[str]:
    return measure(choose(["mmar"]), models, None, data, out, allow_counts=True, generation=writing)


def told(out: Path) -> tuple[Row, list[Row]]:
    (row,) = flat_rows(out)
    return row, pq.read_table(out / row["predictions"]).to_pylist()


def value(row: Row, metric: str) -> float | None:
    found: float | None = row["metrics"][metric]["value"]
    return found


def test_the_official_form_is_counted_both_ways(data: Path, meta: list[Row], tmp_path: Path) -> None:
    """8 without a prediction, one that is empty, 3 wrong, 2 that name all options, and the rest right."""
    rows = []
    for number, one in enumerate(meta):
        others = [option for option in one["choices"] if option != one["answer"]]
        said = one["answer"] if number >= 14 else " or ".join(one["choices"]) if number >= 12 else others[0]
        rows.append(one | ({} if number < 8 else {"answer_prediction": "" if number == 8 else said}))
    row, lines = predicted(rows, data, tmp_path / "out")
    assert value(row, "accuracy") == pytest.approx(18 / 32, abs=1e-4)
    assert value(row, "accuracy_official") == pytest.approx(18 / 24, abs=1e-4)
    assert list(row["metrics"]) == ["accuracy", "accuracy_official"]
    assert row["unanswered"] == {"no_prediction": 8, "empty": 1}
    assert (row["questions"], row["unparsable"], row["match"]) == (32, 2, "string_match")
    assert row["chance"] == {"accuracy": (1 / 4 + 1 / 2) / 2}
    assert [line["predicted"] for line in lines[:9]] == [None] * 9
    assert lines[9]["predicted"] == next(o for o in meta[9]["choices"] if o != meta[9]["answer"])
    assert row["metrics"]["accuracy"]["low"] < 18 / 32 < row["metrics"]["accuracy"]["high"]


def test_layers_sub_categories_and_modalities_are_measured_apart(data: Path, meta: list[Row], tmp_path: Path) -> None:
    rows = [
        one | ({"answer_prediction": one["answer"] if number % 3 else "nothing"} if number % 4 else {})
        for number, one in enumerate(meta)
    ]
    row, _ = predicted(rows, data, tmp_path / "out")
    assert {name: len(values) for name, values in row["subgroups"].items()} == {
        "category": 4,
        "sub-category": 16,
        "modality": 7,
    }
    for attribute, values in row["subgroups"].items():
        for name, found in values.items():
            own = [number for number, one in enumerate(meta) if one[attribute] == name]
            right = sum(number % 3 > 0 and number % 4 > 0 for number in own)
            spoken = sum(number % 4 > 0 for number in own)
            assert found["n"] == len(own)
            assert found["metrics"]["accuracy"] == pytest.approx(right / len(own), abs=1e-4)
            official = found["metrics"]["accuracy_official"]
            assert official == (pytest.approx(right / spoken, abs=1e-4) if spoken else None)
    page = write_report([tmp_path / "out"], tmp_path / "report.html").read_text()
    for text in ("By sub-category", "Professional Knowledge and Reasoning", "accuracy, official", "no prediction 8"):
        assert text in page


def test_the_right_answer_of_a_row_that_nobody_answered_is_no_prediction(
    data: Path, meta: list[Row], tmp_path: Path
) -> None:
    row, _ = predicted([{**meta[0], "answer_prediction": meta[0]["answer"]}, *meta[1:]], data, tmp_path / "out")
    assert (value(row, "accuracy"), value(row, "accuracy_official")) == (1 / 32, 1.0)
    assert row["unanswered"] == {"no_prediction": 31}
    with pytest.raises(AssertionError, match="no row says anything"):
        predicted(meta, data, tmp_path / "none")


def right(asked: Mapping[str, Any], shown: str) -> str:
    """The first option that the text lists."""
    return str(asked["messages"][-1]["content"][-1]["text"].split("Choose one of these:\n")[1].split("\n")[0])


def ask(
    mock: MockServer, data: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *settings: str, judge: bool = False
) -> list[str]:
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        return run(["openai:tiny"], data, out, generation((*FAST, *settings), judge="openai:wise" if judge else None))


def test_a_question_sends_the_recording_and_the_options_as_they_are(
    data: Path, meta: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(answers=right)
    assert ask(mock, data, tmp_path, monkeypatch) == []
    row, _ = told(tmp_path)
    firsts = sum(one["answer"] == one["choices"][0] for one in meta)
    assert value(row, "accuracy") == value(row, "accuracy_official") == pytest.approx(firsts / 32, abs=1e-4)
    sound, text = mock.seen[0].body["messages"][0]["content"]
    assert (sound["type"], sound["input_audio"]["format"]) == ("input_audio", "wav")
    with wave.open(BytesIO(base64.b64decode(sound["input_audio"]["data"]))) as heard:
        assert (heard.getframerate(), heard.getnchannels(), heard.getsampwidth()) == (16_000, 1, 2)
        assert heard.getnframes() == 4800
    assert "\nBass Flute\nViolin\n" in text["text"] or "\nYes\nNo\n" in text["text"]
    assert row["preprocess"] == "sound as WAV of 16 kHz"
    assert row["media"] == "sounds"


def test_in_a_storm_silence_is_wrong_and_left_out_of_the_official_number(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(asked: Mapping[str, Any], shown: str) -> str:
        return "Bass Flute" if "Bass Flute" in asked["messages"][-1]["content"][-1]["text"] else "Yes"

    mock = mock_captioner(random_faults(0.3, seed=5), retry_after="0.05", answers=answers)
    assert ask(mock, data, tmp_path, monkeypatch, "asks=1") == []
    row, lines = told(tmp_path)
    hits = sum(line["predicted"] == line["true"] for line in lines)
    silent = sum(line["reply"] is None for line in lines)
    assert silent == sum(row["unanswered"].values()) > 0
    assert value(row, "accuracy") == pytest.approx(hits / 32, abs=1e-4)
    spoken = 32 - silent + row["unanswered"].get("empty", 0)
    assert value(row, "accuracy_official") == pytest.approx(hits / spoken, abs=1e-4)
    requests = mock.log.requests
    assert ask(mock, data, tmp_path, monkeypatch, "asks=1") == []
    assert mock.log.requests == requests


def judged(seeds: list[int]) -> Any:
    """Answers the first option; as a judge, 5 points in its first run, and in run n the first n-1 of them."""

    def answers(asked: Mapping[str, Any], shown: str) -> str:
        if asked["model"] != "wise":
            return f"<think>It sounds so.</think>{right(asked, shown)}"
        seeds.append(asked["seed"])
        assert "It sounds so." in asked["messages"][-1]["content"][-1]["text"]
        made = 5 if asked["seed"] == 1 else asked["seed"] - 1
        return "\n".join(f"{point}: {int(point <= made)}" for point in range(1, 6))

    return answers


def test_rubrics_are_judged_five_times_where_the_answer_is_right(
    data: Path, meta: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    mock = mock_captioner(answers=judged(seeds))
    assert ask(mock, data, tmp_path, monkeypatch, judge=True) == []
    row, _ = told(tmp_path)
    hits = sum(one["answer"] == one["choices"][0] for one in meta)
    assert sorted(seeds) == sorted([1, 2, 3, 4, 5] * hits)
    # 5, 1, 2, 3, 4 points of 5: without the lowest and the highest, the mean of 2, 3 and 4
    assert value(row, "rubric_score") == pytest.approx(hits / 32 * 0.6, abs=1e-4)
    assert value(row, "rubric_score_official") == pytest.approx(hits / 32 * 0.6, abs=1e-4)
    assert row["metrics"]["rubric_score"]["low"] < hits / 32 * 0.6 < row["metrics"]["rubric_score"]["high"]
    assert row["rubric"] == {"runs": 5, "unread_replies": 0, "unscored_answers": 0}
    assert row["judge"] == "openai:wise"
    requests = mock.log.requests
    assert requests == 32 + 5 * hits
    assert ask(mock, data, tmp_path, monkeypatch, judge=True) == []
    assert mock.log.requests == requests


def test_a_judge_that_is_cut_off_goes_on_and_is_paid_once(
    data: Path, meta: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(answers=judged([]))
    price = "judge.price={prompt: 1000, completion: 1000}"
    (failed,) = ask(mock, data, tmp_path, monkeypatch, price, "judge.budget=6", judge=True)
    assert "questions of mmar-rubric are left" in failed
    assert ask(mock, data, tmp_path, monkeypatch, price, "judge.budget=600", judge=True) == []
    hits = sum(one["answer"] == one["choices"][0] for one in meta)
    assert mock.log.requests == 32 + 5 * hits


def test_what_no_judge_could_score_counts_as_nothing_and_is_told(
    data: Path, meta: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of questions about instruments only two runs can be read; of the others four, of 1, 2, 4 and 5 points."""

    def answers(asked: Mapping[str, Any], shown: str) -> str:
        if asked["model"] != "wise":
            return right(asked, shown)
        text, seed = asked["messages"][-1]["content"][-1]["text"], asked["seed"]
        if seed == 3 or (seed > 2 and "Violin" in text):
            return "I cannot say."
        return "\n".join(f"{point}: {int(point <= seed)}" for point in range(1, 6))

    assert ask(mock_captioner(answers=answers), data, tmp_path, monkeypatch, judge=True) == []
    row, _ = told(tmp_path)
    unscored = sum(one["answer"] == one["choices"][0] and "Violin" in one["choices"] for one in meta)
    scored = sum(one["answer"] == one["choices"][0] and "Violin" not in one["choices"] for one in meta)
    assert value(row, "rubric_score") == pytest.approx(scored * 0.6 / 32, abs=1e-4)
    assert value(row, "rubric_score_official") == pytest.approx(scored * 0.6 / (32 - unscored), abs=1e-4)
    assert row["rubric"] == {
        "runs": 5,
        "unread_replies": 3 * unscored + scored,
        "unscored_answers": unscored,
    }


@pytest.mark.parametrize(
    ("runs", "score"),
    [
        ((4, 4, 4, 4, 4), 0.8),
        ((5, 0, 1, 0, 5), 0.4),  # 0, 1 and 5 points of 5; the mean of all five would be 0.44
        ((None, 5, 1, 0, None), 0.2),  # of three runs that can be read, the one between
    ],
)
def test_the_lowest_and_the_highest_run_are_dropped_and_silence_is_out_of_the_official_score_alone(
    data: Path,
    meta: list[Row],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runs: tuple[int | None, ...],
    score: float,
) -> None:
    def answers(asked: Mapping[str, Any], shown: str) -> str:
        made = runs[asked["seed"] - 1]
        return "?" if made is None else "\n".join(f"{point}: {int(point <= made)}" for point in range(1, 6))

    file = tmp_path / "own.jsonl"
    file.write_text("\n".join(json.dumps(one | {"answer_prediction": one["answer"]}) for one in meta[8:]))
    with mock_captioner(answers=answers).running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        assert run([f"predictions:own={file}"], data, tmp_path, generation(FAST, judge="openai:wise")) == []
    row, _ = told(tmp_path)
    assert value(row, "rubric_score") == pytest.approx(score * 24 / 32, abs=1e-4)
    assert value(row, "rubric_score_official") == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        ("1: 1\n2: 0\n3: 1", 2 / 3),
        ("Here you are:\n- Point 1: 1\n- Point 2: 1\n- **3**: **1**", 1.0),
        ("3. 0\n2. 0\n1. 0", 0.0),
        ("1: 1\n2: 0", None),
        ("1: 1\n2: 0\n3: 1\n4: 1", None),
        ("1: 1\n1: 0\n2: 1\n3: 1", None),
        ("1: 0.5\n2: 1\n3: 1", None),
        ("1: 2\n2: 1\n3: 1", None),
        ("All points are made.", None),
        ("", None),
    ],
)
def test_what_a_judge_says(reply: str, share: float | None) -> None:
    assert made(reply, 3) == (share if share is None else pytest.approx(share))


def test_recordings_that_are_missing_or_broken_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fixture("mmar", load(Card, "benchmarks", "mmar"), tmp_path)
    first, second, third, *_ = sorted((tmp_path / "MMAR" / "audio").glob("*.wav"))
    first.unlink()
    second.write_bytes(b"RIFF, and no more")
    third.write_text("#EXTM3U\n" + str(second))
    mock = mock_captioner(answers=right)
    assert ask(mock, tmp_path, tmp_path / "out", monkeypatch) == []
    row, _ = told(tmp_path / "out")
    assert row["unanswered"] == {"missing_file": 1, "broken_sound": 2}
    assert mock.log.requests == 29


def test_encoders_are_told_that_they_cannot_listen(data: Path, untaught: str, tmp_path: Path) -> None:
    (failed,) = measure(choose(["mmar"]), [untaught], ["zeroshot"], data, tmp_path, allow_counts=True)
    assert re.match("mmar: it measures generative models, and .* is an encoder; name one as openai:NAME", failed)
