"""Replies on disk: whole lines only, and all of them."""

import asyncio
import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emocap.core.errors import UserError
from emocap.llm.reply_log import Ledger, Reply, Usage, read_replies, read_usage


def reply(number: int, verdict: str = "accepted", text: str = "{}") -> Reply:
    return Reply(
        key=f"face-{number}",
        request="ab",
        ask=1,
        verdict=verdict,
        endpoint="http://a",
        model="m",
        prompt_tokens=100,
        completion_tokens=number,
        cost=0.5,
        text=text,
    )


def write(path: Path, replies: list[Reply]) -> None:
    async def work() -> None:
        ledger = Ledger(path)
        await asyncio.gather(*(ledger.append(one) for one in replies))
        await ledger.close()

    asyncio.run(work())


def test_replies_come_back_as_they_were_and_later_ones_are_added(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    odd = [reply(number, text=text) for number, text in enumerate(["a\nb", "\u2028\x00é😀", "", '"\\'])]
    write(path, odd)
    write(path, [reply(9)])
    assert list(read_replies(path)) == [*odd, reply(9)]


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_half_a_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "one.jsonl"
    write(path, [reply(1), reply(2)])
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_replies(path)) == [reply(1)]
    write(path, [reply(3)])
    assert list(read_replies(path)) == [reply(1), reply(3)]


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=300_000))
def test_half_a_line_is_cut_off_however_long(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.jsonl"
        path.write_bytes(b"x" * size)
        write(path, [reply(1)])
        assert list(read_replies(path)) == [reply(1)]


def test_a_broken_line_elsewhere_is_named(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    write(path, [reply(1)])
    path.write_bytes(b"{nonsense\n" + path.read_bytes())
    with pytest.raises(UserError, match=r"one\.jsonl, line 1 is damaged"):
        list(read_replies(path))


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.jsonl"
    write(path, [reply(1)])
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        real(descriptor, bytes(data[:10]))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UserError, match=r"one\.jsonl cannot be written: No space left"):
        write(path, [reply(2)])
    monkeypatch.undo()
    write(path, [reply(3)])
    assert list(read_replies(path)) == [reply(1), reply(3)]


def test_one_sync_covers_all_replies_that_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    write(tmp_path / "one.jsonl", [reply(number) for number in range(500)])
    assert len(list(read_replies(tmp_path / "one.jsonl"))) == 500
    assert len(calls) < 10


def test_usage_adds_up_all_ledgers(tmp_path: Path) -> None:
    assert read_usage(tmp_path) == Usage()
    write(tmp_path / "one.jsonl", [reply(1), reply(2, "cut")])
    write(tmp_path / "two.jsonl", [reply(3)])
    assert read_usage(tmp_path) == Usage(
        requests=3, replies=3, accepted=2, prompt_tokens=300, completion_tokens=6, cost=1.5
    )


def test_a_reply_counts_only_once_it_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def work() -> None:
        ledger = Ledger(tmp_path / "one.jsonl")
        monkeypatch.setattr("emocap.llm.reply_log.os.fsync", fail)
        with pytest.raises(UserError, match="cannot be written: Input/output error"):
            await ledger.append(reply(1))
        monkeypatch.undo()
        await ledger.append(reply(2))
        await ledger.close()

    asyncio.run(work())
    assert list(read_replies(tmp_path / "one.jsonl")) == [reply(2)]
