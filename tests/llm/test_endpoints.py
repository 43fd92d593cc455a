"""The limits and the health of an endpoint, on a clock that the test moves."""

import asyncio
import email.utils
from collections.abc import Iterator

import pytest

from emocap.llm.endpoints import Endpoint, Failed, Pace, read_answer, retry_after
from tests.support.mocking import recipe


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Eight at a time, first wait 1 s."""

    async def make() -> Endpoint:
        return Endpoint(recipe("http://127.0.0.1:9/v1", concurrency=8).endpoints[0], "m", None, 5.0, 1.0, "captioner")

    made = asyncio.run(make())
    yield made
    asyncio.run(made.close())


def test_a_pace_spreads_a_minutes_share_evenly() -> None:
    pace, now, begun = Pace(120), 1000.0, []
    for _ in range(200):
        now += pace.wait(now)
        pace.take(now, 1)
        begun.append(now)
    assert begun[120] - begun[0] == pytest.approx(60)
    assert pace.wait(now + 500) == 0
    pace.take(now + 500, 1)  # time that went by unused is not saved up
    assert pace.wait(now + 500) == pytest.approx(0.5)


def test_tokens_that_were_not_used_come_back() -> None:
    pace = Pace(6000)
    pace.take(0.0, 500)
    assert pace.wait(0.0) == pytest.approx(5)
    pace.give_back(400)
    assert pace.wait(0.0) == pytest.approx(1)
    assert Pace(None).wait(0.0) == 0


def test_busy_pauses_all_of_an_endpoint_for_the_time_it_names(endpoint: Endpoint) -> None:
    endpoint.failed(Failed("status 429", busy=True, retry_after=20.0), sent=0.0, now=1.0)
    assert endpoint.wait(1.0) == pytest.approx(20)
    assert endpoint.wait(21.0) == 0
    endpoint.failed(Failed("status 429", busy=True, retry_after=2.0), sent=0.5, now=2.0)
    assert endpoint.wait(2.0) == pytest.approx(19), "the shorter wait must not end the longer one"


def test_one_failure_does_not_slow_an_endpoint_down(endpoint: Endpoint) -> None:
    endpoint.failed(Failed("no connection"), sent=0.0, now=1.0)
    assert endpoint.wait(1.0) == 0
    endpoint.begin(1.0, 0)
    assert not endpoint.full


def test_what_fails_together_counts_once_and_what_keeps_failing_is_tried_one_by_one(endpoint: Endpoint) -> None:
    for _ in range(8):
        endpoint.begin(0.0, 0)
    for number in range(8):
        endpoint.failed(Failed("no connection"), sent=0.0, now=1.0 + number)
        endpoint.end(0)
    assert endpoint.wait(10.0) == 0
    waits = []
    now = 10.0
    for _ in range(9):
        endpoint.begin(now, 0)
        endpoint.failed(Failed("no connection"), sent=now, now=now)
        endpoint.end(0)
        waits.append(endpoint.wait(now))
        now += waits[-1]
    for number, wait in enumerate(waits):
        assert 0.5 * min(60, 2 ** (number + 1)) <= wait <= min(60, 2 ** (number + 1))
    endpoint.begin(now, 0)
    assert endpoint.full
    endpoint.answered()
    assert not endpoint.full


def test_tokens_per_minute_hold_an_endpoint_back_by_what_was_really_used() -> None:
    async def work() -> None:
        limited = Endpoint(recipe("http://a", tokens_per_minute=60_000).endpoints[0], "m", None, 5.0, 1.0, "captioner")
        limited.begin(0.0, 2000)
        assert limited.wait(0.0) == pytest.approx(2)
        limited.end(unused_tokens=1500)
        assert limited.wait(0.0) == pytest.approx(0.5)
        await limited.close()

    asyncio.run(work())


@pytest.mark.parametrize(("value", "seconds"), [("7", 7), ("0.25", 0.25), ("-3", 0), ("", None), ("soon", None)])
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, 0.0) == seconds


def test_retry_after_as_a_date() -> None:
    now = 1_700_000_000.0
    header = {"retry-after": email.utils.formatdate(now + 90, usegmt=True)}
    assert retry_after(header, now) == pytest.approx(90, abs=1)
    assert retry_after(header, now + 1000) == 0
    assert retry_after({}, now) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "null",
        '{"error": {"message": "overloaded"}}',
        '{"choices": []}',
        '{"choices": [{"message": "hello"}]}',
        '{"choices": [{"message": {"content": "a"}, "finish_reason": "error"}]}',
    ],
)
def test_what_is_no_chat_completion_is_a_failure_of_an_endpoint_that_runs(body: str) -> None:
    with pytest.raises(Failed) as raised:
        read_answer(body)
    assert raised.value.present
    assert not raised.value.busy


def test_an_answer_needs_no_more_than_a_message() -> None:
    answer = read_answer('{"choices": [{"message": {"content": null}}], "usage": null}')
    assert (answer.text, answer.finish_reason, answer.prompt_tokens) == ("", None, None)


def test_words_that_cannot_come_have_no_odds() -> None:
    body = """{"choices": [{"message": {"content": "Real"}, "logprobs": {"content": [{"token": "Real", "logprob": -0.1,
        "top_logprobs": [{"token": "Real", "logprob": -0.1}, {"token": "Fake", "logprob": -Infinity}]}]}}]}"""
    assert read_answer(body).first_token == {"Real": -0.1}
    assert read_answer(body.replace("-0.1", "-Infinity")).first_token is None
