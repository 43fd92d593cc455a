"""Words and sentiments out of what models write, measured from card to page."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from emocap.benchmarks import drawing
from emocap.benchmarks.cards import Card
from emocap.captioning.mock_server import mock_captioner
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.recipe import GenerationRecipe
from emocap.evaluation.registry import read_examples
from emocap.evaluation.scorers.word_lists import listed
from emocap.evaluation.suite import choose
from emocap.evaluation.suites.mer_unibench import METRICS as NINE
from emocap.llm.chat_models import Response
from emocap.metrics.wheel import resources
from emocap.metrics.wheel.groups import groups
from emocap.metrics.wheel.overlaps import f_score, hit_rate, overlap
from emocap.metrics.wheel.resources import small
from emocap.metrics.wheel.sentiment import sign_f1
from emocap.reports.failures import failures
from emocap.reports.page import write_report
from emocap.reports.results import read_results
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

FAST = ("deadline=2", "patience=60")


def card(name: str) -> Card:
    return load(Card, "benchmarks", name)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("uni-bench")
    for name in NINE:
        drawing.write_fixture(name, card(name), root)
    return root


def rows(out: Path) -> dict[str, dict[str, Any]]:
    return {row["benchmark"]: row for row in flat_rows(out)}


def told(out: Path, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / row["predictions"]).to_pylist()
    return found


def scored(data: Path, out: Path, name: str, file: Path, writing: GenerationRecipe | None = None) -> dict[str, Any]:
    how = {"allow_counts": True, "generation": writing or generation()}
    failed = measure(choose([name]), [f"predictions:m={file}"], None, data, out, **how)
    if failed:
        raise UserError(failed[0])
    return rows(out)[name]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("[happy, 'at ease']", ["happy", "at ease"]),
        ("The list is:\n```[happy]```", ["happy"]),
        ("[]", []),
        ("Happy, relieved.", ["Happy", "relieved"]),
        ("sad", ["sad"]),
        ("'sad'", ["sad"]),
        ("very sad, let down", ["very sad", "let down"]),
        ("She is clearly sad", None),
        ("Sad. And tired", None),
        ("[happy] at first, then [sad]", None),
        ("emotions: sad", None),
        ("sad\ntired", None),
        ("", None),
    ],
)
def test_a_list_is_a_list(text: str, labels: list[str] | None) -> None:
    assert listed(text) == labels


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (None, None),
        (" sad ", "sad"),
        ("<think>She [smiles], but</think><answer>[sad]</answer>", "[sad]"),
        ("<think>hm</think>\n[sad]", "[sad]"),
        ("<answer>[sad", "[sad"),
        ("<think>cut short", ""),
    ],
)
def test_thoughts_are_no_answer(text: str | None, answer: str | None) -> None:
    assert Response(text).answer == answer


def test_whatever_a_model_says_leaves_results_that_can_be_read(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"sample_00000001": "[un\u2028known, \x85, happy]"}))
    for _ in range(2):
        row = scored(data, tmp_path, "ov-merd-plus", file)
    assert set(row["predicted_words_dropped_most_often"]) == {"un\u2028known"}
    assert len(read_results(tmp_path)) == 1


def test_lists_are_scored_as_the_metric_scores_them(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        'name,openset\nsample_00000001,"[glad, calm]"\nsample_00000002,"[unhappy, neutral]"\nsample_00000003,[angry]\n'
        'sample_00000004,"scared, neutral"\nsample_00000006,happy\nsample_00000007,[]\n'
    )
    row = scored(data, tmp_path, "ov-merd-plus", file)
    true = [example.labels or () for example in read_examples(card("ov-merd-plus"), data)]
    said = [["glad", "calm"], ["unhappy", "neutral"], ["angry"], ["scared", "neutral"], [], ["happy"], *[[]] * 6]
    once = np.ones((1, 12))
    level1, level2 = (overlap(groups(small(), level), true, said) for level in ("level1", "level2"))
    metrics = {name: one["value"] for name, one in row["metrics"].items()}
    assert metrics["ew"] == pytest.approx(f_score(level1, once)[0], abs=5e-5)
    assert metrics["ew_level2"] == pytest.approx(f_score(level2, once)[0], abs=5e-5)
    assert 0 < metrics["ew_level2"] < metrics["ew"] < 1
    assert row["metrics"]["ew"]["low"] < metrics["ew"] < row["metrics"]["ew"]["high"]
    assert np.mean(row["ew_of_each_wheel"]) == pytest.approx(metrics["ew"], abs=1e-4)
    assert (row["wheel"], row["wheel_sha256"]) == (small().name, small().sha256)
    assert row["wheel_is_the_authors"] is False
    assert row["unanswered"] == {"no_prediction": 6}
    assert (row["replies_read_by"], row["unparsable"], row["extractor_prompt"]) == ({"lists": 6}, 0, None)
    assert row["predicted_words_dropped_most_often"] == {"neutral": 2}
    assert row["skipped_by_each_wheel"][0] == (level1.true_NW[:, 0] == 0).sum() == 2
    by_name = {one["name"]: one for one in told(tmp_path, row)}
    assert by_name["sample_00000002"]["true"] == "sad, lonely, let down"
    assert by_name["sample_00000003"]["score"] == 1.0
    assert by_name["sample_00000005"]["predicted"] is None
    assert by_name["sample_00000006"]["score"] is None
    worst = failures(read_results(tmp_path), False)
    # Those without any word come first; what no wheel knows is no error.
    assert [one.predicted for one in worst[:6]] == ["none"] * 6
    assert {one.name for one in worst}.isdisjoint({"sample_00000006", "sample_00000012"})
    assert all(one.score is None for one in worst)


def test_free_text_needs_a_reader(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        "name,reason\nsample_00000001,She beams: all went well and she is glad.\nsample_00000002,[sad]\n"
        "sample_00000003,Nobody can tell what he feels.\n"
    )
    with pytest.raises(UserError, match=r"set generation\.judge=openai:NAME"):
        scored(data, tmp_path, "ov-merd-plus", file)

    def answers(body: Mapping[str, Any], _: str) -> str:
        text = str(body["messages"][-1]["content"])
        return "[glad, amused]" if "beams" in text else "I am not sure."

    mock = mock_captioner(answers=answers)
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        for _ in range(2):
            row = scored(data, tmp_path, "ov-merd-plus", file, generation(FAST, judge="openai:reader"))
    assert mock.log.requests == 2
    assert row["replies_read_by"] == {"lists": 1, "openai:reader": 1}
    assert (row["unparsable"], row["extractor"]) == (1, "openai:reader")
    assert "{reply}" in row["extractor_prompt"]
    first, second, third, *_ = told(tmp_path, row)
    assert (first["predicted"], second["predicted"], third["predicted"]) == ("glad, amused", "sad", None)
    assert first["reply"].startswith("She beams")


def test_a_model_is_asked_with_what_is_said(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = mock_captioner(answers=lambda body, shown: "[happy, sad]")
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        failed = measure(
            choose(["mer2023"]),
            ["openai:tiny"],
            None,
            data,
            tmp_path,
            allow_counts=True,
            generation=generation(FAST),
        )
    assert failed == []
    row = rows(tmp_path)["mer2023"]
    *pictures, text = mock.seen[0].body["messages"][-1]["content"]
    assert {one["type"] for one in pictures} == {"image_url"}
    texts = {seen.body["messages"][-1]["content"][-1]["text"] for seen in mock.seen}
    assert any("They say: It went well, all of it. Answer with a list" in one for one in texts)
    assert text["type"] == "text"
    true = [example.labels or () for example in read_examples(card("mer2023"), data)]
    wanted = hit_rate(overlap(groups(small()), true, ["[happy, sad]"] * 12), np.ones((1, 12)))[0]
    assert list(row["metrics"]) == ["hit_rate"]
    assert row["metrics"]["hit_rate"]["value"] == pytest.approx(wanted, abs=5e-5)
    assert 0.4 <= wanted < 1


def test_wheels_lie_beside_the_data_or_where_one_says(data: Path, tmp_path: Path) -> None:
    there = tmp_path / "data"
    shutil.copytree(data / "meld-process", there / "meld-process")
    (tmp_path / "own.csv").write_text("name,openset\ntest_dia1_utt0,[joyful]\n")
    assert scored(there, tmp_path, "meld", tmp_path / "own.csv")["wheel"] == small().name
    wheels = shutil.copytree(Path(resources.__file__).parent / "small", there / "emotion_wheel")
    assert scored(there, tmp_path, "meld", tmp_path / "own.csv")["wheel"] == "emotion_wheel, not the authors'"
    elsewhere = shutil.copytree(wheels, tmp_path / "mine")
    row = scored(there, tmp_path, "meld", tmp_path / "own.csv", generation(wheel=elsewhere))
    assert row["wheel"] == "mine, not the authors'"
    with pytest.raises(UserError, match="wheel: there is no folder"):
        scored(there, tmp_path, "meld", tmp_path / "own.csv", generation(wheel=tmp_path / "absent"))


def test_signs_are_scored(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = ["positive", "Negative.", "neutral", "mixed", "positive", "positive", "negative", "", "positive"]
    file = tmp_path / "own.json"
    file.write_text(json.dumps({f"drawn{number}_1": reply for number, reply in enumerate(replies, start=1)}))
    row = scored(data, tmp_path, "cmu-mosi", file)
    true = np.array([1.8, -2.4, -0.6, -1, 0.2, 0] * 2)
    predicted = np.array([1, -1, 0, 0, 1, 1, -1, 0, 1, 0, 0, 0])
    wanted = float(sign_f1(true, predicted).at(np.ones((1, 12)))[0])
    assert row["metrics"]["sign_f1"]["value"] == pytest.approx(wanted, abs=5e-5)
    assert (row["zero_left_out"], row["unparsable"]) == (2, 1)
    assert row["unanswered"] == {"empty": 1, "no_prediction": 3}
    worst = [(one.name, one.true, one.predicted) for one in failures(read_results(tmp_path), False)]
    assert worst == [("drawn7_1", "1.8", "negative"), ("drawn9_1", "-0.6", "positive"), ("drawn11_1", "0.2", "none")]
    assert [one["predicted"] for one in told(tmp_path, row)[:4]] == ["positive", "negative", "neutral", None]
    file.write_text(json.dumps({"drawn1_1": "[happy, glad]", "drawn2_1": "mixed"}))
    with pytest.raises(UserError, match=r"set generation\.judge=openai:NAME"):
        scored(data, tmp_path, "cmu-mosi", file)
    mock = mock_captioner(
        answers=lambda body, shown: "positive" if "glad" in str(body["messages"][-1]["content"]) else "?"
    )
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        row = scored(data, tmp_path, "cmu-mosi", file, generation(FAST, judge="openai:reader"))
    assert row["replies_read_by"] == {"words": 0, "openai:reader": 1}
    assert row["unparsable"] == 1


def test_all_nine_make_a_mean_on_the_page(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "said"
    folder.mkdir()
    for name in NINE:
        examples = read_examples(card(name), data)
        right = {
            one.name: "[" + ", ".join(one.labels) + "]"
            if one.labels is not None
            else ("positive" if (one.values or {})["sentiment"] > 0 else "negative")
            for one in examples
        }
        (folder / f"{name}.json").write_text(json.dumps(right))
    out = tmp_path / "out"
    assert measure(choose([*NINE][:8]), [f"predictions:perfect={folder}"], None, data, out, allow_counts=True) == []
    assert "MER-UniBench, the mean" not in write_report([out], tmp_path / "report.html").read_text(encoding="utf-8")
    assert measure(choose([*NINE]), [f"predictions:perfect={folder}"], None, data, out, allow_counts=True) == []
    every = rows(out)
    assert every.pop("mer-unibench")["metrics"]["mean"]["value"] == 1.0
    assert {name: row["metrics"][NINE[name]]["value"] for name, row in every.items()} == dict.fromkeys(NINE, 1.0)
    page = write_report([out], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "MER-UniBench, the mean of its nine datasets: perfect <strong>1.000</strong>" in page
    assert "wheels: emocap&#39;s small ones, not the authors&#39;" in page
    assert small().sha256 in page
    table = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert (
        "Emotion wheels: emocap's small ones, not the authors'. These numbers compare with no published ones." in table
    )
    assert "EW" in table
