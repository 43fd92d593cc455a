import contextlib
import http.server
import io
import json
import pickle
import shutil
import tarfile
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from emocap.core.errors import UserError
from emocap.methods.clip.datasets import open_dataset
from emocap.methods.clip.loader import find_shards
from emocap.methods.clip.recipe import DataRecipe
from emocap.methods.clip.webdatasets import bring, find_tars
from emocap.schema.samples import Sample
from emocap.schema.shards import read_shard


@pytest.fixture
def samples(labelled_build: Path) -> list[Sample]:
    return [sample for tar in sorted((labelled_build / "shards").glob("*.tar")) for sample in read_shard(tar)][:40]


def pack(tar: Path, members: Sequence[tuple[str, bytes]], mode: Literal["w", "w:gz"] = "w") -> Path:
    """A tar as anyone may write one."""
    with tarfile.open(tar, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return tar


def shuffled(sample: Sample, number: int) -> list[tuple[str, bytes]]:
    """Record before picture, other names, and members that concern nobody, one of which would be unpickled."""
    spoil = b"cos\nsystem\n(S'touch spoiled'\ntR."
    members = [(".json", sample.record.to_json()), (".pyd", spoil), (".JPG", sample.jpeg), (".txt", b"a face")]
    return [(f"part/{number:05d}{suffix}", content) for suffix, content in members]


@pytest.fixture
def tars(samples: list[Sample], tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    members = [shuffled(sample, number) for number, sample in enumerate(samples)]
    pack(folder / "set-000.tar", [member for each in members[:15] for member in each])
    pack(folder / "set-001.tar", [member for each in members[15:30] for member in each])
    pack(folder / "set-002.tar.gz", [member for each in members[30:] for member in each], "w:gz")
    return folder


def contents(folder: Path) -> list[tuple[bytes, bytes]]:
    dataset = open_dataset(folder, None)
    return [dataset.read(number) for number in range(len(dataset))]


def test_anyones_tars_become_samples_that_can_be_read_at_once(
    tars: Path, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = bring(find_tars(str(tars)), tmp_path / "cache")
    assert contents(folder) == [(sample.jpeg, sample.record.to_json()) for sample in samples]
    assert not (tmp_path / "spoiled").exists()


def test_a_recipe_names_a_folder_a_pattern_or_a_tar(tars: Path, tmp_path: Path) -> None:
    def samples(path: str) -> int:
        recipe = DataRecipe.model_validate({"builds": [path], "batch": 4, "cache": str(tmp_path / "cache")})
        return find_shards(recipe).samples

    assert samples(str(tars)) == 40
    assert samples(f"{tars}/set-{{000..001}}.tar") == 30
    assert samples(f"{tars}/set-002.tar.gz") == 10
    assert samples(f"file://{tars}/set-000.tar") == 15
    with pytest.raises(UserError, match="is not a finished build"):
        samples(f"{tars}/set-007.tar")


def test_what_was_brought_is_not_read_again_and_what_changed_is(tars: Path, tmp_path: Path) -> None:
    cache, wanted = tmp_path / "cache", find_tars(str(tars))
    folder = bring(wanted, cache)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.tar")}
    (folder / "index" / "000001.parquet").unlink()  # as if it had been stopped there
    assert bring(wanted, cache) == folder
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*.tar")}
    assert {path.name for path in after if after[path] != before[path]} == {"000001.tar"}
    shutil.copyfile(tars / "set-000.tar", tars / "set-001.tar")
    assert bring(wanted, cache) != folder


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.skipif(shutil.which("curl") is None, reason="webdataset reads URLs through curl")
def test_shards_at_urls_are_brought_here(tars: Path, samples: list[Sample], tmp_path: Path) -> None:
    with serving(tars) as address:
        urls = find_tars(f"{address}/set-{{000..001}}.tar")
        assert urls == [f"{address}/set-000.tar", f"{address}/set-001.tar"]
        folder = bring(urls, tmp_path / "cache")
        assert [jpeg for jpeg, _ in contents(folder)] == [sample.jpeg for sample in samples[:30]]
        with pytest.raises(UserError, match=r"data.builds: http://\S+/set-009.tar is not a tar that can be read"):
            bring([f"{address}/set-009.tar"], tmp_path / "cache")
    assert contents(bring(urls, tmp_path / "cache")) == contents(folder)


def test_a_recipe_starts_no_program() -> None:
    for path in (
        "pipe:touch here.tar",
        "faces.tar::pipe:touch http://here",
        "{pipe,http}:touch ://here",
        " pipe:touch ://here",
        "PIPE:touch ://here",
    ):
        with pytest.raises(UserError, match=r"data.builds: .*touch .* is not opened; give files, or URLs of file, "):
            find_tars(path)


@pytest.mark.parametrize("path", ["${NOWHERE}/faces.tar", "faces-{0..1.tar", "s3://faces/a.tar"])
def test_a_pattern_that_names_nothing_to_open_is_told(path: str) -> None:
    with pytest.raises(UserError, match=r"data.builds: .* (is no pattern|is not opened)"):
        find_tars(path)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("a.json", b"{}")], r"one.tar: a has no .jpg member"),
        ([("a.jpg", b"\xff\xd8")], r"one.tar: a has no .json member"),
        ([("a.jpg", b"GIF?"), ("a.json", b"{}")], r"one.tar: a.jpg is no picture: 4 bytes that begin"),
        ([("a.jpg", None), ("a.json", b"{}")], r"one.tar: a.json is not a record: key: Field required"),
        ([("a.jpg", None), ("a.json", b"\x80\x04")], r"one.tar: a.json is not a record: "),
        ([("a.jpg", None), ("a.json", pickle.dumps({}))], r"one.tar: a.json is not a record: "),
        ([("a.jpg", b"\0" * (17 << 20)), ("a.json", b"{}")], r"one.tar .*a.jpg has 17825792 bytes, at most 16777216"),
        ([("a.jpg", None), ("a.jpg", None)], r"one.tar .*duplicate file name"),
    ],
)
def test_what_is_no_sample_is_told_with_tar_and_key(
    samples: list[Sample], tmp_path: Path, members: list[tuple[str, bytes | None]], told: str
) -> None:
    tar = pack(tmp_path / "one.tar", [(name, content or samples[0].jpeg) for name, content in members])
    with pytest.raises(UserError, match=told) as error:
        bring([str(tar)], tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "cache").rglob("*.parquet"))


def test_a_key_that_would_not_fit_a_shard_is_told(samples: list[Sample], tmp_path: Path) -> None:
    record = json.loads(samples[0].record.to_json()) | {"key": "a.b"}
    tar = pack(tmp_path / "one.tar", [("a.jpg", samples[0].jpeg), ("a.json", json.dumps(record).encode())])
    with pytest.raises(UserError, match=r"a key has no dots and at most 90 bytes, not 'a.b'"):
        bring([str(tar)], tmp_path / "cache")


def test_a_tar_cut_short_is_told(tars: Path, tmp_path: Path) -> None:
    with tarfile.open(tars / "set-000.tar") as archive:
        members = archive.getmembers()
    between, within = members[20].offset, members[21].offset_data + 100
    for name, size in (("set-000.tar", within), ("set-000.tar", between), ("set-002.tar.gz", 5_000)):
        with (tars / name).open("r+b") as file:
            file.truncate(size)
        with pytest.raises(UserError, match="is not a tar that can be read to its end"):
            bring([str(tars / name)], tmp_path / "cache")
