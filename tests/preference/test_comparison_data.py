import json
from pathlib import Path

import pytest

from emocap.core.errors import UserError
from emocap.preference.comparison_data import gather
from emocap.preference.pairs import Pair
from tests.support.asked import asked


def described(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["name,model,description", *rows]) + "\n")
    return path


def test_builds_of_the_same_faces(labelled_build: Path, asked_build: Path) -> None:
    data = gather([labelled_build, asked_build])
    assert list(data.descriptions) == ["annotations", "openai:qwen"]
    assert [len(said) for said in data.descriptions.values()] == [120, 96]
    shared = list(data.shared("annotations", "openai:qwen"))
    assert len(shared) == 96
    assert set(shared) == set(data.descriptions["openai:qwen"])
    pair = data.pair(shared[0], "openai:qwen", "annotations")
    assert pair.a1.startswith("qwen sees a face")
    assert "The chin is at rest." in pair.a1
    assert pair.models == ("openai:qwen", "annotations")
    sample = data.picture(shared[0])
    assert sample is not None
    assert sample.record.key == shared[0]
    assert sample.record.labels is not None
    assert sample.record.labels.emotion == data.true[shared[0]][0]
    assert data.picture("no such face") is None
    assert data.sources == {"annotations": str(labelled_build), "openai:qwen": str(asked_build)}


def test_emotion_words_are_those_named_as_such_or_those_that_the_text_affirms(
    labelled_build: Path, asked_build: Path
) -> None:
    data = gather([labelled_build, asked_build])
    for name, said in data.descriptions["openai:qwen"].items():
        # This captioner says which emotion it sees, and names none as such.
        assert said.emotions == data.true[name][:1]
    for name, said in data.descriptions["annotations"].items():
        assert set(said.emotions) <= set(data.true[name])


def test_captioners_that_are_called_the_same_have_the_names_of_their_folders(tmp_path: Path) -> None:
    first, second = asked(tmp_path / "short", "qwen"), asked(tmp_path / "long", "qwen", "another-prompt")
    assert list(gather([first, second]).descriptions) == ["short", "long"]
    third = asked(tmp_path / "b" / "short", "qwen")
    assert list(gather([first, third]).descriptions) == [f"{tmp_path.name}/short", "b/short"]
    with pytest.raises(UserError, match="two builds are called"):
        gather([first, first])


def test_a_table_beside_a_build(tmp_path: Path, labelled_build: Path) -> None:
    keys = list(gather([labelled_build, asked(tmp_path / "q", "q")]).descriptions["annotations"])[:3]
    table = described(tmp_path / "gpt.csv", *(f"{key},gpt,It looks sad and not angry." for key in keys))
    data = gather([labelled_build, table])
    assert list(data.shared("annotations", "gpt")) == keys
    assert data.descriptions["gpt"][keys[0]].emotions == ("sadness",)
    named = tmp_path / "named.csv"
    named.write_text(f"name,model,description,emotions\n{keys[0]},llm,It looks sad.,\"['wistful', lonely]\"\n")
    assert gather([table, named]).descriptions["llm"][keys[0]].emotions == ("wistful", "lonely")


def test_a_table_of_pairs_is_taken_as_given(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("name,a1,a2,preference\nx,One.,Two.,a2\n")
    data = gather([table])
    assert [one.pair for one in data.given or []] == [Pair("x", "One.", "Two.")]
    with pytest.raises(UserError, match="is a second table of pairs"):
        gather([table, table])


def test_what_cannot_be_compared_is_one_line(tmp_path: Path, labelled_build: Path) -> None:
    alone = described(tmp_path / "alone.csv", "x,gpt,Sad.")
    for inputs, told in (
        ([], "two captioners or more, there is none"),
        ([alone], "there is only gpt"),
        ([labelled_build, alone], "describe no input in common"),
        ([tmp_path], "is not a finished build"),
        ([tmp_path / "nowhere"], "No such file"),
        ([alone, described(tmp_path / "again.csv", "y,gpt,Sad.")], "gpt also is in"),
    ):
        with pytest.raises(UserError) as error:
            gather(inputs)
        assert told in str(error.value)
    other = tmp_path / "other.csv"
    other.write_text("path,label\n")
    with pytest.raises(UserError, match="descriptions need name, model, description, pairs name, a1, a2"):
        gather([other])


def test_a_build_without_captions_or_with_damage(tmp_path: Path, labelled_build: Path) -> None:
    bare = asked(tmp_path / "bare", "qwen")
    manifest = json.loads((bare / "manifest.json").read_text())
    (bare / "manifest.json").write_text(json.dumps(manifest | {"captioner": {"backend": "none"}}))
    with pytest.raises(UserError, match="has faces and no captions"):
        gather([labelled_build, bare])
    (bare / "manifest.json").write_text(json.dumps(manifest))
    tar = bare / "shards" / "emocap-000000.tar"
    tar.write_bytes(tar.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"is damaged: .*emocap-000000"):
        gather([labelled_build, bare])
