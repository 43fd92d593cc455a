from pathlib import Path
from typing import Any

import pytest

from emocap.core.errors import UserError
from emocap.dataset.label_rows import meanings, rows
from tests.conftest import SHARED

CASES = SHARED / "cases" / "build"


def read(path: Path, text: str | bytes, **columns: str) -> list[dict[str, Any]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [row for _, row in rows(str(path), columns, {})]


SAME = [{"path": "a.jpg", "emotion": "fear"}, {"path": "b.jpg", "emotion": "anger"}]


@pytest.mark.parametrize(
    "text",
    [
        "path,emotion\na.jpg,fear\nb.jpg,anger\n",
        "path, emotion\na.jpg, fear\nb.jpg, anger\n",
        "Path,EMOTION\na.jpg,fear\nb.jpg,anger\n",
        "path;emotion\na.jpg;fear\nb.jpg;anger\n",
        "path\temotion\na.jpg\tfear\nb.jpg\tanger\n",
        "path|emotion\na.jpg|fear\nb.jpg|anger\n",
        "\ufeffpath,\u200bemotion\u200b\na.jpg,fear\nb.jpg,anger\n",
        "path,emotion,\na.jpg,fear,\nb.jpg,anger,,\n",
        "path,emotion\r\na.jpg,fear\r\n\r\n,\r\nb.jpg,anger",
        "file_name,label\na.jpg,fear\nb.jpg,anger\n",
        "__key__,Expression\na.jpg,fear\nb.jpg,anger\n",
        '"path","emotion"\n"a.jpg","fear"\n"b.jpg","anger"\n',
    ],
)
def test_one_table_in_all_the_ways_that_it_is_written(text: str, tmp_path: Path) -> None:
    found = [{name: str(cell).strip() for name, cell in row.items()} for row in read(tmp_path / "l.csv", text)]
    assert found == SAME


def test_a_column_of_its_own_name_comes_before_its_usual_other_names(tmp_path: Path) -> None:
    (row,) = read(tmp_path / "l.csv", "path,image,label,emotion\na.jpg,1,real,fear\n")
    assert row == {"path": "a.jpg", "image": "1", "label": "real", "emotion": "fear"}


def test_numbers_of_classes_are_no_emotions_unless_they_are_given_names(tmp_path: Path) -> None:
    path, text = tmp_path / "l.csv", "path,label\na.jpg,3\n"
    assert read(path, text) == [{"path": "a.jpg", "label": "3"}]
    assert read(path, text, label="emotion") == [{"path": "a.jpg", "emotion": "3"}]
    assert [row for _, row in rows(str(path), {}, {"3": "fear"})] == [{"path": "a.jpg", "emotion": "3"}]


def test_a_recipe_names_columns(tmp_path: Path) -> None:
    text = "Bild,Klasse,label\na.jpg,fear,real\n"
    assert read(tmp_path / "l.csv", text, Bild="path", Klasse="emotion") == [
        {"path": "a.jpg", "emotion": "fear", "label": "real"}
    ]
    with pytest.raises(UserError, match=r"l\.csv has no column Foto; its columns are Bild, Klasse, label"):
        read(tmp_path / "l.csv", text, Foto="path")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "path,emotion,emotion\na.jpg,fear,anger\n",
            r"has the column emotion more than once \('emotion', 'emotion'\)",
        ),
        ("path,emotion,Emotion\na.jpg,fear,anger\n", r"the column emotion more than once \('emotion', 'Emotion'\)"),
        ("path,note,note\na.jpg,1,2\n", "the column note more than once"),
        ("file,image,emotion\na.jpg,1,fear\n", "no column path and several that may be it, file, image"),
        ("path,label,expression\na.jpg,1,fear\n", "no column emotion and several that may be it, label, expression"),
        ("path,emotion\na,b.jpg,fear\n", "line 2: 3 cells, and the header names 2 columns"),
        ('path,emotion\na.jpg,"fear\nb.jpg,anger\n', "line 3: unexpected end of data since line 2; is there a stray"),
        ('path,emotion\n"a.jpg,fear\nb.jpg,"anger\n', "line 3: .* expected after .* since line 2"),
        (
            'path,emotion\na.jpg,"fear\nb.jpg,anger"\n',
            r"line 3: emotion holds 2 lines \('fear' ...\); is there a stray",
        ),
        ('path,note\na.jpg,"x\nb.jpg,y\nc.jpg,"\n', r"line 4: note holds 3 lines .*stray quote"),
        ("path,emotion\na.jpg,fe\x07ar\n", r"line 2: emotion holds the control character U\+0007"),
        ("path,emotion\na.\x00jpg,fear\n", r"line 2: path holds the control character U\+0000"),
        ("picture;emotion\na.jpg;fear\n", "has no column path; its columns are picture, emotion"),
        ("path,emotion\na.jpg,fear\n".encode("utf-16"), "is not UTF-8"),
    ],
)
def test_what_no_table_should_hold_is_refused_by_line(text: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said) as error:
        read(tmp_path / "l.csv", text)
    assert "l.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_note_may_have_lines(tmp_path: Path) -> None:
    (row,) = read(tmp_path / "l.csv", 'path,note\na.jpg,"one, two\nthree"\n')
    assert row["note"] == "one, two\nthree"


def test_tables_as_people_write_their_headers() -> None:
    folder = CASES / "labels-header-spelling"
    if not folder.exists():
        pytest.skip("../shared/cases is absent")
    for name in ("space.csv", "capital.csv"):
        found = [row for _, row in rows(str(folder / name), {}, {})]
        assert found == [{"path": f"{number}.jpg", "emotion": "happiness"} for number in (0, 1)]
    with pytest.raises(UserError, match=r"twice\.csv has the column emotion more than once"):
        list(rows(str(folder / "twice.csv"), {}, {}))


def test_surplus_names_and_places() -> None:
    assert meanings(["", "Action Units", "note", "x-0"], {}, "t") == {1: "action_units", 2: "note", 3: "x-0"}
