"""Questions asked of an endpoint: each is answered or counted, none is paid for twice, and what is sent is right."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from emocap.benchmarks.cards import Card
from emocap.benchmarks.drawing import write_fixture
from emocap.captioning.mock_server import mock_captioner
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.recipe import GenerationRecipe
from emocap.evaluation.registry import read_examples
from emocap.evaluation.suite import choose
from emocap.llm.mock_server import MockServer, random_faults
from emocap.reports.page import write_report
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

FAST = ("deadline=2", "patience=60")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    write_fixture("facexbench", load(Card, "benchmarks", "facexbench"), folder)
    return folder


def ask(mock: MockServer, data: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *settings: str) -> list[str]:
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "a-secret")
        return measure(
            choose(["facexbench"]),
            ["openai:tiny"],
            None,
            data,
            out,
            allow_counts=True,
            generation=generation((*FAST, *settings)),
        )


def rows(out: Path) -> list[dict[str, Any]]:
    return flat_rows(out)


def test_a_question_shows_the_picture_and_the_options(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner()
    assert ask(mock, data, tmp_path, monkeypatch) == []
    (row,) = rows(tmp_path)
    assert (row["protocol"], row["model"], row["questions"], row["unanswered"]) == ("generate", "openai:tiny", 28, {})
    body, headers = mock.seen[0].body, mock.seen[0].headers
    picture, text = body["messages"][0]["content"]
    sent = Image.open(io.BytesIO(base64.b64decode(picture["image_url"]["url"].partition(",")[2])))
    assert (sent.format, max(sent.size) <= 768) == ("JPEG", True)
    assert "\nB. " in text["text"]
    assert (body["temperature"], body["max_tokens"], headers["authorization"]) == (0.0, 512, "Bearer a-secret")
    told = pq.read_table(tmp_path / row["predictions"]).to_pylist()
    assert all(one["reply"][3:] == one["predicted"] for one in told)
    right = sum(one["true"] == one["predicted"] for one in told) / 28
    assert row["metrics"]["accuracy"]["value"] == pytest.approx(right, abs=1e-4)


def test_in_a_storm_every_question_is_answered_or_counted_and_none_is_asked_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(random_faults(0.3, seed=2), retry_after="0.05")
    assert ask(mock, data, tmp_path, monkeypatch, "asks=1") == []
    (row,) = rows(tmp_path)
    told = pq.read_table(tmp_path / row["predictions"]).to_pylist()
    silent = sum(one["reply"] is None for one in told)
    assert silent == sum(row["unanswered"].values()) > 0
    assert len(told) == row["questions"] == 28
    assert {one["predicted"] for one in told if one["reply"] is None} == {None}
    before = mock.log.requests
    assert ask(mock, data, tmp_path, monkeypatch, "asks=1") == []
    assert mock.log.requests == before
    (again,) = rows(tmp_path)
    assert {**again, "seconds": 0} == {**row, "seconds": 0}


def test_a_reply_that_was_cut_is_read_and_counted(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = mock_captioner(lambda number: "cut" if number in (3, 5) else None)
    assert ask(mock, data, tmp_path, monkeypatch) == []
    (row,) = rows(tmp_path)
    assert (row["cut_short"], row["unanswered"]) == (2, {})
    page = write_report([tmp_path], tmp_path / "report.html").read_text()
    assert "replies cut at their longest length" in page
    assert "How it was counted" in page


def test_what_a_model_thinks_is_not_its_answer(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thoughts = iter(["<think>Option B is likely.</think>\nD", "<think>B or C. The answer is B", *["D"] * 26])
    mock = mock_captioner(answers=lambda asked, shown: next(thoughts))
    assert ask(mock, data, tmp_path, monkeypatch) == []
    (row,) = rows(tmp_path)
    told = pq.read_table(tmp_path / row["predictions"]).to_pylist()
    assert sum(one["predicted"] is None for one in told) == row["unparsable"] == 1
    assert {one["reply"][:7] for one in told} == {"<think>", "D"}


def test_another_picture_or_temperature_is_another_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fixture("facexbench", load(Card, "benchmarks", "facexbench"), tmp_path)
    mock, out = mock_captioner(), tmp_path / "out"
    assert ask(mock, tmp_path, out, monkeypatch) == []
    assert mock.log.requests == 28
    first, second, *_ = sorted((tmp_path / "FaceXBench").rglob("question_*.png"))
    first.write_bytes(second.read_bytes())
    assert ask(mock, tmp_path, out, monkeypatch) == []
    assert mock.log.requests == 29
    assert ask(mock, tmp_path, out, monkeypatch, "temperature=1") == []
    assert mock.log.requests == 29 + 28


def test_wheels_that_cannot_be_read_are_told_of_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fixture("meld", load(Card, "benchmarks", "meld"), tmp_path)
    mock = mock_captioner()
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        writing = generation(FAST, wheel=tmp_path / "absent")
        (failed,) = measure(
            choose(["meld"]), ["openai:tiny"], None, tmp_path, tmp_path / "out", allow_counts=True, generation=writing
        )
    assert "there is no folder" in failed
    assert mock.log.requests == 0


def test_a_broken_picture_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fixture("facexbench", load(Card, "benchmarks", "facexbench"), tmp_path)
    first, second, *_ = sorted((tmp_path / "FaceXBench").rglob("question_*.png"))
    first.write_bytes(b"no picture")
    second.unlink()
    assert ask(mock_captioner(), tmp_path, tmp_path / "out", monkeypatch) == []
    assert rows(tmp_path / "out")[0]["unanswered"] == {"not_an_image": 1, "missing_file": 1}


def test_what_is_missing_is_not_asked_about_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fixture("facexbench", load(Card, "benchmarks", "facexbench"), tmp_path)
    first, second, *_ = sorted((tmp_path / "FaceXBench").rglob("question_*.png"))
    first.write_bytes(b"no picture")
    second.unlink()
    mock = mock_captioner()
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        chosen = choose(["facexbench"])
        options: dict[str, Any] = {"allow_counts": True, "allow_missing": True}
        writing = generation(FAST)
        assert measure(chosen, ["openai:tiny"], None, tmp_path, tmp_path / "out", generation=writing, **options) == []
    (row,) = rows(tmp_path / "out")
    left_out = sum(row["missing"]["test"].values())
    assert set(row["missing"]["test"]) == {"missing_file", "not_an_image"}
    assert (row["questions"], row["unanswered"]) == (28 - left_out, {})
    assert mock.log.requests == 28 - left_out
    # A file of predictions needs no pictures, so that nothing is left out of it.
    said = dict.fromkeys(_names(tmp_path), "A")
    (tmp_path / "said.json").write_text(json.dumps(said))
    spec = f"predictions:{tmp_path / 'said.json'}"
    assert measure(chosen, [spec], None, tmp_path, tmp_path / "told", **options) == []
    (row,) = rows(tmp_path / "told")
    assert (row["missing"], row["questions"]) == ({}, 28)


def _names(data: Path) -> list[str]:
    return [example.name for example in read_examples(load(Card, "benchmarks", "facexbench"), data)]


def test_the_budget_holds_and_more_of_it_goes_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    price = "price={prompt: 1000, completion: 1000}"
    mock = mock_captioner()
    (failed,) = ask(mock, data, tmp_path, monkeypatch, price, "budget=4")
    assert "questions of facexbench are left" in failed
    assert "raise ask.budget and run the same command again" in failed
    asked = mock.log.requests
    assert asked < 28
    assert ask(mock, data, tmp_path, monkeypatch, price, "budget=400") == []
    assert mock.log.requests == 28
    assert rows(tmp_path)[0]["usage"]["cost"] > 4


@pytest.mark.parametrize(
    ("models", "protocols", "writing", "told"),
    [
        (["openai:"], None, generation(), "is not a generative model; name it openai:NAME"),
        (["openai:tiny"], ["probe"], generation(), "is a generative model, whose protocol is generate"),
        (["openai:tiny"], None, generation(("budgets=1",)), "budgets is not a key; did you mean budget"),
        (["openai:tiny"], None, generation(("budget=3",)), "a budget needs a price"),
        (["predictions:gone.csv"], None, generation(), r"there is no gone\.csv"),
    ],
)
def test_what_the_user_must_set_right_is_said(
    data: Path, tmp_path: Path, models: list[str], protocols: list[str] | None, writing: GenerationRecipe, told: str
) -> None:
    chosen = choose(["facexbench"])
    (failed,) = measure(chosen, models, protocols, data, tmp_path, allow_counts=True, generation=writing)
    with pytest.raises(UserError, match=told):
        raise UserError(failed)


def once(card: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mock: MockServer) -> list[dict[str, Any]]:
    """The rows of one card, measured on its miniature."""
    (chosen,) = choose([card])
    write_fixture(card, chosen.card, tmp_path)
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        out = tmp_path / "out"
        assert (
            measure([chosen], ["openai:tiny"], None, tmp_path, out, allow_counts=True, generation=generation(FAST))
            == []
        )
    return rows(out)


def test_whoever_always_says_a_is_right_by_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Face-Human-Bench stores the right option first; what is asked does not."""
    (row,) = once("face-human-bench", tmp_path, monkeypatch, mock_captioner(answers=lambda asked, shown: "A"))
    for file in (tmp_path / "Face-Human-Bench").rglob("face_expression_*.json"):
        assert {entry["QA"]["answer"] for entry in json.loads(file.read_text())["data"]} == {0}
    told = pq.read_table(tmp_path / "out" / row["predictions"]).to_pylist()
    assert {one["reply"] for one in told} == {"A"}
    assert row["unparsable"] == 0
    accuracy = row["metrics"]["accuracy"]
    assert accuracy["low"] < row["chance"]["accuracy"] == 0.25 < accuracy["high"]
    assert abs(accuracy["value"] - 0.25) < 0.1


def test_a_question_shows_all_of_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = mock_captioner()
    (row,) = once("facexbench-multiple", tmp_path, monkeypatch, mock)
    assert (row["questions"], row["unanswered"], row["unparsable"]) == (28, {}, 0)
    counted = sorted(len(seen.body["messages"][0]["content"]) - 1 for seen in mock.seen)
    files = (tmp_path / "FaceXBench" / "benchmark").glob("*.json")
    questions = [one for file in files for one in json.loads(file.read_text())["questions"].values()]
    assert counted == sorted(len(one["image_paths"]) for one in questions)
    assert {2, 5} <= set(counted)


def test_official_folds_have_a_row_each_and_one_of_their_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = {"n": 0}

    def answers(asked: Any, shown: str) -> str:
        replies["n"] += 1
        return "no idea" if replies["n"] % 3 else "Happy."

    found = {row["fold"]: row for row in once("dfew", tmp_path, monkeypatch, mock_captioner(answers=answers))}
    mean = found.pop("mean")
    assert set(found) == {1, 2, 3, 4, 5}
    assert mean["questions"] == sum(row["questions"] for row in found.values()) == replies["n"]
    assert mean["unparsable"] == sum(row["unparsable"] for row in found.values()) > 0
    value = sum(row["metrics"]["uar"]["value"] for row in found.values()) / 5
    assert mean["metrics"]["uar"]["value"] == pytest.approx(value, abs=1e-4)
    assert [len(line) for line in mean["confusion"]] == [8] * 7
    assert sum(line[-1] for line in mean["confusion"]) == mean["unparsable"]


def test_encoders_and_cards_of_models_that_write_do_not_mix(data: Path, tmp_path: Path) -> None:
    card = tmp_path / "plain.yaml"
    card.write_text(
        "title: Plain\ntask: multiple_choice\nfolder: FaceXBench\n"
        "layout: {reader: facexbench, files: [affectnet_single_mcq]}\n"
    )
    (data / "p.csv").write_text("name,answer\n")
    failed = measure(choose([str(card)]), [f"predictions:{data / 'p.csv'}"], None, data, tmp_path, allow_counts=True)
    assert failed == ["plain is not measured by what models write"]
