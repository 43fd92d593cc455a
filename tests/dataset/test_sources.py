import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emocap.core.errors import UserError
from emocap.dataset.labels import LabelTable
from emocap.dataset.passed_over import PassedOver
from emocap.dataset.readers.base import Frame, Input
from emocap.dataset.recipe import SourceRecipe, SyntheticRecipe
from emocap.dataset.sources import list_inputs, read_input
from emocap.schema.samples import Labels
from emocap.schema.shards import Reject, ShardWriter

Film = Callable[..., Path]
Noise = Callable[[int], Iterable[Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "deep/down/c.webp", "notes.txt", "deep/._a.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture())
    return tmp_path / "pictures"


def picture(red: int = 0, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), (red, 0, 0), dtype=np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def names(inputs: Iterator[Input], root: Path) -> list[str]:
    return [Path(item.path).relative_to(root).as_posix() for item in inputs]


def read(source: SourceRecipe, tmp_path: Path) -> Iterator[Frame | Reject]:
    """What comes out of all inputs of a source."""
    table = LabelTable.write(source, tmp_path / "labels.sqlite")
    for item in list_inputs([source]):
        yield from read_input(item, source, table, 10**6)


def told(results: Iterator[Frame | Reject], root: Path) -> list[tuple[str, str]]:
    """Path below ``root``, and the emotion or the reason of each result."""
    rows = []
    for one in results:
        if isinstance(one, Reject):
            assert one.stage == "read"
            rows.append((one.source.removeprefix(f"{root}/"), one.reason))
        else:
            emotions = [str(known.labels.emotion) for known in one.known]
            rows.append((one.source.path.removeprefix(f"{root}/"), ", ".join(emotions)))
    return rows


def test_a_folder_is_searched_to_its_bottom_in_order(folder: Path) -> None:
    assert names(list_inputs([SourceRecipe(path=str(folder))]), folder) == ["a.png", "b.JPG", "deep/down/c.webp"]


def test_globs_and_files(folder: Path) -> None:
    assert names(list_inputs([SourceRecipe(path=f"{folder}/*.png")]), folder) == ["a.png"]
    deep = names(list_inputs([SourceRecipe(path=f"{folder}/**/*.*")]), folder)
    assert deep == ["a.png", "b.JPG", "deep/down/c.webp"]
    assert names(list_inputs([SourceRecipe(path=f"{folder}/b.JPG")]), folder) == ["b.JPG"]


def test_a_folder_of_mixed_kinds_is_listed_in_one_order(folder: Path) -> None:
    for name in ("z.mp4", "deep/0.tar", "deep/down/d.parquet", "C.mkv", "b.ts", "a.gif", "a.zip"):
        (folder / name).write_bytes(b"x" * 7)
    inputs = list(list_inputs([SourceRecipe(path=str(folder))]))
    assert [(Path(item.path).relative_to(folder).as_posix(), item.kind) for item in inputs] == [
        ("C.mkv", "video"),
        ("a.gif", "picture"),
        ("a.png", "picture"),
        ("b.JPG", "picture"),
        ("b.ts", "video"),
        ("deep/0.tar", "tar"),
        ("deep/down/c.webp", "picture"),
        ("deep/down/d.parquet", "parquet"),
        ("z.mp4", "video"),
    ]
    assert {item.bytes for item in inputs if item.kind != "picture"} == {7}
    assert list(list_inputs([SourceRecipe(path=str(folder))])) == inputs


def test_what_is_passed_over_is_counted_by_its_ending(folder: Path) -> None:
    for name in (
        "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg",
        "deep/.thumbnails/x.png",
        "x.HEIC",
        "y.heic",
        "more.tar.gz",
        "readme",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    for name in (".DS_Store", "Thumbs.db", "labels.csv"):
        (folder / name).write_bytes(b"x")
    passed = PassedOver()
    source = SourceRecipe(path=str(folder), labels=f"{folder}/labels.csv")
    assert names(list_inputs([source], passed), folder) == ["a.png", "b.JPG", "deep/down/c.webp"]
    assert passed.counts == {
        "in thumbnail folders": 2,
        ".heic": 2,
        ".tar.gz": 1,
        ".txt": 1,
        "without an ending": 1,
    }


def test_a_source_may_be_a_folder_of_thumbnails_itself(folder: Path) -> None:
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails/a.png").write_bytes(picture())
    assert names(list_inputs([SourceRecipe(path=f"{folder}/.thumbnails")]), folder) == [".thumbnails/a.png"]


def test_a_folder_of_heic_says_what_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"x")
    for path in (tmp_path, tmp_path / "a.heic"):
        with pytest.raises(UserError, match=r"pip install 'emocap\[heif\]' reads HEIC"):
            list_inputs([SourceRecipe(path=str(path))])


def test_files_that_cameras_and_data_sets_have(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    folder = shared("cases/build/unread-files/mixed")
    passed, source = PassedOver(), SourceRecipe(path=str(folder))
    found = {Path(item.path).name: item.kind for item in list_inputs([source], passed)}
    assert found == {
        "IMG_0002.jpg": "picture",
        "IMG_0003.JPG": "picture",
        "avchd.MTS": "video",
        "phone.3gp": "video",
        "subject01.pgm": "picture",
    }
    assert passed.counts == {".heic": 1, ".tgz": 1}
    assert passed.in_words() == "1 .heic (pip install 'emocap[heif]' reads HEIC), 1 .tgz"
    results = list(read(source, tmp_path))
    assert {reason for _, reason in told(iter(results), folder)} == {"", "heif"}
    (heic,) = (one for one in results if isinstance(one, Reject))
    assert Path(heic.source).name == "IMG_0002.jpg"
    assert "HEIC" in heic.detail


def test_sources_keep_their_order_and_number(folder: Path) -> None:
    drawn = SourceRecipe(synthetic=SyntheticRecipe(count=2, seed=7))
    inputs = list(list_inputs([drawn, SourceRecipe(path=f"{folder}/*.png")]))
    assert inputs == [
        Input("drawn://7/0", 0, "synthetic", 0),
        Input("drawn://7/1", 0, "synthetic", 0),
        Input(f"{folder}/a.png", 1, "picture", (folder / "a.png").stat().st_size),
    ]


@pytest.mark.parametrize("path", ["nowhere", "nowhere/*.png"])
def test_what_is_not_there_is_told(path: str) -> None:
    with pytest.raises(UserError, match="nowhere"):
        list_inputs([SourceRecipe(synthetic=SyntheticRecipe(count=1)), SourceRecipe(path=path)])


def test_a_folder_without_anything_to_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"nothing that can be read in .*what is read are .*pictures \(\.jpg"):
        list_inputs([SourceRecipe(path=str(tmp_path))])


@pytest.mark.parametrize("name", ["photos.tar.gz", "photos.zip", "notes"])
def test_a_file_of_another_kind_is_told_with_those_that_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        UserError,
        match=rf"{name} is none of the kinds that are read; .*tars without compression \(\.tar\), videos \(\.mp4",
    ):
        list_inputs([SourceRecipe(path=str(tmp_path / name))])


@pytest.mark.parametrize(
    "source",
    [{}, {"path": "x", "build": "y"}, {"build": "x", "labels": "l.csv"}, {"synthetic": {"count": 1}, "pattern": "x"}],
)
def test_a_source_is_one_thing(source: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a source has one of|bring their own labels"):
        SourceRecipe.model_validate(source)


def test_a_link_to_nowhere_is_unreadable_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    assert told(read(SourceRecipe(path=str(tmp_path)), tmp_path), tmp_path) == [("gone.jpg", "unreadable")]


def test_a_picture_is_read_with_its_hash_and_its_labels_below_the_source(folder: Path, tmp_path: Path) -> None:
    source = SourceRecipe(path=f"{folder}/**/*.webp", pattern=r"^down/(?P<subject>\w+)|^deep/(?P<emotion>\w+)/")
    (frame,) = read(source, tmp_path)
    assert isinstance(frame, Frame)
    assert frame.image.shape == (4, 4, 3)
    assert frame.source.path == f"{folder}/deep/down/c.webp"
    assert frame.source.sha256 == hashlib.sha256(picture()).hexdigest()
    assert [known.labels for known in frame.known] == [Labels(emotion="down")]


def test_a_pattern_that_catches_what_is_no_label_costs_that_picture(folder: Path, tmp_path: Path) -> None:
    results = read(SourceRecipe(path=str(folder), pattern=r"^(?P<valence>[bd])"), tmp_path)
    assert told(results, folder) == [("a.png", ""), ("b.JPG", "bad_labels"), ("deep/down/c.webp", "bad_labels")]


@pytest.mark.parametrize("path", ["deep", "deep/**/*.webp", "deep/down/c.webp", "./deep/down/*"])
def test_a_table_names_files_below_the_folder_that_the_source_names(
    path: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = {"deep": "down/c.webp", "deep/**/*.webp": "down/c.webp"}.get(path, "c.webp")
    (tmp_path / "labels.csv").write_text(f"path,emotion\n{below},fear\n")
    monkeypatch.chdir(folder)
    source = SourceRecipe(path=path, labels=str(tmp_path / "labels.csv"))
    assert told(read(source, tmp_path), folder) == [("deep/down/c.webp", "fear")]


def test_members_of_a_tar_have_the_labels_of_their_names(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for name, content in (
            ("a/1.jpg", picture(1)),
            ("a/1.json", b"{}"),
            ("2.jpg", b"broken"),
            ("3.png", picture(3)),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (tmp_path / "labels.csv").write_text("path,emotion,x,y\na/1.jpg,fear,1,1\na/1.jpg,anger,3,3\n")
    source = SourceRecipe(path=f"{tmp_path}/photos.tar", labels=f"{tmp_path}/labels.csv")
    results = list(read(source, tmp_path))
    assert told(iter(results), tmp_path) == [
        ("photos.tar::a/1.jpg", "fear, anger"),
        ("photos.tar::2.jpg", "not_an_image"),
        ("photos.tar::3.png", ""),
    ]
    assert isinstance(results[0], Frame)
    assert results[0].source.sha256 == hashlib.sha256(picture(1)).hexdigest()


def test_rows_of_parquet_have_the_labels_of_their_columns(tmp_path: Path) -> None:
    rows = [
        {"image": {"bytes": picture(), "path": "a.png"}, "emotion": "smiling", "action_units": "12C", "label": 3},
        {"image": {"bytes": picture(), "path": None}, "emotion": None, "action_units": None, "label": 4},
        {"image": {"bytes": picture(), "path": "c.png"}, "emotion": "fear", "action_units": "no", "label": 5},
        {"image": {"bytes": picture(), "path": "d.png"}, "emotion": "fear", "action_units": None, "label": 6},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    (tmp_path / "labels.csv").write_text("path,emotion\nd.png,anger\n")
    source = SourceRecipe(
        path=f"{tmp_path}/train.parquet", labels=f"{tmp_path}/labels.csv", rename={"smiling": "happiness"}
    )
    results = list(read(source, tmp_path))
    assert told(iter(results), tmp_path) == [
        ("train.parquet::a.png", "happiness"),
        ("train.parquet::1", ""),
        ("train.parquet::c.png", "bad_labels"),
        ("train.parquet::d.png", "anger"),
    ]
    assert isinstance(results[0], Frame)
    assert results[0].known[0].labels == Labels(emotion="happiness", action_units={"12": 3.0})


def test_what_is_broken_costs_itself_only(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    folder = tmp_path / "mess"
    folder.mkdir()
    for name in ("a.jpg", "b.mp4", "c.tar", "d.parquet"):
        (folder / name).write_bytes(b"nothing that anybody knows" * 40)
    pq.write_table(pa.table({"photo": [picture()]}), folder / "e.parquet")
    (folder / "f.png").write_bytes(picture())
    assert told(read(SourceRecipe(path=str(folder)), tmp_path), folder) == [
        ("a.jpg", "not_an_image"),
        ("b.mp4", "broken_video"),
        ("c.tar", "broken_archive"),
        ("d.parquet", "broken_archive"),
        ("e.parquet", "no_such_column"),
        ("f.png", ""),
    ]


def test_frames_of_a_video_share_its_hash_and_its_labels(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    path = shared("data/videos/intel/again.mkv")
    (tmp_path / "labels.csv").write_text("path,subject\nagain.mkv,ann\n")
    source = SourceRecipe(path=str(path), labels=f"{tmp_path}/labels.csv")
    frames = [frame for frame in read(source, tmp_path) if isinstance(frame, Frame)]
    assert [frame.source.time_ms for frame in frames] == [33, 1000, 2000]
    assert {frame.source.sha256 for frame in frames} == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert {frame.source.path for frame in frames} == {str(path)}
    assert [known.labels.subject for frame in frames for known in frame.known] == ["ann"] * 3


def test_rows_of_a_film_go_to_their_moments(tmp_path: Path, film: Film, noise: Noise) -> None:
    film("a.mp4", noise(100))
    (tmp_path / "labels.csv").write_text(
        "path,subject,emotion,time,frame\na.mp4,ann,,,\na.mp4,,fear,0.98,\na.mp4,,anger,1.02,\na.mp4,,joy,,50\n"
        "a.mp4,,sadness,3.4,\n"
    )
    source = SourceRecipe(path=f"{tmp_path}/a.mp4", labels=f"{tmp_path}/labels.csv")
    *frames, missed = read(source, tmp_path)
    known = [(one.source.time_ms, [face.labels for face in one.known]) for one in frames if isinstance(one, Frame)]
    assert [(time, [(face.subject, face.emotion) for face in faces]) for time, faces in known] == [
        (0, [("ann", None)]),
        (1000, [("ann", "fear")]),
        (2000, [("ann", "joy")]),
        (3000, [("ann", None)]),
    ]
    assert isinstance(missed, Reject)
    assert missed.reason == "labels_between_frames"
    assert missed.detail.startswith("2 of 4 label rows name moments that were not looked at, and 2 frames that were")


def test_a_still_picture_whose_rows_disagree_is_rejected(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "path,emotion,time\na.png,fear,1\na.png,anger,2\nb.JPG,fear,1\nb.JPG,fear,2\n"
    )
    source = SourceRecipe(path=f"{folder}/*.*", labels=f"{tmp_path}/labels.csv")
    assert told(read(source, tmp_path), folder) == [("a.png", "bad_labels"), ("b.JPG", "fear")]


def test_an_animated_picture_gives_frames_and_a_still_one_itself(tmp_path: Path) -> None:
    folder = tmp_path / "gifs"
    folder.mkdir()
    (folder / "still.gif").write_bytes(picture(kind="GIF"))
    frames = [Image.new("RGB", (40, 30), (40 * number, 0, 0)) for number in range(5)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:], duration=500)
    found = [one.source for one in read(SourceRecipe(path=str(folder)), tmp_path) if isinstance(one, Frame)]
    assert [(Path(source.path).name, source.time_ms) for source in found] == [
        ("a.gif", 0),
        ("a.gif", 1000),
        ("a.gif", 2000),
        ("still.gif", 0),
    ]


def test_the_finished_faces_of_another_build_are_listed_and_left_to_be_read_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in (1, 0):
        with ShardWriter(out / f"faces/faces-{number:06d}.tar", out / f"faces/faces-{number:06d}.parquet"):
            pass
    (out / "faces/faces-000002.tar").write_bytes(b"unfinished")
    source = SourceRecipe(build=str(out))
    inputs = list(list_inputs([source]))
    assert [(Path(item.path).name, item.kind) for item in inputs] == [
        ("faces-000000.tar", "build"),
        ("faces-000001.tar", "build"),
    ]
    with pytest.raises(ValueError, match="holds samples"):
        read_input(inputs[0], source, LabelTable.write(source, tmp_path / "labels.sqlite"), 10**6)


def test_a_folder_that_is_no_build_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no .*/faces"):
        list_inputs([SourceRecipe(build=str(tmp_path))])
    (tmp_path / "faces").mkdir()
    with pytest.raises(UserError, match="no finished faces in"):
        list_inputs([SourceRecipe(build=str(tmp_path))])


def test_a_drawn_source_may_be_on_one_side_of_the_split(tmp_path: Path) -> None:
    source = SourceRecipe(synthetic=SyntheticRecipe(count=2, size=64, split="test"))
    frames = [frame for frame in read(source, tmp_path) if isinstance(frame, Frame)]
    assert [known.labels.split for frame in frames for known in frame.known] == ["test", "test"]


def test_a_drawn_face_brings_its_truth(tmp_path: Path) -> None:
    source = SourceRecipe(synthetic=SyntheticRecipe(count=3, people=2, size=64))
    frames, again = (list(read(source, tmp_path)) for _ in range(2))
    for frame, other in zip(frames, again, strict=True):
        assert isinstance(frame, Frame)
        assert isinstance(other, Frame)
        assert frame.source == other.source
        (known,) = frame.known
        assert known.face is not None
        assert known.labels.emotion in (known.labels.emotions or {})
        assert known.labels.action_units is not None
        assert known.labels.subject
