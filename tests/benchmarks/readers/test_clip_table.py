"""The nine cards of MER-UniBench read their miniatures, and what is wrong in a table is told in a line."""

from pathlib import Path

import numpy as np
import pytest

from emocap.benchmarks import drawing
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples
from emocap.io.media import Film

EXPECTED = {
    "ov-merd-plus": ("sample_00000002", ("sad", "lonely", "let down")),
    "mer2023": ("sample_00000004", ("worried",)),
    "mer2024": ("samplenew_00000001", ("happy",)),
    "meld": ("test_dia12_utt0", ("neutral",)),
    "iemocap-4": ("Ses05F_impro01_F003", ("anger",)),
    "cmu-mosi": ("drawn2_1", -2.4),
    "cmu-mosei": ("drawn5_1", 0.2),
    "sims": ("video_0001_0012", 0.0),
    "sims-v2": ("video_0001_0001", 1.8),
}


def card(name: str, *overrides: str) -> Card:
    return load(Card, "benchmarks", name, overrides)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("uni-bench")
    for name in EXPECTED:
        drawing.write_fixture(name, card(name), root)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A small table of two clips without their films."""
    (tmp_path / "label.csv").write_text('name,label\nSes05_1,happy\nSes05_2,"[sad, tired]"\n')
    (tmp_path / "transcription-engchi-polish.csv").write_text("name,chinese,english\nSes05_1,好,Good.\n")
    return tmp_path


@pytest.mark.parametrize("name", EXPECTED)
def test_every_card_reads_its_miniature(data: Path, name: str) -> None:
    found = {example.name: example for example in read_examples(card(name), data)}
    called, shown = EXPECTED[name]
    example = found[called]
    if isinstance(shown, float):
        assert (example.labels, example.values) == (None, {"sentiment": shown})
    else:
        assert (example.labels, example.values) == (shown, None)
    assert len(found) == 12
    assert {one.splits for one in found.values()} == {("test",)}
    texts = [one.text for one in found.values()]
    assert texts[1] == 'Nobody has called, and nobody will. "Never," they said.'
    assert texts[5] == ""
    assert len({one.media.sha256() for one in found.values()}) == 12
    assert all(len(one.media.pictures(8)) == 8 for one in list(found.values())[:2])


def test_a_clip_is_where_it_is(data: Path) -> None:
    paths = [one.media.path for one in read_examples(card("mer2023"), data) if isinstance(one.media, Film)]
    assert {path.suffix for path in paths} == {".mp4", ".avi"}
    assert all(path.is_file() for path in paths)


def test_words_are_read_without_films(own: Path) -> None:
    first, second = read_examples(card("iemocap-4"), own)
    assert (first.labels, first.text, second.labels, second.text) == (("happy",), "Good.", ("sad", "tired"), None)
    assert isinstance(first.media, Film)
    assert first.media.path == own / "subvideo-tgt/Ses05_1.avi"


def test_what_is_said_may_be_left_out(own: Path) -> None:
    (own / "transcription-engchi-polish.csv").unlink()
    with pytest.raises(UserError, match=r"transcription-engchi-polish\.csv: No such file"):
        read_examples(card("iemocap-4"), own)
    assert [one.text for one in read_examples(card("iemocap-4", "layout.transcript=null"), own)] == [None, None]


def test_pickled_labels_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "label.npz", test_corpus=np.array({"a": 1}, dtype=object))
    with pytest.raises(UserError) as caught:
        read_examples(card("sims"), tmp_path)
    told = str(caught.value)
    assert "label.npz holds pickled Python objects, which emocap does not open" in told
    assert "as value.csv with columns name,value" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("name,value\na,1\nb,high\n", "line 3: 'high' is not a number"),
        ("name,value\na,\n", "line 2: '' is not a number"),
        ("name,value\na,nan\n", "line 2: 'nan' is not a number"),
        ("name,value\n,1\n", "line 2: no name"),
        ("name,value\n../a,1\n", r"line 2: '\S+' is not a name below"),
        ("name,value\na,1\na,2\n", "a is annotated more than once"),
        ("name,values\na,1\n", "has no column value"),
        ("name,value\n", "no labelled test pictures"),
    ],
)
def test_what_a_table_cannot_mean_is_told(tmp_path: Path, table: str, told: str) -> None:
    (tmp_path / "value.csv").write_text(table)
    (tmp_path / "transcription-engchi-polish.csv").write_text("name,english\n")
    with pytest.raises(UserError, match=told):
        read_examples(card("cmu-mosi"), tmp_path)


@pytest.mark.parametrize("media", ["[]", "[video/clip.mp4]", '["{name}/{name}.mp4"]'])
def test_places_have_a_name(media: str) -> None:
    with pytest.raises(UserError, match="media"):
        card("sims", f"layout.media={media}")


def test_texts_count_in_the_hash_of_the_data(own: Path) -> None:
    from emocap.benchmarks.loading import data_sha256

    def digest() -> str:
        found: list[Example] = read_examples(card("iemocap-4"), own)
        return data_sha256(found, [""] * len(found))

    before = digest()
    (own / "label.csv").write_text('name,label\nSes05_1,happy\nSes05_2,"[sad, weary]"\n')
    assert digest() != before
