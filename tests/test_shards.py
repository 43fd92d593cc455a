import json
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import webdataset as wds
from hypothesis import given, settings
from hypothesis import strategies as st

from emocap import shards
from emocap.captions import Caption, LocalCaption
from emocap.samples import Face, Labels, Record, Sample, Source
from emocap.shards import INDEX_SCHEMA, Reject, read_rejects, read_shard, replacing, verify, write_rejects, write_shard

FACE = Face(bbox=(0, 0, 9, 9), score=1, detector="given", crop=(0, 0, 9, 9), sharpness=1, brightness=2, contrast=3)
CAPTION = Caption.model_validate(
    {"global": "A calm face.", "local": [{"region": "mouth", "text": "Lips rest."}], "summary": "It is calm."}
)


def make(number: int, jpeg: bytes = b"jpeg", emotion: str = "fear", text: str = "A calm face.") -> Sample:
    record = Record(
        key=f"{number:016x}-0-0",
        source=Source(path=f"{number}.jpg", sha256="00"),
        face=FACE,
        labels=Labels(emotion=emotion, subject="x"),
        caption=CAPTION.model_copy(update={"global_": text, "local": [LocalCaption(region="nose", text=text)]}),
    )
    return Sample(record, jpeg)


texts = st.text(min_size=1, max_size=40).map("x{}x".format)
samples = st.lists(
    st.builds(make, st.integers(0, 2**40), st.binary(max_size=3000), st.text(max_size=9), texts),
    max_size=6,
    unique_by=lambda sample: sample.record.key,
)


@given(samples)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_and_indexed(tmp_path_factory: pytest.TempPathFactory, some: list[Sample]) -> None:
    folder = tmp_path_factory.mktemp("shard")
    write_shard(folder / "a.tar", folder / "a.parquet", some)
    assert list(read_shard(folder / "a.tar")) == some
    index = pq.read_table(folder / "a.parquet")
    assert index.schema.equals(INDEX_SCHEMA)
    assert index["key"].to_pylist() == [sample.record.key for sample in some]
    assert index["jpg_bytes"].to_pylist() == [len(sample.jpeg) for sample in some]


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    some = [make(i, bytes(i)) for i in range(5)]
    for name in ("a", "b"):
        write_shard(tmp_path / name / "s.tar", tmp_path / name / "s.parquet", some)
    assert (tmp_path / "a/s.tar").read_bytes() == (tmp_path / "b/s.tar").read_bytes()
    assert (tmp_path / "a/s.parquet").read_bytes() == (tmp_path / "b/s.parquet").read_bytes()


def test_webdataset_reads_them(tmp_path: Path) -> None:
    some = [make(i, bytes(i)) for i in range(5)]
    write_shard(tmp_path / "s.tar", tmp_path / "s.parquet", some)
    read = list(wds.WebDataset(str(tmp_path / "s.tar"), shardshuffle=False))
    assert [sample["__key__"] for sample in read] == [sample.record.key for sample in some]
    assert [sample["jpg"] for sample in read] == [sample.jpeg for sample in some]
    assert json.loads(read[0]["json"])["caption"]["global"] == "A calm face."


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as scratch:
            scratch.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_index_comes_after_the_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(shards.TableWriter, "flush", fail)
    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "s.tar", tmp_path / "s.parquet", [make(1)])
    assert (tmp_path / "s.tar").exists()
    assert not (tmp_path / "s.parquet").exists()


def test_rejects_keep_every_field(tmp_path: Path) -> None:
    rows = [
        Reject("read", "empty_file", "0 bytes", "a.jpg"),
        Reject("faces", "too_small", "9 pixels", "b.jpg", "k-0-1"),
    ]
    write_rejects(tmp_path / "r.parquet", rows)
    write_rejects(tmp_path / "s.parquet", [])
    assert read_rejects(tmp_path) == rows


def finished(build: Path) -> Path:
    names = []
    for number in range(2):
        name = f"emocap-{number:06d}"
        tar = build / "shards" / f"{name}.tar"
        write_shard(tar, build / "index" / f"{name}.parquet", [make(10 * number + i, bytes(700)) for i in range(3)])
        names.append({"name": name, "samples": 3, "bytes": tar.stat().st_size, "sha256": shards.sha256(tar)})
    shards.write_json(build / "manifest.json", {"shards": names})
    return build


def test_a_whole_build_has_no_problems(tmp_path: Path) -> None:
    assert verify(finished(tmp_path)) == []


def test_a_flipped_byte_is_found_and_named(tmp_path: Path) -> None:
    tar = finished(tmp_path) / "shards" / "emocap-000001.tar"
    content = bytearray(tar.read_bytes())
    content[700] ^= 1
    tar.write_bytes(content)
    problems = verify(tmp_path)
    assert problems
    assert all("emocap-000001.tar" in problem for problem in problems)


def test_a_tar_cut_short_is_found_and_named(tmp_path: Path) -> None:
    tar = finished(tmp_path) / "shards" / "emocap-000000.tar"
    tar.write_bytes(tar.read_bytes()[:1300])
    assert any("emocap-000000.tar" in problem for problem in verify(tmp_path))


def test_missing_and_surplus_shards_are_found(tmp_path: Path) -> None:
    finished(tmp_path)
    (tmp_path / "shards" / "emocap-000000.tar").unlink()
    write_shard(tmp_path / "shards/emocap-000007.tar", tmp_path / "index/emocap-000007.parquet", [make(99)])
    told = " ".join(verify(tmp_path))
    assert "emocap-000000.tar is missing" in told
    assert "emocap-000007" in told


def test_what_is_not_a_sample_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        stray = tmp_path / "stray.pyd"
        stray.write_bytes(b"x")
        archive.add(stray, "k.pyd")
    with pytest.raises(ValueError, match=r"k\.pyd is not part of a sample"):
        list(read_shard(tmp_path / "s.tar"))
