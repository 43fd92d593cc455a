import glob
import io
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import fs

from emocap.core.errors import UserError
from emocap.dataset.labels import LabelTable
from emocap.dataset.readers.base import Frame, Input
from emocap.dataset.recipe import SourceRecipe
from emocap.dataset.sources import list_inputs, read_input
from emocap.io import storage
from emocap.io.storage import Place, place
from emocap.schema.shards import Reject

part = st.text("ab-.é", min_size=1, max_size=3).filter(lambda name: name.strip(".") and not name.startswith("."))
paths = st.lists(st.lists(part, min_size=1, max_size=3).map("/".join), min_size=1, max_size=12)
patterns = st.lists(st.sampled_from(["**", "*", "a*", "?", "[ab]*", "b", "*-*"]), min_size=1, max_size=4)


@given(paths, patterns)
@settings(max_examples=60, deadline=None)
def test_folders_and_globs_find_what_the_standard_library_finds(names: list[str], pattern: list[str]) -> None:
    with tempfile.TemporaryDirectory() as root:
        for name in names:
            path = Path(root) / name
            if not any(parent.is_file() for parent in path.parents) and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x")
        every = [found.path for found in place(root).files()]
        assert every == [str(path) for path in sorted(Path(root).rglob("*")) if path.is_file()]
        wanted = f"{root}/{'/'.join(pattern)}"
        if glob.has_magic(wanted):
            some = {Path(path) for path in glob.glob(wanted, recursive=True) if Path(path).is_file()}
            assert [Path(found.path) for found in place(wanted).files()] == sorted(some)


def test_links_to_folders_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "real/deep").mkdir(parents=True)
    (tmp_path / "real/deep/a.png").write_bytes(b"x")
    (tmp_path / "real/deep/up").symlink_to(tmp_path / "real")
    (tmp_path / "start").mkdir()
    (tmp_path / "start/link").symlink_to(tmp_path / "real")
    found = [Path(file.path).relative_to(tmp_path).as_posix() for file in place(str(tmp_path / "start")).files()]
    assert found == ["start/link/deep/a.png"]


def test_pipes_are_passed_over_and_names_that_are_not_utf8_are_spelt_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"x")
    assert [file.path for file in place(str(tmp_path)).files()] == [f"{tmp_path}/\\xff.jpg"]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "holiday [2019]").mkdir()
    (tmp_path / "holiday [2019]/a.png").write_bytes(b"x")
    where = place(f"{tmp_path}/holiday [2019]")
    (found,) = where.files()
    assert where.below(found.path) == "a.png"


@pytest.mark.parametrize(
    ("uri", "told"),
    [("nonsense://a/b", "nonsense:// cannot be used: .*nonsense"), ("dropbox://a", "dropbox.*install")],
)
def test_a_file_system_that_is_not_to_be_had_is_told(uri: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        place(uri)


def test_what_a_uri_tells_in_confidence_is_no_part_of_a_path() -> None:
    where = place("s3://key:secret@bucket/photos/**/a b*.png?region=eu-west-1&scheme=http")
    assert where.path == "s3://bucket/photos/**/a b*.png"
    assert where.below("s3://bucket/photos/x/a b1.png") == "x/a b1.png"


def mixed(folder: Path) -> None:
    """A folder with something of every kind, and its labels."""
    folder.mkdir()
    (folder / "deep").mkdir()
    for number, name in enumerate(["a b.png", "deep/[c].png", "deep/é#1.png"]):
        Image.fromarray(np.full((8, 8, 3), 40 * number, dtype=np.uint8)).save(folder / name)
    with tarfile.open(folder / "deep/t.tar", "w") as archive:
        archive.add(folder / "a b.png", "1.png")
        archive.add(folder / "deep/[c].png", "2.png")
    pq.write_table(pa.table({"image": [(folder / "a b.png").read_bytes()]}), folder / "p.parquet")
    (folder / "labels.csv").write_text("path,emotion\ndeep/[c].png,fear\n2.png,anger\n0,disgust\nz.mkv,joy\n")


def everything(source: SourceRecipe, tmp_path: Path) -> list[tuple[str, str, int, int, list[str | None]]]:
    """All that is read of a source, in order: path below it, hash, time, sum of pixels and emotions."""
    table = LabelTable.write(source, tmp_path / "labels.sqlite")
    rows = []
    for item in list_inputs([source]):
        for one in read_input(item, source, table, 10**8):
            assert isinstance(one, Frame), one
            name = one.source.path.removeprefix(place(str(source.path)).path).lstrip("/")
            emotions = [known.labels.emotion for known in one.known]
            rows.append((name, one.source.sha256, one.source.time_ms, int(one.image.sum()), emotions))
    return rows


def test_a_memory_file_system_reads_like_a_disk(tmp_path: Path) -> None:
    mixed(tmp_path / "mixed")
    memory = fsspec.filesystem("memory")
    memory.put(f"{tmp_path}/mixed", "/emocap-test", recursive=True)
    local = SourceRecipe(path=f"{tmp_path}/mixed", labels=f"{tmp_path}/mixed/labels.csv")
    remote = SourceRecipe(path="memory://emocap-test", labels="memory://emocap-test/labels.csv")
    assert everything(remote, tmp_path) == everything(local, tmp_path)
    assert next(list_inputs([remote])).path == "memory://emocap-test/a b.png"
    memory.rm("/emocap-test", recursive=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an S3 server on this machine, host:port; skips where it cannot be had.

    uv runs it in an environment of its own: it wants other versions of packages than the tests do.
    """
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is absent")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(uv), "tool", "run", "--python", sys.executable, "--from", "moto[server]>=5", "moto_server"]
    with (tmp_path_factory.mktemp("s3") / "log").open("w+") as log:
        server = subprocess.Popen([*command, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 120
            while server.poll() is None and time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            else:
                log.seek(0)
                pytest.skip(f"moto did not start: {log.read()[-300:]}")
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Callable[[str], Path]) -> str:
    """A bucket that holds a copy of ``mixed``, and a real clip; its name."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "at all")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    mixed(tmp_path / "mixed")
    (tmp_path / "mixed/z.mkv").write_bytes(shared("data/videos/intel/again.mkv").read_bytes())
    server = fs.S3FileSystem(endpoint_override=s3, scheme="http", allow_bucket_creation=True)
    server.create_dir("emocap-test")
    fs.copy_files(f"{tmp_path}/mixed", "emocap-test/mixed", destination_filesystem=server)
    return "emocap-test"


def test_s3_reads_like_a_disk(bucket: str, s3: str, tmp_path: Path) -> None:
    at = f"?endpoint_override={s3}&scheme=http"
    local = SourceRecipe(path=f"{tmp_path}/mixed", labels=f"{tmp_path}/mixed/labels.csv")
    remote = SourceRecipe(path=f"s3://{bucket}/mixed{at}", labels=f"s3://{bucket}/mixed/labels.csv{at}")
    rows = everything(remote, tmp_path)
    assert rows == everything(local, tmp_path)
    assert [(row[0], row[4]) for row in rows] == [
        ("a b.png", []),
        ("deep/[c].png", ["fear"]),
        ("deep/t.tar::1.png", []),
        ("deep/t.tar::2.png", ["anger"]),
        ("deep/é#1.png", []),
        ("p.parquet::0", ["disgust"]),
        ("z.mkv", ["joy"]),
        ("z.mkv", ["joy"]),
        ("z.mkv", ["joy"]),
    ]


def test_s3_has_globs_and_single_files(bucket: str, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{s3}")
    place.cache_clear()
    found = [item.path for item in list_inputs([SourceRecipe(path=f"s3://{bucket}/**/*.png")])]
    assert found == [f"s3://{bucket}/mixed/{name}" for name in ("a b.png", "deep/[c].png", "deep/é#1.png")]
    (item,) = list_inputs([SourceRecipe(path=f"s3://{bucket}/mixed/a b.png")])
    assert (item.kind, item.bytes > 0) == ("picture", True)
    for nothing in (f"s3://{bucket}/nothing", "s3://emocap-nobucket/a.png"):
        with pytest.raises(UserError, match=r"there is no|cannot be listed"):
            list_inputs([SourceRecipe(path=nothing)])
    place.cache_clear()


def test_what_is_gone_from_s3_costs_itself_only(bucket: str, s3: str, tmp_path: Path) -> None:
    source = SourceRecipe(path=f"s3://{bucket}/mixed?endpoint_override={s3}&scheme=http")
    gone = ["gone.png", "gone.mkv", "gone.tar", "gone.parquet"]
    assert unreadable(source, f"s3://{bucket}/mixed", gone, tmp_path) == gone


def unreadable(source: SourceRecipe, folder: str, names: list[str], tmp_path: Path) -> list[str]:
    """Those of some files in a folder of which all that comes out is that they are unreadable."""
    table = LabelTable.write(source, tmp_path / "labels.sqlite")
    kinds: dict[str, str] = {"png": "picture", "mkv": "video", "tar": "tar", "parquet": "parquet"}
    found = []
    for name in names:
        item = Input(f"{folder}/{name}", 0, kinds[name.partition(".")[2]], 9)
        (reject,) = read_input(item, source, table, 10**6)
        if isinstance(reject, Reject) and (reject.reason, reject.source) == ("unreadable", item.path):
            found.append(name)
    return found


class Shaky:
    """A file system over which every third call fails."""

    def __init__(self, content: bytes) -> None:
        self.content, self.calls = content, 0

    def open_input_file(self, path: str) -> "Shaky":
        self._perhaps()
        self.file = io.BytesIO(self.content)
        return self

    def size(self) -> int:
        return len(self.content)

    def seek(self, at: int) -> None:
        self.file.seek(at)

    def read(self, size: int) -> bytes:
        self._perhaps()
        return self.file.read(min(size, 70_000))  # as sockets do, it may give less than was asked for

    def close(self) -> None:
        self.file.close()

    def _perhaps(self) -> None:
        self.calls += 1
        if self.calls % 3 == 0:
            raise RuntimeError("connection reset")


def test_a_network_that_fails_now_and_then_loses_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_WAITS", (0.0, 0.0))
    content = np.random.default_rng(0).bytes(3_000_000)
    shaky = Shaky(content)
    with Place(shaky, "shaky://", "x").open("shaky://x/y") as file:
        assert file.read(10) == content[:10]
        file.seek(-5, os.SEEK_END)
        assert file.read() == content[-5:]
        file.seek(0)
        assert b"".join(iter(lambda: file.read(1 << 20), b"")) == content
    assert shaky.calls > 30


def test_a_network_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Dead:
        def open_input_file(self, path: str) -> None:
            raise OSError("no route to host")

    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(storage, "_connect", lambda uri, plain: (Dead(), "photos"))
    names = ["a.png", "b.mkv", "c.tar", "d.parquet"]
    assert unreadable(SourceRecipe(path="dead://photos"), "dead://photos", names, tmp_path) == names
    assert waits == [0.5, 2.0, 8.0] * 4
