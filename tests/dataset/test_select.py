import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emocap.dataset.select import read_plan, select
from emocap.io.parquet import read_counts
from emocap.schema.samples import Face, Labels, Record, Sample, Source
from emocap.schema.shards import read_rejects, read_sample, write_shard


def face(
    name: str, phash: int | None, number: int = 0, path: str = "", size: int = 9, labels: Labels | None = None
) -> Sample:
    return Sample(
        Record(
            key=f"{name}-0-{number}",
            source=Source(path=path or f"{name}.jpg", sha256=name * 4),
            face=Face(
                bbox=(0, 0, size, size),
                score=1,
                detector="given",
                crop=(0, 0, 9, 9),
                sharpness=1,
                brightness=1,
                contrast=1,
                phash=None if phash is None else f"{phash:064x}",
            ),
            labels=labels,
        ),
        b"jpeg",
    )


def write(out: Path, blocks: list[list[Sample]]) -> None:
    for number, block in enumerate(blocks):
        write_shard(out / f"faces/faces-{number:06d}.tar", out / f"faces/faces-{number:06d}.parquet", block)


def kept(out: Path) -> list[str]:
    selected = out / "selected.parquet"
    shards = read_counts(selected)["shards"]
    return [key for shard in range(shards) for keys in read_plan(selected, shard).values() for key in keys]


def test_shards_are_filled_in_order_over_files(tmp_path: Path) -> None:
    write(tmp_path, [[face(f"a{i}", None) for i in range(3)], [], [face(f"b{i}", None) for i in range(2)]])
    select(tmp_path, 2, None)
    plans = [read_plan(tmp_path / "selected.parquet", shard) for shard in range(3)]
    assert [{file: list(keys) for file, keys in plan.items()} for plan in plans] == [
        {"faces-000000": ["a0-0-0", "a1-0-0"]},
        {"faces-000000": ["a2-0-0"], "faces-000002": ["b0-0-0"]},
        {"faces-000002": ["b1-0-0"]},
    ]
    assert read_counts(tmp_path / "selected.parquet") == {"faces": 5, "shards": 3}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_equal_bytes_count_once_wherever_they_are(tmp_path: Path) -> None:
    write(tmp_path, [[face("a", 1), face("a", 1)], [face("a", 1)]])
    select(tmp_path, 10, None)
    assert kept(tmp_path) == ["a-0-0"]
    assert [(row.reason, row.detail) for row in read_rejects(tmp_path / "rejects")] == [
        ("duplicate", "same bytes as a.jpg")
    ] * 2


def test_near_duplicates_name_the_face_they_are_like(tmp_path: Path) -> None:
    write(tmp_path, [[face("a", 0), face("b", 0b111)], [face("c", 0b1111), face("d", 1 << 255)]])
    select(tmp_path, 10, 3)
    assert kept(tmp_path) == ["a-0-0", "c-0-0"]
    assert [(row.key, row.reason, row.detail) for row in read_rejects(tmp_path / "rejects")] == [
        ("b-0-0", "near_duplicate", "differs from a-0-0 in 3 of 256 bits"),
        ("d-0-0", "near_duplicate", "differs from a-0-0 in 1 of 256 bits"),
    ]


def told(out: Path) -> list[tuple[str, str]]:
    return [(row.source, row.detail) for row in read_rejects(out / "rejects")]


def test_of_equal_bytes_the_labelled_is_kept(tmp_path: Path) -> None:
    units = Labels(action_units={"12": 3.0})
    copies = [face("a", 1, path="x.jpg"), face("a", 1, path="y.jpg", labels=units), face("a", 1, path="z.jpg")]
    write(tmp_path, [copies])
    select(tmp_path, 10, 0)
    ((file, keys),) = read_plan(tmp_path / "selected.parquet", 0).items()
    (sample,) = (read_sample(tmp_path / f"faces/{file}.tar", offset) for offset in keys.values())
    assert sample.record.source.path == "y.jpg"
    assert told(tmp_path) == [("x.jpg", "same bytes as y.jpg"), ("z.jpg", "same bytes as y.jpg")]


def test_of_near_copies_the_labelled_is_kept_then_the_larger_then_the_first(tmp_path: Path) -> None:
    fear = Labels(emotion="fear")
    write(tmp_path, [[face("a", 0, size=10), face("b", 1, size=90)], [face("c", 1, size=20, labels=fear)]])
    select(tmp_path, 10, 3)
    assert kept(tmp_path) == ["c-0-0"]
    assert told(tmp_path) == [
        ("a.jpg", "differs from b-0-0 in 1 of 256 bits"),
        ("b.jpg", "differs from c-0-0 in 0 of 256 bits"),
    ]


def test_a_better_copy_takes_the_place_of_all_that_it_is_near_to_or_of_none(tmp_path: Path) -> None:
    ends = [face("a", 0), face("b", 0b1111, size=30)]
    for out, size, expected in (("one", 20, ["a-0-0", "b-0-0"]), ("two", 40, ["c-0-0"])):
        write(tmp_path / out, [[*ends, face("c", 0b11, size=size)]])
        select(tmp_path / out, 10, 3)
        assert kept(tmp_path / out) == expected


def test_of_the_frames_of_a_film_the_first_is_kept(tmp_path: Path) -> None:
    write(tmp_path, [[face("a", 0, path="film.mp4"), face("a", 0, 1, path="film.mp4", size=90)]])
    select(tmp_path, 10, 3)
    assert kept(tmp_path) == ["a-0-0"]


def test_faces_without_a_hash_and_builds_without_the_check_keep_all(tmp_path: Path) -> None:
    write(tmp_path, [[face("a", 0), face("b", 0), face("c", None), face("d", None)]])
    select(tmp_path, 10, None)
    assert len(kept(tmp_path)) == 4
    (tmp_path / "selected.parquet").unlink()
    select(tmp_path, 10, 0)
    assert kept(tmp_path) == ["a-0-0", "c-0-0", "d-0-0"]


@settings(max_examples=25, deadline=None)
@given(
    most=st.integers(0, 12) | st.just(30),
    flips=st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 255), max_size=14)), max_size=25),
)
def test_it_keeps_what_a_comparison_of_all_pairs_keeps(
    most: int, flips: list[tuple[int, set[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    seeds = [random.Random(i).getrandbits(256) for i in range(4)]
    hashes = [seeds[seed] ^ sum(1 << bit for bit in bits) for seed, bits in flips]
    expected: list[int] = []
    for place, value in enumerate(hashes):
        if all((value ^ hashes[other]).bit_count() > most for other in expected):
            expected.append(place)
    out = tmp_path_factory.mktemp("select")
    write(out, [[face(f"f{place}", value) for place, value in enumerate(hashes)]])
    select(out, 1000, most)
    assert kept(out) == [f"f{place}-0-0" for place in expected]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_faces(tmp_path: Path) -> None:
    def peak(out: Path) -> int:
        script = (
            "import resource, sys, pathlib; from emocap.dataset.select import select;"
            "select(pathlib.Path(sys.argv[1]), 1000, 4);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", script, str(out)], capture_output=True, text=True, check=True)
        return int(done.stdout)

    draw = random.Random(0)
    few, many = tmp_path / "few", tmp_path / "many"
    for out, count in ((few, 1), (many, 12)):
        for number in range(count):
            block = [face(f"{number:03d}{i:05d}", draw.getrandbits(256)) for i in range(2000)]
            write_shard(out / f"faces/faces-{number:06d}.tar", out / f"faces/faces-{number:06d}.parquet", block)
    assert peak(many) < 1.15 * peak(few)
