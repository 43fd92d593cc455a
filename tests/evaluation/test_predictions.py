"""Files of what a model said before."""

import json
from pathlib import Path

import numpy as np
import pytest

from emocap.core.errors import UserError
from emocap.evaluation.predictions import Predictions
from emocap.llm.chat_request import ChatRequest

ASKS = [ChatRequest("clips/one.mp4", "?"), ChatRequest("clips/two.mp4", "?"), ChatRequest("clips/three.mp4", "?")]


def said(path: Path) -> list[str | None]:
    return [response.text for response in Predictions(path).answer(ASKS, "bench")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"id": "clips/one.mp4", "answer": "happy"}\n\n{"video_id": "two", "model_response": "sad"}\n'),
        ("a.json", '[{"name": "one.mp4", "prediction": "happy"}, {"path": "/data/clips/two.mp4", "text": "sad"}]'),
        ("a.json", '{"one": "happy", "two": {"response": "sad"}}'),
        ("a.csv", "name,reason\none,happy\ntwo,sad\n"),
        ("a.csv", "\ufeffname,openset\none,happy\ntwo,sad\n"),
    ],
)
def test_forms(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert said(tmp_path / name) == ["happy", "sad", None]


def test_line_ends_alone_part_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "one", "answer": "a\u2028b\x85c"}\r\n{"id": "two", "answer": "d"}\r\n')
    assert said(tmp_path / "a.jsonl") == ["a\u2028b\x85c", "d", None]
    (tmp_path / "a.csv").write_bytes(b'name,answer\rone,"a\rb"\rtwo,c\r')
    assert said(tmp_path / "a.csv") == ["a\rb", "c", None]


def test_arrays_of_text_are_read_and_pickled_objects_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a-openset.npz"
    np.savez_compressed(path, filenames=["one", "two"], fileitems=["[happy, glad]", ""])
    one, two, _ = Predictions(path).answer(ASKS, "bench")
    assert (one.text, one.fields, two.text) == ("[happy, glad]", {"openset": "[happy, glad]"}, None)
    for arrays in ({"name2reason": np.array({"one": "happy"}, dtype=object)}, {"filenames": ["one"]}):
        np.savez(path, **arrays)
        with pytest.raises(UserError, match="holds Python objects"):
            said(path)


def test_a_folder_has_a_file_for_each_benchmark(tmp_path: Path) -> None:
    (tmp_path / "bench.csv").write_text("name,answer\nthree,calm\n")
    assert said(tmp_path) == [None, None, "calm"]
    with pytest.raises(UserError, match=r"has no other\.jsonl, \.json, \.csv or \.npz"):
        Predictions(tmp_path).answer(ASKS, "other")


def test_numbers_and_other_fields_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"one": [0.5, 2.0], "two": {"answer": "", "score": 1}}))
    one, two, three = Predictions(tmp_path / "a.json").answer(ASKS, "bench")
    assert one.fields == {"value": [0.5, 2.0]}
    assert (two.text, two.reason, two.fields["score"]) == (None, "empty", 1)
    assert three.reason == "no_prediction"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"id": "one", "answer": "a"}\n{"id": "one", "answer": "b"}', "one is there twice"),
        ("a.jsonl", '{"id": "four", "answer": "a"}', "1 names are of no example that is tested: four"),
        ("a.jsonl", '{"answer": "a"}', "line 1 has no name; it is sought under name, id"),
        ("a.jsonl", "{", "line 1 is not JSON"),
        ("a.json", "[1]", "entry 1 is no row with a name and a text"),
        ("a.npz", "", "holds Python objects, which reading would execute"),
        ("a.txt", "", r"is none of \.jsonl"),
        ("a.json", '{"one": "a", "two": "b", "one": "c"}', r"a\.json: one is there twice"),
        ("a.json", "[" * 100_000, "is JSON of too many levels"),
        ("a.csv", "name,answer\none," + "x" * 11_000_000, "field larger than field limit"),
        ("a.csv", "name,reply\none,happy\n", "no row says anything; it is sought under prediction, "),
        ("a.jsonl", "", "no row says anything"),
        ("a.csv", b"name,answer\none,\xff\xfe\xff\n", "is text in none of"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(tmp_path: Path, name: str, content: str | bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=told):
        said(tmp_path / name)


def test_the_same_end_of_two_names_fits_neither(tmp_path: Path) -> None:
    asks = [ChatRequest("a/one.mp4", "?"), ChatRequest("b/one.mp4", "?")]
    (tmp_path / "a.csv").write_text("name,answer\none,happy\n")
    with pytest.raises(UserError, match="are of no example that is tested: one"):
        Predictions(tmp_path / "a.csv").answer(asks, "bench")
