import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from emocap.core.errors import UserError
from emocap.dataset import label_matches
from emocap.dataset.labels import LabelTable
from emocap.dataset.listing import count_members, write_inputs
from emocap.dataset.passed_over import PassedOver
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.sources import list_inputs
from emocap.io.parquet import read_counts, write_table
from emocap.schema.shards import Reject, write_rejects


def listed(out: Path, *sources: dict[str, Any], **parts: Any) -> BuildRecipe:
    """What a build does before it reads its inputs."""
    recipe = BuildRecipe.model_validate({"sources": sources, **parts})
    for number, source in enumerate(recipe.sources):
        LabelTable.write(source, out / "labels" / f"{number}.sqlite")
    passed = PassedOver()
    write_inputs(recipe, list_inputs(recipe.sources, passed), passed, out)
    return recipe


def folder(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return str(root)


def table(tmp_path: Path, *paths: str) -> str:
    (tmp_path / "l.csv").write_text("path,emotion\n" + "".join(f"{path},fear\n" for path in paths))
    return str(tmp_path / "l.csv")


def test_both_sides_are_counted_with_examples_and_what_rows_may_mean(tmp_path: Path) -> None:
    pics = folder(tmp_path / "pics", "a.jpg", "B.jpg", "c.png", "d.jpg", "e.jpg", "f.heic")
    labels = table(tmp_path, "a.jpg", "b.jpg", "c.jpg", "pics/D.JPG", "x.jpg", "y.jpg")
    listed(tmp_path / "out", {"path": pics, "labels": labels})
    (result,) = label_matches.kept(tmp_path / "out") or []
    assert result == {
        "table": "l.csv",
        "rows": 6,
        "rows_without_input": 5,
        "rows_examples": [
            {"path": "b.jpg", "perhaps": "B.jpg"},
            {"path": "c.jpg", "perhaps": "c.png"},
            {"path": "pics/D.JPG", "perhaps": "d.jpg"},
        ],
        "inputs": 5,
        "inputs_without_row": 4,
        "inputs_examples": ["B.jpg", "c.png", "d.jpg"],
    }
    assert label_matches.in_words(result) == [
        "l.csv: 5 of 6 rows name no input, such as b.jpg (is it B.jpg?), c.jpg (is it c.png?), "
        "pics/D.JPG (is it d.jpg?)",
        "l.csv: 4 of 5 inputs have no row, such as B.jpg, c.png, d.jpg",
    ]
    assert read_counts(tmp_path / "out/inputs.parquet") == {"passed over: .heic": 1}


def test_nothing_is_said_where_all_have_their_other_side(tmp_path: Path) -> None:
    listed(tmp_path / "out", {"path": folder(tmp_path / "pics", "a.jpg"), "labels": table(tmp_path, "a.jpg")})
    assert [label_matches.in_words(one) for one in label_matches.kept(tmp_path / "out") or []] == [[]]


def test_a_table_that_names_nothing_is_refused(tmp_path: Path) -> None:
    source = {"path": folder(tmp_path / "pics", "a.jpg"), "labels": table(tmp_path, "x/a.jpg")}
    with pytest.raises(
        UserError, match=r"l\.csv: none of its 1 rows names an input; the first is x/a\.jpg, and there is a"
    ):
        listed(tmp_path / "out", source)
    assert not (tmp_path / "out/inputs.parquet").exists()


def test_sources_may_share_a_table(tmp_path: Path) -> None:
    one, other = (folder(tmp_path / name, f"{name}.jpg") for name in ("a", "b"))
    labels = table(tmp_path, "a.jpg", "c.jpg")
    listed(tmp_path / "out", {"path": one, "labels": labels}, {"path": other, "labels": labels})
    (result,) = label_matches.kept(tmp_path / "out") or []
    assert (result["rows_without_input"], result["inputs_without_row"]) == (1, 1)


def test_members_are_counted_once_they_are_known(tmp_path: Path) -> None:
    tars = folder(tmp_path / "tars", "1.tar", "p.jpg")
    out = tmp_path / "out"
    recipe = listed(out, {"path": tars, "labels": table(tmp_path, "0001", "0002.jpg", "p.jpg")})
    assert label_matches.kept(out) is None
    seen = [f"{tars}/1.tar::0001.jpg", f"{tars}/1.tar::0003.jpg", f"{tars}/1.tar::0003.jpg", f"{tars}/1.tar"]
    write_rejects(out / "rejects/faces-000000.parquet", [Reject("faces", "no_face", "", path) for path in seen[1:]])
    write_table(out / "faces/faces-000000.parquet", pa.table({"source": seen[:1]}))
    count_members(recipe, out)
    (result,) = label_matches.kept(out) or []
    assert (result["rows_without_input"], result["rows_examples"]) == (1, [{"path": "0002.jpg", "perhaps": None}])
    assert (result["inputs"], result["inputs_without_row"]) == (3, 1)
    assert result["inputs_examples"] == ["1.tar::0003.jpg"]
    before = (out / "labels/matches.json").stat().st_mtime_ns
    count_members(recipe, out)
    assert (out / "labels/matches.json").stat().st_mtime_ns == before


def test_a_captioner_that_needs_labels_is_refused_where_none_can_come(tmp_path: Path) -> None:
    pics = folder(tmp_path / "pics", "a.jpg")
    with pytest.raises(UserError, match=r"makes captions of labels, and no source has any; give a source labels"):
        listed(tmp_path / "out", {"path": pics})
    listed(tmp_path / "none", {"path": pics}, captioner={"backend": "none"})
    listed(tmp_path / "pattern", {"path": pics, "pattern": r"(?P<emotion>\w+)\.jpg"})
    listed(tmp_path / "synthetic", {"path": pics}, {"synthetic": {"count": 1}})


def test_paths_as_people_write_them(tmp_path: Path, shared: Callable[[str], Path]) -> None:
    case = shared("cases/build/labels-that-match-nothing")
    listed(tmp_path / "out", {"path": str(case / "pics"), "labels": str(case / "labels.csv")})
    (result,) = json.loads((tmp_path / "out/labels/matches.json").read_text())
    assert (result["rows"], result["inputs"]) == (8, 8)
    assert label_matches.in_words(result) == [
        "labels.csv: 1 of 8 rows name no input, such as session 1/b.jpg (is it session 1/b.JPG?)",
        "labels.csv: 1 of 8 inputs have no row, such as session 1/b.JPG",
    ]
