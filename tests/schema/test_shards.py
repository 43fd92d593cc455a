import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset as wds
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emocap.core.files import replacing, sha256, write_json
from emocap.io.parquet import TableWriter, write_table
from emocap.schema.captions import Caption, LocalCaption
from emocap.schema.samples import Face, Labels, Record, Sample, Source
from emocap.schema.shards import (
    INDEX_SCHEMA,
    Reject,
    read_rejects,
    read_sample,
    read_shard,
    write_rejects,
    write_shard,
)
from emocap.schema.verify import verify

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

    monkeypatch.setattr(TableWriter, "flush", fail)
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


def picture(number: int, size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((size, size), 20 + number).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def finished(build: Path, size: int = 16) -> Path:
    names = []
    for number in range(2):
        name = f"emocap-{number:06d}"
        tar = build / "shards" / f"{name}.tar"
        some = [make(10 * number + i, picture(i, size)) for i in range(3)]
        write_shard(tar, build / "index" / f"{name}.parquet", some)
        names.append({"name": name, "samples": 3, "bytes": tar.stat().st_size, "sha256": sha256(tar)})
    write_json(build / "manifest.json", {"counts": {"samples": 6}, "shards": names})
    (build / "recipe.yaml").write_text("faces: {size: 16}\n")
    return build


def test_a_whole_build_has_no_problems(tmp_path: Path) -> None:
    assert verify(finished(tmp_path)) == []


def test_one_sample_is_read_without_the_others(tmp_path: Path) -> None:
    finished(tmp_path)
    for tar in sorted((tmp_path / "shards").glob("*.tar")):
        rows = pq.read_table(tmp_path / "index" / f"{tar.stem}.parquet").to_pylist()
        assert [read_sample(tar, row["offset"]) for row in rows] == list(read_shard(tar))
        with pytest.raises(ValueError, match=rf"{tar.name}"):
            read_sample(tar, rows[1]["offset"] + 512)


def test_every_byte_that_flips_is_found_and_most_are_named(tmp_path: Path) -> None:
    tar = finished(tmp_path) / "shards" / "emocap-000001.tar"
    whole = tar.read_bytes()
    with tarfile.open(tar) as archive:
        members = {m.name: range(m.offset_data, m.offset_data + m.size) for m in archive}
    for place in range(0, len(whole), 97):
        content = bytearray(whole)
        content[place] ^= 1
        tar.write_bytes(content)
        (problem,) = verify(tmp_path)
        assert "emocap-000001.tar" in problem
        for name, held in members.items():
            if place in held:
                assert f"shards/emocap-000001.tar: {name} is not the" in problem


def test_a_picture_of_another_size_or_none_at_all_is_named(tmp_path: Path) -> None:
    assert len(verify(finished(tmp_path, 24))) == 6
    assert "000a-0-0.jpg has 24 x 24 pixels, not 16 x 16" in verify(tmp_path)[3]
    tar = tmp_path / "shards" / "emocap-000001.tar"
    write_shard(tar, tmp_path / "index" / "emocap-000001.parquet", [make(i, picture(i)[:-400]) for i in range(3)])
    assert any("emocap-000001.tar: 0000000000000002-0-0.jpg does not decode" in told for told in verify(tmp_path))


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    index = finished(tmp_path) / "index" / "emocap-000000.parquet"
    rows = pq.read_table(index).to_pylist()
    rows[1]["score"] = 0.5
    write_table(index, pa.Table.from_pylist(rows, schema=INDEX_SCHEMA))
    assert verify(tmp_path) == ["shards/emocap-000000.tar: 0000000000000001-0-0: the index has another score"]
    write_table(index, pa.Table.from_pylist(rows[:2], schema=INDEX_SCHEMA))
    assert verify(tmp_path) == ["index/emocap-000000.parquet has 2 rows, the manifest says 3"]
    write_table(index, pa.Table.from_pylist(rows, schema=INDEX_SCHEMA).drop(["offset"]))
    assert verify(tmp_path) == ["index/emocap-000000.parquet was written by another version of emocap"]
    index.write_bytes(index.read_bytes()[:-9])
    assert "index/emocap-000000.parquet cannot be read" in verify(tmp_path)[0]
    index.unlink()
    assert verify(tmp_path) == ["index/emocap-000000.parquet is missing"]


def test_a_tar_cut_short_is_found_and_named(tmp_path: Path) -> None:
    tar = finished(tmp_path) / "shards" / "emocap-000000.tar"
    second = pq.read_table(tmp_path / "index" / "emocap-000000.parquet")["offset"].to_pylist()[1]
    whole = tar.read_bytes()
    tar.write_bytes(whole[:second])
    assert verify(tmp_path) == ["shards/emocap-000000.tar ends before 0000000000000001-0-0: 1 of 3 samples"]
    tar.write_bytes(whole[: second + 600])
    (problem,) = verify(tmp_path)
    assert problem.startswith("shards/emocap-000000.tar is not a whole tar from 0000000000000000-0-0 on")


def test_missing_and_surplus_shards_are_found(tmp_path: Path) -> None:
    finished(tmp_path)
    (tmp_path / "shards" / "emocap-000000.tar").unlink()
    write_shard(tmp_path / "shards/emocap-000007.tar", tmp_path / "index/emocap-000007.parquet", [make(99)])
    assert verify(tmp_path) == [
        "shards/emocap-000000.tar is missing",
        "shards/emocap-000007.tar is not in the manifest",
        "index/emocap-000007.parquet is not in the manifest",
    ]


def test_faces_that_were_kept_are_checked_too(tmp_path: Path) -> None:
    finished(tmp_path)
    tar = tmp_path / "faces" / "faces-000000.tar"
    write_shard(tar, tar.with_suffix(".parquet"), [make(i, picture(i)) for i in range(2)])
    assert verify(tmp_path) == []
    content = bytearray(tar.read_bytes())
    content[600] ^= 1
    tar.write_bytes(content)
    (problem,) = verify(tmp_path)
    assert problem == "faces/faces-000000.tar: 0000000000000000-0-0.jpg is not the picture that was written"


def test_what_is_not_a_sample_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        stray = tmp_path / "stray.pyd"
        stray.write_bytes(b"x")
        archive.add(stray, "k.pyd")
    with pytest.raises(ValueError, match=r"k\.pyd is not part of a sample"):
        list(read_shard(tmp_path / "s.tar"))
