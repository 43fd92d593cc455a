"""Captions asked of an endpoint that fails in every way: none is lost, none is paid for twice, all limits are kept."""

import json
import logging
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from emocap.captioning.base import NoCaption
from emocap.captioning.captioners.openai import OpenAICaptioner
from emocap.captioning.mock_server import mock_captioner
from emocap.core.errors import UserError
from emocap.llm.budget import BudgetSpent
from emocap.llm.endpoints import Endpoint
from emocap.llm.mock_server import FAULTS, MockServer, picture_name, random_faults
from emocap.llm.reply_log import ACCEPTED, read_usage
from emocap.schema.captions import lint
from tests.support.mocking import captioner, faces, ledger, reasons, recipe

CONTENT = {
    "cut": "cut",
    "whitespace": "cut",
    "refusal": "refused",
    "schema": "wrong_schema",
    "identity": "lint",
    "empty": "empty",
    "invalid": "not_json",
}
TRANSPORT = ("busy", "broken", "stall", "reset", "html")
PRICE = {"prompt": 1.0, "completion": 2.0}


@contextmanager
def asking(mock: MockServer, folder: Path, **changes: Any) -> Iterator[OpenAICaptioner]:
    with mock.running() as url, closing(captioner(recipe(url, **changes), folder)) as made:
        yield made


def test_every_fault_is_known_here() -> None:
    assert set(FAULTS) == {*CONTENT, *TRANSPORT}


def test_captions_come_in_the_order_of_the_faces_and_say_how_they_were_made(tmp_path: Path) -> None:
    mock = mock_captioner()
    with asking(mock, tmp_path, price=PRICE) as made:
        outcomes = made.caption(faces(9), "one")
        again = made.caption(faces(9), "two")
        usage = made.usage()
    assert outcomes == again
    assert len({str(outcome) for outcome in outcomes}) == 9
    for outcome, reply in zip(outcomes, sorted(ledger(tmp_path)[:9], key=lambda one: one.key), strict=True):
        assert not isinstance(outcome, NoCaption)
        text, how = outcome
        assert lint(text) == []
        assert json.loads(reply.text) == text.model_dump(by_alias=True, mode="json")
        assert (how.backend, how.model, how.prompt) == ("openai", "tiny", "emocap-1")
        assert (how.prompt_tokens, how.completion_tokens) == (reply.prompt_tokens, reply.completion_tokens)
        assert reply.cost == pytest.approx((reply.prompt_tokens + 2 * reply.completion_tokens) / 1e6)
    assert (usage.requests, usage.replies, usage.accepted, usage.retries, usage.in_flight) == (18, 18, 18, 0, 0)
    assert read_usage(tmp_path) == usage
    assert usage.completion_tokens == mock.log.completion_tokens


def test_a_request_holds_picture_prompt_and_schema(tmp_path: Path) -> None:
    mock = mock_captioner()
    with asking(mock, tmp_path, temperature=0.5, max_tokens=77, key="TOKEN") as made:
        made.caption(faces(1), "one")
    asked, headers = mock.seen[0].body, mock.seen[0].headers
    text, picture = asked["messages"][0]["content"]
    assert "{fields}" not in text["text"]
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("tiny", 0.5, 77)
    assert headers["authorization"] == "Bearer a-secret"
    assert not any(b"a-secret" in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(("structured", "sent"), [("json_object", {"type": "json_object"}), ("none", None)])
def test_servers_without_schemas_are_asked_without(tmp_path: Path, structured: str, sent: object) -> None:
    mock = mock_captioner()
    with asking(mock, tmp_path, structured=structured) as made:
        made.caption(faces(1), "one")
    assert mock.seen[0].body.get("response_format") == sent
    assert "authorization" not in mock.seen[0].headers


@pytest.mark.parametrize("fault", CONTENT)
def test_a_reply_that_cannot_be_used_is_asked_for_again_and_then_rejected(tmp_path: Path, fault: str) -> None:
    mock = mock_captioner(lambda number: fault)
    with asking(mock, tmp_path, asks=2, max_tokens=500) as made:
        outcomes = made.caption(faces(3), "one")
        assert made.caption(faces(3), "one") == outcomes
    assert reasons(outcomes) == {CONTENT[fault]: 3}
    assert mock.log.requests == 6
    assert [reply.ask for reply in ledger(tmp_path)].count(2) == 3
    for outcome in outcomes:
        assert isinstance(outcome, NoCaption)
        assert outcome.detail
        assert outcome.text in {reply.text for reply in ledger(tmp_path)}


def test_the_model_is_told_what_was_wrong_with_its_last_reply(tmp_path: Path) -> None:
    mock = mock_captioner(lambda number: "identity" if number == 0 else None)
    with asking(mock, tmp_path) as made:
        assert reasons(made.caption(faces(1), "one")) == {"captioned": 1}
    first, second = mock.seen
    assert [message["role"] for message in second.body["messages"]] == ["user", "assistant", "user"]
    assert second.body["messages"][0] == first.body["messages"][0]
    assert "famous" in second.body["messages"][1]["content"]
    assert "a claim about who the person is: 'famous'" in second.body["messages"][2]["content"]
    assert first.headers["idempotency-key"].removesuffix("-1") == second.headers["idempotency-key"].removesuffix("-2")


@pytest.mark.parametrize("fault", TRANSPORT)
def test_a_failure_is_tried_again_as_the_same_request(tmp_path: Path, fault: str) -> None:
    mock = mock_captioner(lambda number: fault if number == 0 else None, retry_after="0.05")
    with asking(mock, tmp_path, deadline=2.0) as made:
        assert reasons(made.caption(faces(1), "one")) == {"captioned": 1}
    assert len(ledger(tmp_path)) == 1
    assert len(mock.seen) >= 2
    assert len({seen.headers["idempotency-key"] for seen in mock.seen}) == 1
    assert len({json.dumps(seen.body) for seen in mock.seen}) == 1


def test_a_kept_connection_that_was_closed_in_the_meantime_is_no_failure(tmp_path: Path) -> None:
    mock = mock_captioner(lambda number: "reset" if number in (3, 7) else None)
    with asking(mock, tmp_path, concurrency=1) as made:
        assert reasons(made.caption(faces(9), "one")) == {"captioned": 9}
        assert made.usage().retries == 0
    assert mock.log.requests == 11


@pytest.mark.parametrize("fault", ["broken", "html"])
def test_a_face_at_which_the_server_breaks_is_given_up(tmp_path: Path, fault: str) -> None:
    mock = mock_captioner(lambda number: fault)
    with asking(mock, tmp_path, tries=3) as made:
        outcomes = made.caption(faces(2), "one")
    assert reasons(outcomes) == {"endpoint_failed": 2}
    assert mock.log.requests == 6
    assert ledger(tmp_path) == []


@pytest.mark.parametrize("fault", ["busy", "stall", "reset"])
def test_silence_stops_the_build_and_loses_no_face(tmp_path: Path, fault: str) -> None:
    mock = mock_captioner(lambda number: fault, retry_after="0.1")
    with (
        asking(mock, tmp_path, tries=2, deadline=0.2, patience=0.6) as made,
        pytest.raises(UserError, match=r"no endpoint has replied for 0\.6 s .*goes on from here"),
    ):
        made.caption(faces(5), "one")
    with asking(mock_captioner(), tmp_path) as made:
        assert reasons(made.caption(faces(5), "one")) == {"captioned": 5}


def test_in_a_storm_every_face_is_captioned_or_rejected_with_its_reason(tmp_path: Path) -> None:
    mock = mock_captioner(random_faults(0.3, seed=5), latency=0.01, retry_after="0.05")
    with asking(mock, tmp_path, deadline=1.5, asks=2, concurrency=12) as made:
        outcomes = made.caption(faces(60), "one")
        usage = made.usage()
    told = reasons(outcomes)
    assert sum(told.values()) == 60
    assert set(told) <= {"captioned", *CONTENT.values()}
    assert told["captioned"] > 40
    replies = ledger(tmp_path)
    accepted = Counter(reply.key for reply in replies if reply.verdict == ACCEPTED)
    assert sum(accepted.values()) == told["captioned"] == usage.accepted
    assert set(accepted.values()) == {1}
    for sample, outcome in zip(faces(60), outcomes, strict=True):
        mine = [reply for reply in replies if reply.key == sample.record.key]
        assert [reply.ask for reply in mine] == list(range(1, len(mine) + 1))
        assert mine[-1].verdict == (outcome.reason if isinstance(outcome, NoCaption) else ACCEPTED)
        assert all(reply.verdict != ACCEPTED for reply in mine[:-1])


def test_what_is_in_the_ledger_is_not_asked_for_again(tmp_path: Path) -> None:
    mock = mock_captioner(lambda number: "cut" if number == 2 else None)
    with asking(mock, tmp_path, concurrency=1, asks=1) as made:
        before = made.caption(faces(4), "one")
    with asking(mock, tmp_path, concurrency=1, asks=1) as made:
        assert made.caption(faces(6), "one")[:4] == before
        assert made.usage().replies == 6
    assert mock.log.requests == 6


def test_another_prompt_or_model_asks_anew(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Describe the face.\n{fields}")
    mock = mock_captioner()
    for change in ({}, {"model": "other"}, {"prompt": str(tmp_path / "mine.txt")}, {"temperature": 1.0}, {}):
        with asking(mock, tmp_path / "replies", **change) as made:
            made.caption(faces(2), "one")
    assert mock.log.requests == 8


def test_half_a_line_is_cut_off_and_its_face_is_asked_for_again(tmp_path: Path) -> None:
    mock = mock_captioner()
    with asking(mock, tmp_path, concurrency=1) as made:
        before = made.caption(faces(3), "one")
    path = tmp_path / "one.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with asking(mock, tmp_path, concurrency=1) as made:
        assert made.usage().replies == 2
        assert made.caption(faces(3), "one") == before
    assert mock.log.requests == 4
    assert [reply.key for reply in ledger(tmp_path)] == ["face-0", "face-1", "face-2"]


def test_a_busy_endpoint_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    mock = mock_captioner(lambda number: "busy" if number in (1, 4) else None, retry_after="0.3")
    with asking(mock, tmp_path, concurrency=1) as made:
        assert reasons(made.caption(faces(6), "one")) == {"captioned": 6}
    times = [seen.at for seen in mock.seen]
    assert len(times) == 8
    assert min(times[2] - times[1], times[5] - times[4]) >= 0.3


def test_threads_share_the_limits_of_an_endpoint(tmp_path: Path) -> None:
    mock = mock_captioner(latency=0.02)
    done: dict[int, Counter[str]] = {}
    with asking(mock, tmp_path, concurrency=3) as made:

        def work(number: int) -> None:
            done[number] = reasons(made.caption(faces(8, first=8 * number), f"shard-{number}"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert done == {number: Counter(captioned=8) for number in range(4)}
    assert mock.log.most_at_once <= 3
    assert {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()} == {
        f"shard-{number}.jsonl": 8 for number in range(4)
    }


def test_requests_keep_to_their_number_per_minute(tmp_path: Path) -> None:
    mock = mock_captioner()
    with asking(mock, tmp_path, requests_per_minute=1200) as made:
        begun = time.monotonic()
        made.caption(faces(10), "one")
    for number, seen in enumerate(mock.seen):
        assert seen.at - begun >= number * 60 / 1200


def test_the_budget_is_never_exceeded_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    mock = mock_captioner(latency=0.01)
    with (
        asking(mock, tmp_path, price=PRICE, budget=0.03) as made,
        pytest.raises(BudgetSpent, match=r"faces of one are left: 0\.02\d+ of .* is spent.*raise captioner\.budget"),
    ):
        made.caption(faces(30), "one")
    first = read_usage(tmp_path)
    assert 0.02 < first.cost <= 0.03
    assert first.replies == mock.log.requests < 30
    with asking(mock, tmp_path, price=PRICE, budget=0.03) as made, pytest.raises(BudgetSpent):
        made.caption(faces(30), "one")
    assert read_usage(tmp_path) == first
    with asking(mock, tmp_path, price=PRICE, budget=1) as made:
        assert reasons(made.caption(faces(30), "one")) == {"captioned": 30}
    assert mock.log.requests == 30


def test_the_budget_counts_replies_that_could_not_be_used(tmp_path: Path) -> None:
    mock = mock_captioner(lambda number: "whitespace")
    with (
        asking(mock, tmp_path, price=PRICE, budget=0.02, max_tokens=800) as made,
        pytest.raises(BudgetSpent),
    ):
        made.caption(faces(30), "one")
    assert 0.015 < read_usage(tmp_path).cost <= 0.02


def test_tokens_that_are_not_counted_are_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), asking(mock_captioner(counts_tokens=False), tmp_path) as made:
        assert reasons(made.caption(faces(4), "one")) == {"captioned": 4}
    assert [record.getMessage() for record in caplog.records if "tokens" in record.getMessage()] == [
        f"{ledger(tmp_path)[0].endpoint} does not say how many tokens it took: they count as 0"
    ]


def test_a_dead_endpoint_leaves_its_faces_to_the_other(tmp_path: Path) -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        nowhere = f"http://127.0.0.1:{dead.getsockname()[1]}/v1"
        with mock_captioner(latency=0.01).running() as url:
            made = captioner(recipe(nowhere, url, tries=3, concurrency=4), tmp_path)
            with closing(made):
                assert reasons(made.caption(faces(40), "one")) == {"captioned": 40}
    assert {reply.endpoint for reply in ledger(tmp_path)} == {url}


def test_two_endpoints_share_the_faces(tmp_path: Path) -> None:
    with mock_captioner(latency=0.02).running() as one, mock_captioner(latency=0.02).running() as other:
        made = captioner(recipe(one, other, concurrency=2), tmp_path)
        with closing(made):
            assert reasons(made.caption(faces(40), "one")) == {"captioned": 40}
    shares = Counter(reply.endpoint for reply in ledger(tmp_path))
    assert set(shares) == {one, other}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("401", r"endpoint http\S+ does not let us in \(401: .*is TOKEN the right key\?"),
        ("403", r"does not let us in \(403: .*is TOKEN the right key\?"),
        ("404", r"serves no model 'tiny' .*/v1/models lists what it has"),
        ("402", r"wants to be paid first"),
        ("400", r"endpoint http\S+ takes no requests \(status 400: a mock failure\)"),
        ("422", r"endpoint http\S+ takes no requests \(status 422: a mock failure\)"),
    ],
)
def test_what_the_user_must_set_right_is_said(tmp_path: Path, status: str, told: str) -> None:
    with (
        asking(mock_captioner(lambda number: status), tmp_path, key="TOKEN") as made,
        pytest.raises(UserError, match=told) as raised,
    ):
        made.caption(faces(5), "one")
    assert "a-secret" not in str(raised.value)


@pytest.mark.parametrize("refused", [0, 3])
def test_one_picture_that_is_refused_is_rejected(tmp_path: Path, refused: int) -> None:
    mock = mock_captioner()
    bad = faces(1, first=refused)[0]
    answer = mock._respond

    async def picky(route: str, headers: Any, body: bytes) -> Any:
        response = await answer(route, headers, body)
        if mock.seen[-1].picture == picture_name(bad.jpeg):
            return await answer("POST /v1/chat/completions", headers, b'{"messages": []}')
        return response

    mock._respond = picky  # type: ignore[method-assign]
    with asking(mock, tmp_path, concurrency=1) as made:
        outcomes = made.caption(faces(5), "one")
    assert reasons(outcomes) == {"captioned": 4, "bad_request": 1}
    assert isinstance(outcomes[refused], NoCaption)


def test_one_picture_that_is_refused_is_rejected_even_if_it_is_all_that_was_left(tmp_path: Path) -> None:
    status: list[str | None] = [None]
    with mock_captioner(lambda number: status[0]).running() as url:
        with closing(captioner(recipe(url), tmp_path)) as made:
            made.caption(faces(3), "one")
        status[0] = "400"
        with closing(captioner(recipe(url), tmp_path)) as made:
            assert reasons(made.caption(faces(4), "one")) == {"captioned": 3, "bad_request": 1}


def test_a_server_that_begins_to_refuse_everything_stops_the_build(tmp_path: Path) -> None:
    mock = mock_captioner(lambda number: "400" if number >= 10 else None)
    with asking(mock, tmp_path, concurrency=1) as made, pytest.raises(UserError, match="takes no requests"):
        made.caption(faces(200), "one")
    assert mock.log.requests == 60


def test_a_defect_does_not_leave_callers_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "begin", lambda *arguments: 1 / 0)
    with asking(mock_captioner(), tmp_path) as made, pytest.raises(ZeroDivisionError):
        made.caption(faces(3), "one")


def test_a_closed_captioner_lets_go_of_those_who_wait(tmp_path: Path) -> None:
    raised: list[BaseException] = []
    with mock_captioner(latency=60).running() as url:
        made = captioner(recipe(url), tmp_path)

        def work() -> None:
            try:
                made.caption(faces(2), "one")
            except UserError as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while made.usage().in_flight < 2:
            time.sleep(0.01)
        made.close()
        thread.join()
    assert "was closed" in str(raised[0])


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.support.mocking import captioner, faces, recipe
made = captioner(recipe({url!r}, concurrency=6), Path({folder!r}))
made.caption(faces(40), "one")
"""


@pytest.mark.parametrize("honours", [True, False])
def test_a_build_that_is_killed_again_and_again_pays_for_no_face_twice(tmp_path: Path, honours: bool) -> None:
    mock = mock_captioner(random_faults(0.1, seed=3), latency=0.03, retry_after="0.01", honour_idempotency=honours)
    chance = random.Random(honours)
    lines = 0
    with mock.running() as url:
        program = RUN.format(tests=str(Path(__file__).parents[3]), url=url, folder=str(tmp_path / "replies"))
        for _ in range(3):
            run = subprocess.Popen([sys.executable, "-c", program])
            target = lines + chance.randint(3, 9)
            while run.poll() is None and (lines := count_lines(tmp_path / "replies")) < target:
                time.sleep(0.005)
            run.send_signal(signal.SIGKILL)
            run.wait()
            paid = Counter(reply.key for reply in ledger(tmp_path / "replies") if reply.verdict == ACCEPTED)
            asked = {seen.picture for seen in mock.seen}
            settled = {picture_name(one.jpeg) for one in faces(40) if one.record.key in paid}
            assert settled <= asked
            before = {picture: mock.log.pictures[picture].requests for picture in settled}
            with closing(captioner(recipe(url, concurrency=6), tmp_path / "replies")) as made:
                made.caption([one for one in faces(40) if one.record.key in paid], "one")
            assert {picture: mock.log.pictures[picture].requests for picture in settled} == before
        with closing(captioner(recipe(url, concurrency=6), tmp_path / "replies")) as made:
            outcomes = made.caption(faces(40), "one")
    assert sum(reasons(outcomes).values()) == 40
    assert set(Counter(r.key for r in ledger(tmp_path / "replies") if r.verdict == ACCEPTED).values()) == {1}
    if honours:
        assert max(picture.captions_charged for picture in mock.log.pictures.values()) == 1


def count_lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl"))
