from collections.abc import Iterator
from pathlib import Path

import pytest

from emocap.dataset.crashes import CrashWatch, Read
from emocap.dataset.readers.base import Input
from emocap.schema.shards import Reject

INPUTS = [Input(f"{number}.jpg", 0, "picture", 9) for number in range(4)]


class Killed(BaseException):
    """Stands for a death of the process: nothing after it runs."""


def read(item: Input) -> Iterator[Read]:
    if item.path == "2.jpg":
        raise Killed
    yield Reject("test", "read", "", item.path)


def attempt(path: Path, run: str) -> tuple[list[str], bool]:
    """What a worker gets out of the block, and whether it was careful."""
    got: list[str] = []
    careful = False
    try:
        with CrashWatch(path, run) as watch:
            careful = watch.careful
            got = []
            for _, item in watch.over(INPUTS, read):
                assert isinstance(item, Reject)
                got.append(f"{item.reason} {item.source}")
    except Killed:
        return ["killed"], careful
    return got, careful


def test_an_input_that_kills_its_worker_again_and_again_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "watch"
    assert [attempt(path, "run") for _ in range(4)] == [(["killed"], False)] + 3 * [(["killed"], True)]
    assert attempt(path, "run") == (["read 0.jpg", "read 1.jpg", "crashed 2.jpg", "read 3.jpg"], True)
    assert not path.exists()


def test_another_run_blames_no_input(tmp_path: Path) -> None:
    path = tmp_path / "watch"
    for run in range(10):
        assert attempt(path, str(run)) == (["killed"], False)


def test_a_block_that_ends_leaves_nothing(tmp_path: Path) -> None:
    with CrashWatch(tmp_path / "watch", "run") as watch:
        assert not watch.careful
        assert [item.path for item, _ in watch.over(INPUTS[:2], read)] == ["0.jpg", "1.jpg"]
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_not_a_death_but_is_remembered_like_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"), CrashWatch(tmp_path / "watch", "run"):
        raise OSError("disk full")
    with CrashWatch(tmp_path / "watch", "run") as watch:
        assert watch.careful
