from pathlib import Path

import pytest

from emocap.core.errors import UserError
from emocap.preference.pairs import Pair
from emocap.preference.tables import Tally, columns_of, read_descriptions, read_preferences, write_unjudged

PAIRS = 'name,a1,a2,preference\nclip1,"Sad, and quiet.",Happy.,a1\nclip2,Angry.,Afraid.,same\n'


def table(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def preferences(path: Path) -> list[tuple[Pair, str | None]]:
    return [(one.pair, one.answer) for one in read_preferences(path, Tally())]


def test_the_official_table_without_models(tmp_path: Path) -> None:
    assert preferences(table(tmp_path, PAIRS)) == [
        (Pair("clip1", "Sad, and quiet.", "Happy."), "a1"),
        (Pair("clip2", "Angry.", "Afraid."), "same"),
    ]


@pytest.mark.parametrize("names", ["model1,model2", "model_a1,model_a2"])
def test_models_have_two_spellings(tmp_path: Path, names: str) -> None:
    path = table(tmp_path, f"name,{names},a1,a2,preference\nx,gpt,qwen,One.,Two., A2 \ny,qwen,gpt,One.,Two.,\n")
    assert preferences(path) == [
        (Pair("x", "One.", "Two.", "gpt", "qwen"), "a2"),
        (Pair("y", "One.", "Two.", "qwen", "gpt"), None),
    ]


def test_no_column_of_preferences_is_nobody_asked(tmp_path: Path) -> None:
    assert preferences(table(tmp_path, "name,a1,a2\nx,One.,Two.\n")) == [(Pair("x", "One.", "Two."), None)]


def test_a_mark_at_the_beginning_and_other_line_ends_do_not_matter(tmp_path: Path) -> None:
    plain = preferences(table(tmp_path, PAIRS))
    assert preferences(table(tmp_path, PAIRS.encode("utf-8-sig"))) == plain
    assert preferences(table(tmp_path, PAIRS.replace("\n", "\r\n"))) == plain
    assert preferences(table(tmp_path, PAIRS + "\n,,,\n\n")) == plain
    lines = table(tmp_path, 'name,a1,a2\nx,"One,\nand more.","She says ""no""."\n')
    assert preferences(lines) == [(Pair("x", "One,\nand more.", 'She says "no".'), None)]


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    tally = Tally()
    path = table(
        tmp_path,
        "name,model1,model2,a1,a2,preference\n"
        "x,a,a,One.,Two.,a1\n"
        "x,a,b,One.,,a1\n"
        "x,a,b,,Two.,a1\n"
        "x,a,b,One.,Two.,a1\n"
        "x,b,a,Two.,One.,a2\n",
    )
    found = list(read_preferences(path, tally))
    assert [(one.pair.model1, one.answer) for one in found] == [("a", "a1"), ("b", "a2")]
    assert [(one.reason, one.count) for one in tally.listed()] == [
        ("empty description", 2),
        ("a model paired with itself", 1),
        ("repeated pair, counted again", 1),
    ]
    assert tally.listed()[0].example == f"{path}, line 3: a2 of x"
    assert tally.listed()[2].example == f"{path}, line 6: x"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty; its first line must name the columns"),
        ("name,a1\nx,One.\n", "has no column a2; there are name, a1"),
        ("name;a1;a2;preference;model1;model2\nx;One.;Two.;a1;a;b\n", "parted by semicolons; save it with commas"),
        ("name\ta1\ta2\nx\tOne.\tTwo.\n", "parted by tabs; save it with commas"),
        ("name,a1,a2,a1\n", "has two columns that are called 'a1'"),
        ("name,a1,a2,preference\nx,One.,Two.,a3\n", "line 2: the preference 'a3' is not one of a1, a2, same"),
        ("name,a1,a2,preference\nx,One.,Two.,tie\n", "'tie' is not one of"),
        ("name,a1,a2\n,One.,Two.\n", "line 2: the column name is empty"),
        ("name,a1,a2,model1\nx,One.,Two.,a\n", "has the column model1 without its other half"),
        ("name,a1,a2,model1,model2\nx,One.,Two.,a,\n", "line 2: the column model2 is empty"),
        ("name,a1,a2\nx,One, or so.,Two.\n", "line 2: 4 values, the header has 3; is a quote missing?"),
        ('name,a1,a2\nx,"One.,Two.\ny,"Three.",Four.\n', "line 3: "),
        (PAIRS.encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (PAIRS.encode("utf-16-le"), "line 1, has null bytes"),
        (PAIRS.replace("Angry", "An\0gry"), "line 3, has null bytes"),
        ("name,a1,a2\nx,高兴,难过\n".encode("gbk"), "line 2, is not UTF-8; save it as UTF-8"),
        ("name,a1,a2\nx,Müde.,Två.\n".encode("latin-1"), "line 2, is not UTF-8; save it as UTF-8"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    path = table(tmp_path, content)
    with pytest.raises(UserError) as error:
        preferences(path)
    assert str(error.value).startswith(str(path))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        columns_of(tmp_path / "nowhere.csv")


def test_descriptions(tmp_path: Path) -> None:
    tally = Tally()
    path = table(
        tmp_path, "name,model,description,emotions\nx,a,He smiles.,[happy]\nx,b,He frowns.,\ny,a,,\nz,a, \t ,sad\n"
    )
    found = list(read_descriptions(path, tally))
    assert [(one.name, one.model, one.text, one.emotions) for one in found] == [
        ("x", "a", "He smiles.", "[happy]"),
        ("x", "b", "He frowns.", ""),
    ]
    assert [(one.reason, one.count) for one in tally.listed()] == [("empty description", 2)]


def test_two_descriptions_of_one_input_by_one_describer(tmp_path: Path) -> None:
    path = table(tmp_path, "name,model,description\nx,a,One.\ny,a,One.\nx,a,Two.\n")
    with pytest.raises(UserError, match=r"line 4: a has described x in .*line 2 already"):
        list(read_descriptions(path, Tally()))


def test_what_people_are_to_judge_can_be_read_again(tmp_path: Path) -> None:
    pairs = [Pair("x", 'One,\n"two".', "Three.", "a", "b"), Pair("ü", "Å", "β", "b", "c")]
    write_unjudged(tmp_path / "next.csv", pairs)
    assert preferences(tmp_path / "next.csv") == [(pair, None) for pair in pairs]
