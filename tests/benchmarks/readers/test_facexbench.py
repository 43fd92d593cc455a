import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.readers.facexbench import FaceXBench
from emocap.core.errors import UserError
from emocap.io.media import Several

LAYOUT = FaceXBench(reader="facexbench", files=["one_mcq", "two_mcq"])


def asked(path: str, **parts: Any) -> dict[str, Any]:
    told = {"image_paths": [path], "question_text": "Which?", "options": ["fear", "sad"]}
    return {**told, "correct_answer_option": "B", "answer": "sad", **parts}


def write(root: Path, one: dict[str, Any], two: dict[str, Any] | None = None) -> Path:
    root.mkdir(exist_ok=True)
    for name, questions in (("one_mcq", one), ("two_mcq", two or {})):
        text = "\ufeff" + json.dumps({"category": "x", "questions": questions})
        (root / f"{name}.json").write_bytes(text.encode("utf-8"))
    return root


def test_questions_come_by_file_and_number(tmp_path: Path) -> None:
    write(
        tmp_path / "benchmark",
        {"10": asked("images/b.png"), "2": asked("images/a.png", correct_answer_option="A", answer="fear")},
        {"1": asked("images/c.png")},
    )
    examples = list(LAYOUT.read(tmp_path))
    sad, fear = Question("Which?", ("fear", "sad"), 1), Question("Which?", ("fear", "sad"), 0)
    assert examples == [
        Example("benchmark/images/a.png", examples[0].media, question=fear, groups={"file": "one_mcq"}),
        Example("benchmark/images/b.png", examples[1].media, question=sad, groups={"file": "one_mcq"}),
        Example("benchmark/images/c.png", examples[2].media, question=sad, groups={"file": "two_mcq"}),
    ]


def test_several_pictures_stay_in_their_order_and_options_as_they_stand(tmp_path: Path) -> None:
    paths = [f"images/q_{n}.png" for n in (2, 1, 3)]
    counted = asked("a.png", image_paths=paths, options=[3, 0, 2, 1], correct_answer_option="C", answer=2)
    (example,) = LAYOUT.read(write(tmp_path, {"1": counted}))
    assert example.name == "images/q_2.png"
    assert example.media == Several([tmp_path / path for path in paths])
    assert example.question == Question("Which?", ("3", "0", "2", "1"), 2)


def test_the_folder_benchmark_may_be_the_data(tmp_path: Path) -> None:
    write(tmp_path, {"1": asked("images/a.png")})
    (example,) = LAYOUT.read(tmp_path)
    assert example.name == "images/a.png"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"answer": "anger"}, "question 1: the answer 'anger' is not among its options, fear, sad"),
        ({"correct_answer_option": "A"}, "question 1: option A is not 'sad', the answer"),
        ({"image_paths": []}, "questions.1.image_paths: List should have at least 1 item"),
        ({"options": ["sad"]}, "questions.1.options: List should have at least 2 items"),
        ({"options": None}, "questions.1.options: Input should be a valid array"),
    ],
)
def test_questions_that_are_wrong_are_told(tmp_path: Path, parts: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        list(LAYOUT.read(write(tmp_path, {"1": asked("a.png", **parts)})))


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"one_mcq.json: No such file"):
        list(LAYOUT.read(tmp_path))
