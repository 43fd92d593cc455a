import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emocap.dataset.readers.base import Member
from emocap.dataset.readers.parquet import read_parquet
from emocap.dataset.readers.tars import read_tar
from emocap.io.images import ImageError


def tar(members: Sequence[tuple[str, bytes]], format: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def parquet(table: pa.Table, **how: int) -> io.BytesIO:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **how)
    buffer.seek(0)
    return buffer


def told(members: Sequence[Member]) -> list[tuple[str, bytes | str]]:
    """Names, and contents or the reasons why there are none."""
    return [(m.name, m.content.reason if isinstance(m.content, ImageError) else m.content) for m in members]


def test_a_tar_gives_its_pictures_by_suffix() -> None:
    members = [
        ("0001.jpg", b"one"),
        ("0001.json", b"{}"),
        ("0001.pkl", b"cos\nsystem\n(S'false'\ntR."),
        ("./deep/Ä/0002.PNG", b"two"),
        ("deep/._0002.png", b"finder"),
        ("empty.webp", b""),
        ("x" * 150 + "/long.jpg", b"three"),
    ]
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        assert told(list(read_tar(io.BytesIO(tar(members, format))))) == [
            ("0001.jpg", b"one"),
            ("deep/Ä/0002.PNG", b"two"),
            ("empty.webp", b""),
            ("x" * 150 + "/long.jpg", b"three"),
        ]


def test_links_and_folders_that_are_named_like_pictures_are_none() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (
            ("link.jpg", tarfile.SYMTYPE),
            ("folder.jpg", tarfile.DIRTYPE),
            ("pipe.jpg", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    buffer.seek(0)
    with pytest.raises(ImageError) as error:
        list(read_tar(buffer))
    assert error.value.reason == "no_pictures"


def test_a_member_that_is_too_large_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emocap.dataset.readers.tars.MOST_BYTES", 1000)
    data = tar([("a.jpg", b"a"), ("b.jpg", b"b" * 1001), ("c.jpg", b"c" * 1000)])
    assert told(list(read_tar(io.BytesIO(data)))) == [
        ("a.jpg", b"a"),
        ("b.jpg", "too_many_bytes"),
        ("c.jpg", b"c" * 1000),
    ]


@pytest.mark.parametrize(
    ("left", "whole"), [(512 + 999, ""), (512 * 4 + 300, "a"), (512 * 5 + 100, "a"), (3772, "ab")]
)
def test_of_a_tar_cut_short_what_was_whole_is_used(left: int, whole: str) -> None:
    data = tar([("a.jpg", b"a" * 1000), ("b.jpg", b"b" * 900), ("c.jpg", b"c" * 900)])
    found: list[Member] = []
    reading = read_tar(io.BytesIO(data[:left]))
    with pytest.raises(ImageError) as error:
        found.extend(reading)
    assert error.value.reason == "broken_archive"
    assert [member.name for member in found] == [f"{letter}.jpg" for letter in whole]


@pytest.mark.parametrize("data", [b"", b"no tar at all" * 1000, b"\x1f\x8b\x08" + b"z" * 2000])
def test_what_is_no_tar_is_told(data: bytes) -> None:
    with pytest.raises(ImageError) as error:
        list(read_tar(io.BytesIO(data)))
    assert error.value.reason == "broken_archive"


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_rows_of_bytes_are_named_by_number(kind: pa.DataType) -> None:
    table = pa.table(
        {"image": pa.array([b"a", None, b"c"], kind), "emotion": ["fear", "anger", None], "noise": [1, 2, 3]}
    )
    members = list(read_parquet(parquet(table, row_group_size=2), "image"))
    assert told(members) == [("0", b"a"), ("1", "no_image"), ("2", b"c")]
    assert [member.cells for member in members] == [{"emotion": "fear"}, {"emotion": "anger"}, {"emotion": None}]


def test_structs_as_hugging_face_writes_them_are_named_by_path() -> None:
    rows = [{"bytes": b"a", "path": "a.jpg"}, {"bytes": b"b", "path": None}, {"bytes": None, "path": "c.jpg"}, None]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"photo": pa.array(rows, kind)})
    assert told(list(read_parquet(parquet(table), "photo"))) == [
        ("a.jpg", b"a"),
        ("1", b"b"),
        ("c.jpg", "no_image"),
        ("3", "no_image"),
    ]


def test_a_file_without_the_column_is_told_with_those_it_has() -> None:
    table = pa.table({"img": pa.array([b"a"]), "image": pa.array(["a string"])})
    with pytest.raises(ImageError, match=r"img \(binary\), image \(string\)") as error:
        list(read_parquet(parquet(table), "image"))
    assert error.value.reason == "no_such_column"


def test_a_damaged_group_of_rows_costs_that_group_only() -> None:
    contents = [bytes([65 + row]) * 5000 for row in range(9)]
    data = bytearray(parquet(pa.table({"image": contents}), row_group_size=3, compression="none").getvalue())  # type: ignore[arg-type]
    column = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + 40] = b"\xff" * 40
    members = told(list(read_parquet(io.BytesIO(bytes(data)), "image")))
    assert members == [
        *((str(row), contents[row]) for row in range(3)),
        ("3", "broken_archive"),
        *((str(row), contents[row]) for row in range(6, 9)),
    ]


@pytest.mark.parametrize("data", [b"", b"PAR1" + b"x" * 100, b"PAR1xxxxPAR1"])
def test_what_is_no_parquet_is_told(data: bytes) -> None:
    with pytest.raises(ImageError) as error:
        list(read_parquet(io.BytesIO(data), "image"))
    assert error.value.reason == "broken_archive"


def test_memory_does_not_grow_with_an_archive(tmp_path: Path, peaks: Callable[[list[Path]], list[int]]) -> None:
    content = bytes(range(256)) * 1000
    for name, count in (("short", 10), ("long", 300)):
        with tarfile.open(tmp_path / f"{name}.tar", "w") as archive:
            for number in range(count):
                member = tarfile.TarInfo(f"{number}.jpg")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        # One group of rows, which a reader of whole groups would have in memory at once; each row is another.
        table = pa.table({"image": [number.to_bytes(4) + content for number in range(count)]})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=count)
    for suffix in (".tar", ".parquet"):
        before, after = peaks([tmp_path / f"short{suffix}", tmp_path / f"long{suffix}"])
        assert after - before < 40e6  # the long one has 77 MB


def class_labels(**columns: list[int]) -> pa.Table:
    """As Hugging Face datasets write them: numbers, whose names stand in the metadata."""
    features = {name: {"names": ["anger", "fear"], "_type": "ClassLabel"} for name in columns}
    pictures = [b"x"] * len(next(iter(columns.values())))
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.table({"image": pictures, **columns}).replace_schema_metadata(metadata)


@pytest.mark.parametrize("column", ["emotion", "label", "Label"])
def test_classes_are_told_by_name(column: str) -> None:
    members = list(read_parquet(parquet(class_labels(**{column: [1, -1, 0]})), "image"))
    assert [member.cells for member in members] == [{"emotion": "fear"}, {"emotion": None}, {"emotion": "anger"}]


def test_a_class_without_a_name_costs_its_row() -> None:
    assert told(list(read_parquet(parquet(class_labels(label=[0, 7])), "image"))) == [("0", b"x"), ("1", "bad_labels")]


def test_numbers_without_names_are_emotions_where_the_recipe_says_so_alone() -> None:
    table = pa.table({"image": [b"x"], "label": [3], "Stimmung": ["fear"]})
    assert [member.cells for member in read_parquet(parquet(table), "image")] == [{}]
    (member,) = read_parquet(parquet(table), "image", {"label": "emotion"})
    assert member.cells == {"emotion": 3}
    (member,) = read_parquet(parquet(table), "image", {"Stimmung": "emotion"})
    assert member.cells == {"emotion": "fear"}
    with pytest.raises(ImageError, match="no column Laune") as error:
        list(read_parquet(parquet(table), "image", {"Laune": "emotion"}))
    assert error.value.reason == "bad_labels"


@pytest.mark.parametrize("name", ["label.parquet", "emotion.parquet"])
def test_a_file_that_datasets_wrote_names_its_classes(name: str, shared: Callable[[str], Path]) -> None:
    with shared(f"cases/build/parquet-classlabel/{name}").open("rb") as file:
        assert [member.cells["emotion"] for member in read_parquet(file, "image")] == ["happy"] * 2


@pytest.mark.parametrize(
    "metadata", [b"[]", b"{", b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": 3}}}}']
)
def test_metadata_may_be_anything(metadata: bytes) -> None:
    table = pa.table({"image": [b"x"], "label": [1]}).replace_schema_metadata({"huggingface": metadata})
    assert [member.cells for member in read_parquet(parquet(table), "image")] == [{}]
