"""The mock server itself."""

import json
import math
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from emocap.captioning.mock_server import caption, mock_captioner
from emocap.captioning.prompt import load_prompt
from emocap.captioning.replies import Question, judge
from emocap.llm.mock_server import FAULTS, picture_name, random_faults
from tests.support.mocking import faces, recipe


def get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=30) as reply:
        return json.load(reply)


def ask(url: str, jpeg: bytes, **headers: str) -> Any:
    messages = Question(recipe(url), load_prompt("emocap-1")).messages(jpeg, None)
    body = json.dumps({"model": "tiny", "messages": messages}).encode()
    return get_json(urllib.request.Request(f"{url}/chat/completions", body, headers))


def get_json(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def test_a_picture_always_gets_the_same_caption_and_it_is_fit_to_train_on() -> None:
    captions = [caption(picture_name(bytes([number]))) for number in range(200)]
    assert len(set(captions)) == 200
    assert {judge(text, "stop", None)[0] for text in captions} == {"accepted"}
    with mock_captioner().running() as one, mock_captioner().running() as other:
        jpeg = faces(1)[0].jpeg
        texts = {ask(url, jpeg)["choices"][0]["message"]["content"] for url in (one, other, one)}
    assert texts == {caption(picture_name(jpeg))}


def test_faults_are_drawn_by_seed_and_number() -> None:
    plan = [random_faults(0.3, seed=1)(number) for number in range(2000)]
    assert plan == [random_faults(0.3, seed=1)(number) for number in range(2000)]
    assert plan != [random_faults(0.3, seed=2)(number) for number in range(2000)]
    assert set(plan) == {None, *FAULTS}
    assert 0.25 < sum(fault is not None for fault in plan) / 2000 < 0.35


@pytest.mark.parametrize("honours", [True, False])
def test_a_repeated_request_is_charged_once_where_keys_are_honoured(honours: bool) -> None:
    mock = mock_captioner(lambda number: "empty" if number == 0 else None, honour_idempotency=honours)
    jpeg = faces(1)[0].jpeg
    with mock.running() as url:
        replies = [ask(url, jpeg, **{"Idempotency-Key": key}) for key in ("a", "a", "b")]
        log = get(url.removesuffix("/v1") + "/log")
    texts = [reply["choices"][0]["message"]["content"] for reply in replies]
    assert texts == (["", "", caption(picture_name(jpeg))] if honours else ["", *[caption(picture_name(jpeg))] * 2])
    told = log["pictures"][picture_name(jpeg)]
    assert told["requests"] == 3
    assert told["charged"] == (2 if honours else 3)
    assert told["captions_charged"] == told["answered"] == (1 if honours else 2)
    assert log["completion_tokens"] > 100


def test_a_request_of_nothing_or_to_another_address_is_refused() -> None:
    with mock_captioner().running() as url:
        assert get(f"{url}/models")["data"][0]["object"] == "model"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{url}/embeddings")
        body = json.dumps({"messages": [{"role": "user", "content": ""}]}).encode()
        with pytest.raises(urllib.error.HTTPError, match="400"):
            get_json(urllib.request.Request(f"{url}/chat/completions", body))


def test_a_question_with_options_gets_one_of_them_and_may_get_the_odds_of_its_first_word() -> None:
    question = {"role": "user", "content": "Is it real?\nA. Real\nB. Fake"}
    with mock_captioner().running() as url:
        asked = json.dumps({"messages": [question], "logprobs": True, "top_logprobs": 5}).encode()
        choice = get_json(urllib.request.Request(f"{url}/chat/completions", asked))["choices"][0]
    assert choice["message"]["content"] in ("A. Real", "B. Fake")
    told = {one["token"]: math.exp(one["logprob"]) for one in choice["logprobs"]["content"][0]["top_logprobs"]}
    assert told["Real"] + told["Fake"] == pytest.approx(0.99)


def test_it_runs_as_a_program_and_says_where() -> None:
    command = [sys.executable, "-m", "emocap", "mock-server", "--port", "0", "--latency", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert ask(url, faces(1)[0].jpeg)["choices"][0]["finish_reason"] == "stop"
        finally:
            server.terminate()
