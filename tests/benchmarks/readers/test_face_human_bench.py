import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.readers.face_human_bench import FaceHumanBench
from emocap.core.errors import UserError

LAYOUT = FaceHumanBench(reader="face-human-bench")
OPTIONS = ["Fear", "Disgust", "Happiness", "Sadness"]


def entry(number: int, versions: tuple[str, ...], answer: int = 0) -> dict[str, Any]:
    paths = {version: f"eval_data/face/{version}/sample_{number:04d}.jpg" for version in versions}
    return {
        "type": "x",
        "QA": {"question": "What?", "options": OPTIONS, "answer": answer},
        "image": {"image_paths": paths},
    }


def write(root: Path, basic: list[dict[str, Any]], compound: list[dict[str, Any]], half: str = "test") -> Path:
    folder = root / half / "json" / "en"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, data in (("basic", basic), ("compound", compound)):
        (folder / f"face_expression_{kind}.json").write_bytes(("\ufeff" + json.dumps({"data": data})).encode("utf-8"))
    return root


BOTH = ("original", "cropped")


def test_three_subsets_are_read(tmp_path: Path) -> None:
    write(tmp_path, [entry(1, BOTH), entry(2, BOTH)], [entry(101, ("cropped",))])
    examples = list(LAYOUT.read(tmp_path))
    assert [(e.name, e.groups) for e in examples] == [
        ("eval_data/face/original/sample_0001.jpg", {"set": "basic", "picture": "original"}),
        ("eval_data/face/original/sample_0002.jpg", {"set": "basic", "picture": "original"}),
        ("eval_data/face/cropped/sample_0001.jpg", {"set": "basic", "picture": "cropped"}),
        ("eval_data/face/cropped/sample_0002.jpg", {"set": "basic", "picture": "cropped"}),
        ("eval_data/face/cropped/sample_0101.jpg", {"set": "compound", "picture": "cropped"}),
    ]
    assert examples[0].media.path == tmp_path / "test/output/eval_data/face/original/sample_0001.jpg"  # type: ignore[attr-defined]


def test_the_right_option_is_not_always_the_first(tmp_path: Path) -> None:
    """And stays the right one, wherever it goes; the others keep their order."""
    write(tmp_path, [entry(number, BOTH) for number in range(200)], [entry(999, ("cropped",), answer=2)])
    examples = list(LAYOUT.read(tmp_path))
    asked = [example.question for example in examples if example.question]
    assert {question.options[question.answer] for question in asked[:-1]} == {"Fear"}
    assert asked[-1].options[asked[-1].answer] == "Happiness"
    for question in asked:
        first = question.options.index("Fear")
        assert [*question.options[first:], *question.options[:first]] == OPTIONS
    places = Counter(question.answer for question in asked)
    assert set(places) == {0, 1, 2, 3}
    assert min(places.values()) > 0.15 * len(asked)
    assert examples == list(LAYOUT.read(tmp_path))


def test_the_repository_itself_may_be_the_data(tmp_path: Path) -> None:
    write(tmp_path / "data" / "Face-Human-Bench", [entry(1, BOTH)], [], half="dev")
    (tmp_path / "eval_data").mkdir()
    first, _ = FaceHumanBench(reader="face-human-bench", half="dev").read(tmp_path)
    assert first.media.path == tmp_path / "eval_data/face/original/sample_0001.jpg"  # type: ignore[attr-defined]


def test_questions_that_are_wrong_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.1: answer 4 is none of the 4 options"):
        list(LAYOUT.read(write(tmp_path, [entry(1, BOTH), entry(2, BOTH, answer=4)], [])))
    with pytest.raises(UserError, match=r"data.0: answer -1 is none of the 4 options"):
        list(LAYOUT.read(write(tmp_path, [entry(1, BOTH, answer=-1)], [])))
    with pytest.raises(UserError, match=r"data.0: no path of a picture that is original"):
        list(LAYOUT.read(write(tmp_path, [entry(1, ("cropped",))], [])))
    (tmp_path / "test/json/en/face_expression_basic.json").write_text('{"data": [{"QA": {}}]}')
    with pytest.raises(UserError, match=r"face_expression_basic.json: data.0.QA.question: Field required"):
        list(LAYOUT.read(tmp_path))
    (tmp_path / "test/json/en/face_expression_basic.json").unlink()
    with pytest.raises(UserError, match="No such file"):
        list(LAYOUT.read(tmp_path))


def test_missing_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no folder data/Face-Human-Bench/test or test"):
        list(LAYOUT.read(tmp_path))
