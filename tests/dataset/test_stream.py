"""What Ray Data is asked to do, with workers made for the purpose."""

import errno
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray import cloudpickle

from emocap.core.errors import UserError
from emocap.dataset import stream as streams
from emocap.dataset.recipe import StageRecipe
from emocap.dataset.stream import Row, stream

pytestmark = pytest.mark.usefixtures("ray_session")

# Ray's processes cannot import this file: its classes travel by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

Tell = Callable[[Counter[str]], None]


def rows(count: int) -> Iterator[Row]:
    return ({"number": number} for number in range(count))


class Square:
    def __init__(self, offset: int) -> None:
        self._offset = offset

    def __call__(self, row: Row, tell: Tell) -> dict[str, int]:
        tell(Counter(seen=1))
        return {"square": row["number"] ** 2 + self._offset}


def test_every_row_is_done_once_and_what_workers_tell_arrives() -> None:
    heard: list[dict[str, int]] = []
    done = list(stream(Square, (100,), rows(20), StageRecipe(), watch=heard.append))
    assert sorted(counts["square"] for counts in done) == sorted(n**2 + 100 for n in range(20))
    assert heard[-1] == {"seen": 20}


def test_no_rows_are_no_work() -> None:
    assert list(stream(Square, (0,), rows(0), StageRecipe())) == []


def test_rows_are_handed_over_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_ROWS_AT_A_TIME", 4)
    taken = []

    def watched() -> Iterator[Row]:
        for row in rows(10):
            taken.append(row)
            yield row

    results = stream(Square, (0,), watched(), StageRecipe(workers=1))
    next(results)
    assert len(taken) == 4
    assert len(list(results)) == 9


class DiesOnce:
    """Kills its own process at the first sight of row 3."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, row: Row, tell: Tell) -> dict[str, int]:
        mark = self._folder / "died"
        if row["number"] == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"number": row["number"]}


def test_what_a_killed_worker_had_in_hand_is_done_again(tmp_path: Path) -> None:
    done = list(stream(DiesOnce, (tmp_path,), rows(6), StageRecipe(workers=1)))
    assert sorted(counts["number"] for counts in done) == list(range(6))
    assert (tmp_path / "died").exists()


class Stops:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, row: Row, tell: Tell) -> dict[str, int]:
        (self._folder / f"begun {row['number']}").touch()
        if row["number"] == 0:
            while len(list(self._folder.glob("begun *"))) < 4:
                time.sleep(0.01)
            raise UserError("the purse is empty")
        if row["number"] < 4:
            time.sleep(1)  # in hand while the first one stops
        (self._folder / f"ended {row['number']}").touch()
        return {"number": row["number"]}


def test_what_the_user_must_change_is_told_once_rows_in_hand_have_ended(tmp_path: Path) -> None:
    results = stream(Stops, (tmp_path,), rows(8), StageRecipe(workers=1), threads=4)
    with pytest.raises(UserError, match=r"^the purse is empty$"):
        list(results)
    begun, ended = ({path.name[6:] for path in tmp_path.glob(f"{word} *")} for word in ("begun", "ended"))
    assert begun == ended | {"0"}
    assert len(begun) >= 4


class FullDisk:
    def __call__(self, row: Row, tell: Tell) -> dict[str, int]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full/faces-000000.tar")


def test_a_full_disk_is_told_and_no_defect() -> None:
    with pytest.raises(UserError, match=r"No space left on device: '/full/faces-000000.tar'.*the same command"):
        list(stream(FullDisk, (), rows(3), StageRecipe(workers=1)))


class CannotBegin:
    def __init__(self) -> None:
        raise UserError("there are no weights")

    def __call__(self, row: Row, tell: Tell) -> dict[str, int]:
        raise AssertionError


def test_a_worker_that_cannot_begin_says_why() -> None:
    with pytest.raises(UserError, match=r"^there are no weights$"):
        list(stream(CannotBegin, (), rows(3), StageRecipe()))
