from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emocap.annotators.table_formats import Cell, Long, Wide, cells_of, form_of, plain
from emocap.annotators.tables import read_table
from emocap.core.errors import UserError
from emocap.io.tables import Row

LONG = "item,annotator,label\na,1,happy\nb,2,sad\n"


def written(folder: Path, content: str | bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_mark_at_the_beginning_is_no_part_of_a_column(tmp_path: Path, mark: str) -> None:
    table = read_table(written(tmp_path, mark + LONG))
    assert table.columns == ["item", "annotator", "label"]
    assert table.rows == [Row("line 2", ["a", "1", "happy"]), Row("line 3", ["b", "2", "sad"])]


def test_tabs_part_the_cells_of_tsv(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, LONG.replace(",", "\t"), "votes.tsv")).columns == [
        "item",
        "annotator",
        "label",
    ]


def test_parquet_is_read_as_text(tmp_path: Path) -> None:
    columns = {
        "item": pa.array([7, 8]),
        "label": pa.array([3.0, None]),
        "note": pa.array(["x", None]).dictionary_encode(),
        "exact": pa.array([0.25, float("nan")]),
        "picture": pa.array([b"", b""]),
        "votes": pa.array([[1], [2]]),
    }
    pq.write_table(pa.table(columns), tmp_path / "votes.parquet")
    table = read_table(tmp_path / "votes.parquet")
    assert table.columns == ["item", "label", "note", "exact"]
    assert [row.cells for row in table.rows] == [["7", "3", "x", "0.25"], ["8", "", "", ""]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (LONG.encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (LONG.encode("utf-16-le"), "line 1, has null bytes, as UTF-16 has"),
        (LONG.replace(",", ";").encode(), "parted by semicolons; save it with commas"),
        (LONG.replace(",", "\t").encode(), "parted by tabs; save it with commas"),
        ("item,annotator,label\na,1,fröhlich\n".encode("latin-1"), "is not UTF-8"),
        (b"item,annotator,label\n", "has a header and no rows"),
        (b"item,annotator,label\na,1\n", "line 2 has 2 cells, and the header 3"),
        (b"item,annotator,label\na,1,x\n\nb,1,x,y\n", "line 4 has 4 cells, and the header 3"),
        (b'item,annotator,label\na,1,"x\n', "line 2: unexpected end of data"),
        (b"item,label,label\na,1,1\n", "several columns called label"),
    ],
)
def test_a_file_that_is_no_table_is_told_in_a_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_table(written(tmp_path, content))


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.csv: No such file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match="Is a directory"):
        read_table(tmp_path)
    with pytest.raises(UserError, match=r"votes\.parquet cannot be read"):
        read_table(written(tmp_path, "PAR1 and more", "votes.parquet"))


def test_a_long_table_has_a_row_per_label(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "annotator,item,label,prediction\n A ,x, happy ,sad\nB,x,,sad\n"))
    assert form_of(table, "label") == Long()
    assert cells_of(table, Long(), "label") == {
        "": [Cell("x", "A", " happy ", "line 2"), Cell("x", "B", "", "line 3")],
    }
    assert [cell.text for cell in cells_of(table, Long(), "prediction")[""]] == ["sad", "sad"]


@pytest.mark.parametrize(("row", "told"), [(",1,x", "line 2: no item"), ("a, ,x", "line 2: no annotator")])
def test_a_label_belongs_to_somebody(tmp_path: Path, row: str, told: str) -> None:
    table = read_table(written(tmp_path, f"item,annotator,label\n{row}\n"))
    with pytest.raises(UserError, match=told):
        cells_of(table, Long(), "label")


def test_amers_table_is_known_by_its_columns(tmp_path: Path) -> None:
    header = "name," + ",".join(f"discrete{number}" for number in (10, 2, 1)) + ",valence"
    table = read_table(written(tmp_path, f"{header}\nsample_1,ten,two,,0.5\n"))
    form = form_of(table, "label")
    assert form == Wide("name", {"": {"1": "discrete1", "2": "discrete2", "10": "discrete10"}})
    told = [(cell.annotator, cell.text) for cell in cells_of(table, form, "label")[""]]
    assert told == [("1", ""), ("2", "two"), ("10", "ten")]


def test_every_perspective_of_street_is_a_task(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "image,Safe_1,Safe_2,Very_Lively_2,Very_Lively_1\n1.jpg,3,-1,-1.0,0\n"))
    form = form_of(table, "label")
    assert isinstance(form, Wide)
    assert form.item == "image"
    cells = cells_of(table, form, "label")
    assert [(cell.annotator, cell.text) for cell in cells["Safe"]] == [("1", "3"), ("2", "-1")]
    assert [(cell.annotator, cell.text) for cell in cells["Very_Lively"]] == [("1", "0"), ("2", "-1.0")]


def test_a_perspective_of_one_annotator_is_a_slip(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "image,Safe_1,Safe_2,Saef_3\n1.jpg,3,1,1\n"))
    with pytest.raises(UserError, match="Saef_3 is the only column of its perspective"):
        form_of(table, "label")


def test_other_wide_tables_are_named_by_their_columns(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, ",clip,face,voice\n1,x,H,N\n"))
    form = form_of(table, "label", "clip", ["voice", "face"])
    assert [(cell.annotator, cell.text) for cell in cells_of(table, form, "label")[""]] == [
        ("voice", "N"),
        ("face", "H"),
    ]
    with pytest.raises(UserError, match="has no column speech; its columns are clip; face; voice"):
        form_of(table, "label", "clip", ["speech"])
    with pytest.raises(UserError, match=r"neither long .* nor like AMER's .* nor like STREET's .* clip; face; voice"):
        form_of(table, "label")
    for item, raters in (("clip", []), (None, ["face"])):
        with pytest.raises(UserError, match="a wide table needs both"):
            form_of(table, "label", item, raters)


def test_predictions_may_be_long_beside_a_wide_table(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "item,annotator,prediction\na,1,x\n"))
    assert form_of(table, "prediction", "clip", ["face"]) == Long()


@pytest.mark.parametrize(
    ("text", "wanted"), [(" a  b ", "a b"), ("3.0", "3"), ("-1.00", "-1"), ("3.5", "3.5"), ("v3.0", "v3.0")]
)
def test_labels_are_compared_without_space_and_useless_zeros(text: str, wanted: str) -> None:
    assert plain(text) == wanted
