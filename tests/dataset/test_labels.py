import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emocap.core.errors import UserError
from emocap.dataset.known import Known
from emocap.dataset.labels import LabelTable, known_faces, match, with_split
from emocap.dataset.moments import of_a_still
from emocap.dataset.recipe import SourceRecipe, SplitRecipe
from emocap.faces.detectors.base import Detection
from emocap.schema.samples import Labels


def source(tmp_path: Path, text: str, encoding: str = "utf-8") -> SourceRecipe:
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)
    return SourceRecipe(path=str(tmp_path), labels=str(tmp_path / "labels.csv"), rename={"smiling": "happiness"})


def read(source: SourceRecipe, tmp_path: Path) -> LabelTable:
    LabelTable.write(source, tmp_path / "labels.sqlite")
    return LabelTable.open(tmp_path / "labels.sqlite")


def test_every_column_finds_its_place(tmp_path: Path) -> None:
    text = (
        "path,emotion,emotions,action_units,intensity,valence,arousal,subject,split,x,y,age\n"
        "a/b.jpg,smiling,smiling:3;fear:1,L12D+6B,0.5,0.25,-0.5,ann,test,10,20,31\n"
        "a/b.jpg,,,,,,,,,,,\n"
        "c.jpg,,,0,,,,,,,,\n"
    )
    table = read(source(tmp_path, text), tmp_path)
    first, second = table.known("a/b.jpg")
    assert first.labels == Labels(
        emotion="happiness",
        emotions={"happiness": 0.75, "fear": 0.25},
        action_units={"L12": 4.0, "6": 2.0},
        intensity=0.5,
        valence=0.25,
        arousal=-0.5,
        subject="ann",
        split="test",
        other={"age": "31"},
    )
    assert first.where == (10, 20)
    assert second == Known(Labels())
    assert table.known("c.jpg")[0].labels.action_units == {}


def test_a_box_places_a_face(tmp_path: Path) -> None:
    table = read(source(tmp_path, "path,x0,y0,x1,y1\na.jpg,10,20,30,60\n"), tmp_path)
    (known,) = table.known("a.jpg")
    assert known.face == Detection((10, 20, 30, 60), 1.0)
    assert known.where == (20, 40)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    table = read(source(tmp_path, "path,emotion\na.jpg,fear\n", encoding="utf-8-sig"), tmp_path)
    assert table.known("a.jpg") == [Known(Labels(emotion="fear"))]
    assert table.known("b.jpg") == []


def test_a_parquet_table_says_the_same(tmp_path: Path) -> None:
    rows = [
        {"path": "a.jpg", "emotion": "smiling", "action_units": "L12D", "valence": 0.25, "age": 31, "x": 10, "y": 20},
        {
            "path": "a.jpg",
            "emotion": None,
            "action_units": "0",
            "valence": math.nan,
            "age": None,
            "x": None,
            "y": None,
        },
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "labels.parquet")
    recipe = SourceRecipe(
        path="x", labels=str(tmp_path / "labels.parquet"), rename={"smiling": "happiness", "happiness": "joy"}
    )
    assert read(recipe, tmp_path).known("a.jpg") == [
        Known(
            Labels(emotion="happiness", action_units={"L12": 4.0}, valence=0.25, other={"age": "31"}), point=(10, 20)
        ),
        Known(Labels(action_units={})),
    ]


def test_a_table_serves_threads_other_than_the_one_that_opened_it(tmp_path: Path) -> None:
    table = read(source(tmp_path, "path,emotion\na.jpg,fear\n"), tmp_path)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(table.known, ["a.jpg", "b.jpg"] * 200))
    assert found == [[Known(Labels(emotion="fear"))], []] * 200


def test_a_source_without_a_table_has_an_empty_one(tmp_path: Path) -> None:
    assert read(SourceRecipe(path="x"), tmp_path).known("a.jpg") == []


def test_a_table_that_is_written_again_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    before = read(source(tmp_path, "path,emotion\na.jpg,fear\n"), tmp_path)
    after = read(source(tmp_path, "path,emotion\na.jpg,anger\n"), tmp_path)
    assert [one.labels.emotion for table in (before, after) for one in table.known("a.jpg")] == ["fear", "anger"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("picture,emotion\na.jpg,fear\n", "has no column path; its columns are picture, emotion"),
        ("", "has no column path; its columns are none"),
        ("path,action_units\na.jpg,12F\n", "line 2: action_units: '12F'.*not FACS notation"),
        ("path,action_units\na.jpg,99\n", "line 2: action_units: .*'99' is not an action unit"),
        ("path,valence\na.jpg,0.1\nb.jpg,much\n", "line 3: valence: 'much' is not a number"),
        ("path,valence\na.jpg,7\n", "line 2: valence"),
        ("path,x\na.jpg,inf\n", "line 2: x: 'inf' is not a number"),
        ("path,emotions\na.jpg,fear:0\n", "line 2: emotions: the weights add up to nothing"),
        ("path,emotion\n,fear\n", "line 2: no path"),
    ],
)
def test_a_bad_table_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        read(source(tmp_path, text), tmp_path)
    assert not (tmp_path / "labels.sqlite").exists()
    assert "labels.csv" in str(error.value)


def test_a_bad_row_of_parquet_is_told_by_its_number(tmp_path: Path) -> None:
    rows = [{"path": "a.jpg", "valence": 0.5}, {"path": "b.jpg", "valence": 7.0}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "labels.parquet")
    with pytest.raises(UserError, match=r"labels\.parquet, row 1: valence: "):
        read(SourceRecipe(path="x", labels=str(tmp_path / "labels.parquet")), tmp_path)


def test_a_table_in_another_encoding_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not UTF-8"):
        read(source(tmp_path, "path,subject\na.jpg,Zoë\n", encoding="latin-1"), tmp_path)


def test_several_rows_for_one_face_are_one_where_they_agree(tmp_path: Path) -> None:
    text = (
        "path,rater,emotion,subject,valence,x,y\n"
        "a.jpg,r1,fear,,,,\na.jpg,r2,fear,ann,0.5,,\n"
        "b.jpg,r1,fear,,,5,5\nb.jpg,r1,anger,,,9,9\n"
    )
    table = read(source(tmp_path, text), tmp_path)
    recipe = source(tmp_path, text)
    assert of_a_still(known_faces(recipe, table, "a.jpg")) == [
        Known(Labels(emotion="fear", subject="ann", valence=0.5, other={"rater": "r1"}))
    ]
    assert [known.labels.emotion for known in table.known("b.jpg")] == ["fear", "anger"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,emotion\na.jpg,fear\na.jpg,anger\n", "line 2, line 3: these rows for a.jpg .*emotion: fear and anger"),
        ("path,emotion\na.jpg,fear\n./a.jpg,anger\n", r"line 2, line 3: these rows for a.jpg"),
        ("path,valence,x,y\na.jpg,0.1,5,5\na.jpg,0.1,6,6\na.jpg,0.2,5,5\n", "line 2, line 4: .*valence: 0.1 and 0.2"),
        ("path,emotion,time\na.mp4,fear,1\na.mp4,anger,1.0\n", "line 2, line 3: "),
        ("path,emotion,frame\na.mp4,fear,1\na.mp4,joy,2\na.mp4,anger,2\n", "line 3, line 4: "),
    ],
)
def test_several_rows_for_one_face_that_disagree_are_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read(source(tmp_path, text), tmp_path)


def test_votes_are_refused_with_their_lines(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    folder = shared("cases/build/labels-per-rater")
    recipe = SourceRecipe(path=str(folder / "pics"), labels=str(folder / "votes.csv"))
    with pytest.raises(UserError, match=r"votes\.csv, line 2, line 3, line 4: .*pair\.jpg .*happiness and sadness"):
        read(recipe, tmp_path)


def test_rows_name_moments_of_films(tmp_path: Path) -> None:
    text = "path,emotion,time,frame\na.mp4,fear,1.5,\na.mp4,anger,0:02:03.5,\na.mp4,joy,,7\na.mp4,,yesterday,-1\n"
    known = read(source(tmp_path, text), tmp_path).known("a.mp4")
    assert [(one.time, one.frame) for one in known] == [(1.5, None), (123.5, None), (None, 7), (None, None)]


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("session 1\\c.jpg", "session 1/c.jpg"),
        ("./session 1/e.jpg", "session 1/e.jpg"),
        ("pics/session 1/f.jpg", "session 1/f.jpg"),
        ("/data/study/pics/session 1/h.jpg", "session 1/h.jpg"),
        ("C:\\study\\pics\\h.jpg", "h.jpg"),
        ("s3://bucket/pics/h.jpg", "h.jpg"),
        ("pics/pics/a.jpg", "pics/a.jpg"),
        ("session 1/g", "session 1/g.jpg"),
        ("Zoe\u0308.jpg", "Zo\u00eb.jpg"),
        ("Zo\u00eb.jpg", "Zoe\u0308.jpg"),
        ("a//b.jpg", "a/b.jpg"),
    ],
)
def test_a_row_names_an_input_however_its_path_is_written(tmp_path: Path, written: str, there: str) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "l.csv").write_text(f"path,emotion\n{written},fear\n", encoding="utf-8")
    table = read(SourceRecipe(path=str(tmp_path / "pics"), labels=str(tmp_path / "l.csv")), tmp_path)
    assert table.known(there) == [Known(Labels(emotion="fear"))]
    assert table.known("elsewhere/" + there) == []


def test_the_path_itself_comes_before_what_is_like_it(tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    text = "path,emotion\npics/a.jpg,fear\na.jpg,anger\na,joy\n"
    (tmp_path / "l.csv").write_text(text)
    table = read(SourceRecipe(path=str(tmp_path / "pics"), labels=str(tmp_path / "l.csv")), tmp_path)
    found = [[one.labels.emotion for one in table.known(name)] for name in ("a.jpg", "pics/a.jpg", "a.png", "a.x.jpg")]
    assert found == [["anger"], ["fear"], ["joy"], []]


def test_members_of_archives_go_by_their_key_and_by_their_archive(tmp_path: Path) -> None:
    text = "__key__,emotion\n0001,fear\nb/0002,anger\n1.tar/0003.jpg,joy\n2.tar::0003.jpg,sadness\n"
    table = read(source(tmp_path, text), tmp_path)
    names = [("0001.face.jpg", "1.tar"), ("b/0002.jpg", "1.tar"), ("0003.jpg", "1.tar"), ("0003.jpg", "2.tar")]
    assert [table.known(*name)[0].labels.emotion for name in names] == ["fear", "anger", "joy", "sadness"]
    assert table.known("0003.jpg", "3.tar") == []


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no label table nowhere\.csv"):
        read(SourceRecipe(path="x", labels="nowhere.csv"), tmp_path)


def test_a_pattern_labels_what_the_table_does_not(tmp_path: Path) -> None:
    recipe = SourceRecipe(
        path="x", pattern=r"(?P<emotion>\w+)/(?P<subject>\d+)_(?P<camera>\w+)\.jpg", rename={"smiling": "happiness"}
    )
    empty = read(recipe, tmp_path)
    (known,) = known_faces(recipe, empty, "smiling/004_left.jpg")
    assert known.labels == Labels(emotion="happiness", subject="004", other={"camera": "left"})
    assert known_faces(recipe, empty, "readme.jpg") == []
    table = read(source(tmp_path, "path,emotion\nsmiling/004_left.jpg,fear\n"), tmp_path)
    assert known_faces(recipe, table, "smiling/004_left.jpg") == [Known(Labels(emotion="fear"))]


def test_a_pattern_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        SourceRecipe(path="x", pattern="(?P<emotion")


LEFT, RIGHT = Detection((0, 0, 10, 10), 0.9), Detection((20, 0, 50, 30), 0.8)


def test_labels_go_to_the_face_around_their_point() -> None:
    known = [Known(Labels(emotion="fear"), point=(30, 10)), Known(Labels(emotion="anger"), point=(5, 5))]
    labels, missed = match(known, [LEFT, RIGHT])
    assert [one.emotion if one else None for one in labels] == ["anger", "fear"]
    assert missed == []


def test_a_point_in_no_face_is_missed() -> None:
    stray = Known(Labels(emotion="fear"), point=(15, 5))
    assert match([stray], [LEFT, RIGHT]) == ([None, None], [stray])


def test_of_overlapping_faces_the_nearest_centre_counts_and_each_is_taken_once() -> None:
    wide, near = Detection((0, 0, 100, 100), 0.9), Detection((60, 60, 90, 90), 0.9)
    first, second = Known(Labels(emotion="fear"), point=(75, 75)), Known(Labels(emotion="anger"), point=(74, 74))
    labels, missed = match([first, second], [wide, near])
    assert [one.emotion if one else None for one in labels] == ["anger", "fear"]
    assert missed == []


def test_labels_without_a_place_go_to_the_largest_face() -> None:
    assert match([Known(Labels(emotion="fear"))], [LEFT, RIGHT]) == ([None, Labels(emotion="fear")], [])
    assert match([Known(Labels())], []) == ([], [Known(Labels())])


def test_a_split_goes_by_subject_or_by_source_and_respects_the_sources_own() -> None:
    split = SplitRecipe(test=0.5)
    labels = Labels(subject="ann")
    sides = {one.split for one in (with_split(labels, split, f"hash {i}") for i in range(20)) if one}
    assert len(sides) == 1
    by_source = SplitRecipe(by="source", test=0.5)
    sides = {one.split for one in (with_split(labels, by_source, f"hash {i}") for i in range(20)) if one}
    assert sides == {"train", "test"}
    assert with_split(Labels(split="test"), SplitRecipe(test=0.0), "h") == Labels(split="test")
    assert with_split(None, None, "h") is None
