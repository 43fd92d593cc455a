import hashlib
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emocap.core.errors import UserError
from emocap.encoders.feature_cache import Row, Store

KIND = "0" * 64


def rows(*names: str) -> dict[str, Row]:
    return {
        hashlib.sha256(name.encode()).hexdigest(): np.full(3, len(name) + index, dtype=np.float32)
        for index, name in enumerate(names)
    }


def same(one: dict[str, Row], other: dict[str, Row]) -> bool:
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


@pytest.mark.parametrize("on_disk", [True, False])
def test_rows_come_back_and_others_do_not(on_disk: bool, tmp_path: Path) -> None:
    folder = tmp_path / "cache" if on_disk else None
    store = Store(folder)
    first, second = rows("a", "bb"), rows("ccc")
    store.keep(KIND, first)
    store.keep(KIND, second)
    wanted = [*first, *second, "f" * 64]
    assert same(store.find(KIND, wanted), first | second)
    assert store.find("1" * 64, wanted) == {}
    assert same(Store(folder).find(KIND, wanted), first | second if on_disk else {})
    assert store.bytes(KIND) >= 3 * 3 * 4


def test_every_flipped_bit_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = rows("a", "bb")
    store = Store(tmp_path)
    store.keep(KIND, kept)
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    noticed = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        found = Store(tmp_path).find(KIND, list(kept))
        if found:  # a byte that says nothing, such as one of a date
            assert same(found, kept)
        else:
            noticed += 1
            assert not path.exists()
    assert noticed > 20
    assert "is damaged" in caplog.text
    path.write_bytes(whole[:200])
    assert store.find(KIND, list(kept)) == {}  # noticed by who has written it, too


def test_writers_at_once_do_no_harm(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom emocap.encoders.feature_cache import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(40):\n"
        "    store.keep('0' * 64, {f'{n:064x}': np.full(3, n, dtype=np.float32)})\n"
        "    assert store.find('0' * 64, [f'{n:064x}'])\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    found = Store(tmp_path).find(KIND, [f"{n:064x}" for n in range(40)])
    assert [found[f"{n:064x}"].tolist() for n in range(40)] == [[n, n, n] for n in range(40)]


def test_a_process_that_was_killed_leaves_what_it_has_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        "import os, signal, sys, numpy as np\nfrom pathlib import Path\n"
        "from emocap.encoders import feature_cache as store\n"
        "def die(file, **arrays):\n"
        "    file.write(b'PK')\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "here = store.Store(Path(sys.argv[1]))\n"
        "here.keep('0' * 64, {'a' * 64: np.ones(3, dtype=np.float32)})\n"
        "np.savez = die\n"
        "here.keep('0' * 64, {'b' * 64: np.ones(3, dtype=np.float32)})\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    with caplog.at_level(logging.WARNING):
        assert list(Store(tmp_path).find(KIND, ["a" * 64, "b" * 64])) == ["a" * 64]
    assert not caplog.records


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cache: .* cannot be written .*cache=false"):
        Store(tmp_path / "file").keep(KIND, rows("a"))
