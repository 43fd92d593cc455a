"""A model as the judge, over a mock server."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emocap.captioning.mock_server import mock_captioner
from emocap.core.errors import UserError
from emocap.llm.chat_models import load_chat_model
from emocap.llm.mock_server import FAULTS, MockServer, random_faults
from emocap.preference.comparison_data import ComparisonData, gather
from emocap.preference.media import InputMedia
from emocap.preference.model_judge import JudgeMedia, ModelJudge, Strategy
from emocap.preference.pairs import Judged, Pair
from emocap.preference.run import rank_by_judge
from tests.support.asked import asked
from tests.support.measuring import generation

FAST = ("deadline=2", "patience=60")
UNPAID = ("busy", "broken", "html")


def texts(body: Mapping[str, Any]) -> str:
    parts = body["messages"][0]["content"]
    return " ".join(part["text"] for part in parts if part["type"] == "text")


def sees(body: Mapping[str, Any]) -> int:
    """How many pictures a request has."""
    return sum(part["type"] == "image_url" for part in body["messages"][0]["content"])


def longer(body: Mapping[str, Any], shown: str) -> str:
    """Prefers what more is said; describes whatever is not compared; and gives reasons where they are asked for."""
    found = re.search(r'a1: "(.*?)"\. a2: "(.*?)"\. Please', texts(body))
    if not found:
        told = re.search(r"the better one is (a\d|same)", texts(body))
        return told[1] if told else f"A face {shown[:8]},\n\twhich smiles."
    first, second = map(len, found.groups())
    answer = "a1" if first > second else "a2" if second > first else "same"
    return f"Well, the better one is {answer}." if "reasoning process." not in texts(body)[-30:] else answer


def concludes(body: Mapping[str, Any], shown: str) -> str:
    return (
        "Thinking aloud: the better one is a2" if texts(body).endswith("along with the reasoning process.") else "a2"
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ComparisonData:
    folder = tmp_path_factory.mktemp("builds")
    builds = [asked(folder / name, name) for name in ("ab", "abcd", "abcdefgh")]
    some = gather(builds)
    kept = list(some.descriptions["openai:ab"])[:12]
    for name, descriptions in some.descriptions.items():
        some.descriptions[name] = {key: descriptions[key] for key in kept}
    return some


def judge(
    data: ComparisonData,
    mock: MockServer,
    out: Path,
    *settings: str,
    strategy: Strategy = "S1",
    both_orders: bool = True,
    pairs: int | None = None,
) -> dict[str, Any]:
    with mock.running() as url:
        ask = generation((*FAST, f"endpoints=[{{base_url: '{url}'}}]", *settings)).ask
        text = load_chat_model("openai:reader", ask, out, "judge") if strategy in ("S3", "S4") else None
        try:
            with load_chat_model("openai:seer", ask, out, "model") as model:
                one = ModelJudge(model, InputMedia(data, None), strategy, text, both_orders=both_orders)
                return rank_by_judge(data, one, out, pairs)
        finally:
            if text:
                text.__exit__()


def names(result: dict[str, Any]) -> list[str]:
    return [one["name"] for one in result["ranking"]["entries"]]


def test_s1_shows_the_face_and_asks_word_for_word(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=longer)
    result = judge(data, mock, tmp_path)
    assert names(result) == ["openai:abcdefgh", "openai:abcd", "openai:ab"]
    assert result["by"] == "openai:seer, S1"
    assert result["consistency"]["consistency"]["value"] == 1.0
    assert mock.log.requests == 2 * 36
    body = mock.seen[0].body
    picture, question = body["messages"][0]["content"]
    assert base64.b64decode(picture["image_url"]["url"].partition(",")[2])[:2] == b"\xff\xd8"
    assert (body["model"], body["temperature"]) == ("seer", 0.0)
    pairs = {pair.a1: pair for name in data.names() for pair in [data.pair(name, "openai:ab", "openai:abcd")]}
    for seen in mock.seen:
        found = re.search(r'a1: "(.*?)"\. a2: "(.*?)"\. Please', texts(seen.body))
        assert found
        if found[1] in pairs and found[2] == pairs[found[1]].a2:
            break
    else:
        raise AssertionError("no pair was asked for in this order")
    assert texts(seen.body) == (
        f'We provide two descriptions for a given input: a1: "{found[1]}". a2: "{found[2]}". Please determinate which '
        "one is better aligned with the input content. If both of them equally align with the input content, please "
        "output 'same'. Therefore, the output should be a1, a2, or same. Please direct output the answer without "
        "additional reasoning process."
    )
    assert question["type"] == "text"
    assert result["judge"]["openai:seer"]["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize("strategy", ["S1", "S2"])
def test_what_a_judge_thinks_aloud_is_no_verdict(data: ComparisonData, tmp_path: Path, strategy: Strategy) -> None:
    def thinks(body: Mapping[str, Any], shown: str) -> str:
        return f"<think>Is it a1, a2 or the same?</think>{longer(body, shown)}"

    mock = mock_captioner(answers=thinks)
    result = judge(data, mock, tmp_path, strategy=strategy)
    assert names(result) == ["openai:abcdefgh", "openai:abcd", "openai:ab"]
    assert result["consistency"]["consistency"]["value"] == 1.0
    assert not any("think" in texts(seen.body) for seen in mock.seen)


def test_s2_describes_every_face_once_and_shows_it_again(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=longer)
    result = judge(data, mock, tmp_path, strategy="S2")
    assert names(result)[0] == "openai:abcdefgh"
    assert mock.log.requests == 12 + 2 * 36
    asked_for = [texts(seen.body) for seen in mock.seen]
    assert sum(text.startswith("Please provide a detailed description") for text in asked_for) == 12
    compared = [seen for seen in mock.seen if "ground truth" in texts(seen.body)]
    assert {sees(seen.body) for seen in compared} == {1}
    assert re.match(
        r"We provide a ground truth description: A face \w{8},  which smiles\. We also provide two predicted "
        r'descriptions: a1: "',
        texts(compared[0].body),
    )


def test_s3_has_another_model_judge_that_sees_nothing(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=longer)
    result = judge(data, mock, tmp_path, strategy="S3")
    assert result["by"] == "openai:seer, S3, judged by openai:reader"
    assert names(result)[0] == "openai:abcdefgh"
    seers, readers = ([seen for seen in mock.seen if seen.body["model"] == name] for name in ("seer", "reader"))
    assert (len(seers), {sees(seen.body) for seen in seers}) == (12, {1})
    assert (len(readers), {sees(seen.body) for seen in readers}) == (72, {0})
    assert set(result["judge"]) == {"openai:seer", "openai:reader"}


def test_s4_reasons_before_it_concludes(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=concludes)
    result = judge(data, mock, tmp_path, strategy="S4")
    readers = [texts(seen.body) for seen in mock.seen if seen.body["model"] == "reader"]
    reasons = [text for text in readers if text.endswith("Please output the answer along with the reasoning process.")]
    assert (len(readers), len(reasons)) == (144, 72)
    assert (
        'Based on the provided decription:  "Thinking aloud: the better one is a2", please determinate which one is '
        "better aligned with the ground truth description. The output should be a1, a2, or same. Please direct output "
        "the answer without additional reasoning process."
    ) in readers
    assert result["consistency"]["consistency"]["value"] == 0.0  # a2 whatever the order
    assert result["consistency"]["first"]["value"] == 0.0


def test_one_order_costs_half(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=longer)
    result = judge(data, mock, tmp_path, both_orders=False, pairs=20)
    assert mock.log.requests == result["pairs"]["judged"] == 20
    assert result["consistency"] is None


@pytest.mark.parametrize("strategy", ["S1", *(pytest.param(s, marks=pytest.mark.slow) for s in ("S2", "S3", "S4"))])
def test_in_a_storm_every_pair_is_answered_or_counted_and_none_is_asked_again(
    data: ComparisonData, tmp_path: Path, strategy: Strategy
) -> None:
    mock = mock_captioner(random_faults(0.3, seed=1), retry_after="0.05", answers=longer)
    result = judge(data, mock, tmp_path, "asks=1", strategy=strategy)
    pairs = result["pairs"]
    assert pairs["judged"] + pairs["unanswered"] == pairs["possible"] == 36
    assert pairs["unanswered"] + pairs["answered_in_one_order"] > 0
    assert pairs["unreadable_replies"] > 0  # half an answer, or another's JSON
    charged = sum(one.charged for one in mock.log.pictures.values())
    if strategy == "S1":
        assert charged <= 72 + sum(seen.fault in ("stall", "reset") for seen in mock.seen)
    again = judge(data, mock, tmp_path, "asks=1", strategy=strategy)
    assert again == result
    assert sum(one.charged for one in mock.log.pictures.values()) == charged


def test_a_budget_stops_and_more_of_it_goes_on(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=longer)
    price = "price={prompt: 1000, completion: 1000}"
    with pytest.raises(UserError, match=r"raise ask\.budget and run the same command again"):
        judge(data, mock, tmp_path, price, "budget=20", "max_tokens=20")
    spent = mock.log.requests
    assert 0 < spent < 72
    result = judge(data, mock, tmp_path, price, "budget=2000", "max_tokens=20")
    assert mock.log.requests == 72
    assert result["judge"]["openai:seer"]["usage"]["cost"] > 10


def test_inputs_of_which_nothing_is_to_be_seen_are_counted(data: ComparisonData, tmp_path: Path) -> None:
    first, second = data.names()[:2]
    other = ComparisonData(
        descriptions={
            name: {first: descriptions[first], "gone": descriptions[second], "clip": descriptions[second]}
            for name, descriptions in data.descriptions.items()
        },
        faces=data.faces,
    )
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "clip.wav").write_bytes(b"RIFF")
    mock = mock_captioner(answers=longer)
    with (
        mock.running() as url,
        load_chat_model("openai:seer", {"endpoints": [{"base_url": url}]}, tmp_path) as model,
    ):
        result = rank_by_judge(other, ModelJudge(model, InputMedia(other, tmp_path / "media")), tmp_path)
    assert (result["pairs"]["judged"], result["pairs"]["unanswered"]) == (3, 6)
    told = " ".join(result["pairs"]["unanswered_examples"])
    assert "missing_file: there is nothing to show of gone" in told
    assert "not_shown: clip is a sound" in told
    assert mock.log.requests == 6


def test_files_are_found_by_the_name_of_the_input(tmp_path: Path, data: ComparisonData) -> None:
    folder = tmp_path / "media"
    (folder / "frames").mkdir(parents=True)
    for name in ("a.mp4", "a.jpg", "b.png", "c.wav", "d.jpg", "frames/2.jpg", "frames/10.jpg"):
        (folder / name).write_bytes(b"")
    shown = InputMedia(data, folder)
    kinds = {name: type(shown.of(name)).__name__ for name in ("a", "b", "c", "d.jpg", "frames", "e")}
    assert kinds == {
        "a": "Film",
        "b": "Picture",
        "c": "Sound",
        "d.jpg": "Picture",
        "frames": "Frames",
        "e": "NoneType",
    }
    assert type(shown.of(data.names()[0])).__name__ == "Stored"
    shown.check(["e", "a"])
    with pytest.raises(UserError, match=r"none of 2 inputs, such as e, f, is in .*media"):
        shown.check(["e", "f"])
    with pytest.raises(UserError, match="name the folder of media"):
        InputMedia(data, None).check(["e"])
    with pytest.raises(UserError, match="there is no folder"):
        InputMedia(data, tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a name below"):
        shown.of("../secret")


def test_what_decides_about_verdicts_is_in_the_name(data: ComparisonData, tmp_path: Path) -> None:
    with load_chat_model("openai:seer", {"temperature": 0.5}, tmp_path) as model:
        one = ModelJudge(model, InputMedia(data, None), sent=JudgeMedia(frames=16, sound=True))
        assert one.name == "openai:seer, S1, temperature 0.5 of openai:seer, 16 frames, with sound"


def test_two_equal_descriptions_without_authors_are_one_question(data: ComparisonData, tmp_path: Path) -> None:
    mock = mock_captioner(answers=longer)
    with (
        mock.running() as url,
        load_chat_model("openai:seer", {"endpoints": [{"base_url": url}]}, tmp_path) as model,
    ):
        pair = Pair(data.names()[0], "He smiles.", "He smiles.")
        first, second = ModelJudge(model, InputMedia(data, None)).judge([pair, pair.swapped()])
    assert mock.log.requests == 1
    assert Judged(pair, first, second).points == 0.5


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_is_charged_once(tmp_path: Path) -> None:
    """SIGKILL at whatever moment; the endpoint fails in three of ten requests, and honours what is repeated."""
    builds = [str(asked(tmp_path / name, name)) for name in ("ab", "abcd", "abcdefgh")]
    mock = mock_captioner(
        random_faults(0.3, seed=3), latency=0.02, retry_after="0.05", honour_idempotency=True, answers=longer
    )
    out = tmp_path / "out"
    with mock.running() as url:
        command = [sys.executable, "-m", "emocap", "rank", *builds, "--by", "openai:seer", "--out", str(out)]
        command += ["--pairs", "48", "--ask", f"endpoints=[{{base_url: '{url}', concurrency: 4}}]"]
        command += [part for setting in ("deadline=0.5", "patience=60") for part in ("--ask", setting)]
        for wanted in (20, 60):
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while mock.log.requests < wanted and running.poll() is None:
                time.sleep(0.01)
            running.send_signal(signal.SIGKILL)
            assert running.wait() == -signal.SIGKILL
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        before = mock.log.requests
        again = subprocess.run(command, capture_output=True, text=True, check=True)
        assert mock.log.requests == before
    assert again.stdout.replace("\r", "") == done.stdout
    result = json.loads((out / "ranking.json").read_text())
    assert result["pairs"]["judged"] == 48
    assert len((out / "pairs.jsonl").read_text().splitlines()) == 48
    paid = Counter(seen.headers["idempotency-key"] for seen in mock.seen if seen.fault not in UNPAID)
    assert sum(one.charged for one in mock.log.pictures.values()) == len(paid)
    assert set(UNPAID) < set(FAULTS)
    accepted = Counter(
        (row["key"], row["request"])
        for path in (out / "replies").rglob("*.jsonl")
        for row in map(json.loads, path.read_text().splitlines())
        if row["verdict"] == "accepted"
    )
    assert set(accepted.values()) == {1}
