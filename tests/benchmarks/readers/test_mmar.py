import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.readers.mmar import MMAR
from emocap.core.errors import UserError
from emocap.io.media import Sound

LAYOUT = MMAR(reader="mmar")
ROW = {
    "id": "qx8hrhBZJ98_00-01-32_00-02-02",
    "audio_path": "./audio/qx8hrhBZJ98_00-01-32_00-02-02.wav",
    "question": "What type of natural environment might this music originate from",
    "choices": ["Mountain Canyon", "Dense Forest", "Open Grassland", "City Streets"],
    "answer": "Open Grassland",
    "modality": "music",
    "category": "Cultural Layer",
    "sub-category": "Professional Knowledge and Reasoning",
    "language": None,
    "source": "youtube",
    "url": "https://example.org",
    "timestamp": "00:01:32,00:02:02",
    "thinking": "A long song.",
    "cue": ["long song"],
    "rubric": [
        {"name": "Genre", "scoring_point": "Names the long song.", "note": "Any spelling.", "choices": [0, 1]},
        {"name": "", "scoring_point": "Names the place.", "note": None},
    ],
}


def write(root: Path, *rows: Any, name: str = "MMAR-meta.jsonl") -> Path:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_a_question_of_the_released_form(tmp_path: Path) -> None:
    (example,) = LAYOUT.read(write(tmp_path, ROW))
    assert example == Example(
        name="qx8hrhBZJ98_00-01-32_00-02-02",
        media=Sound(tmp_path / "audio" / "qx8hrhBZJ98_00-01-32_00-02-02.wav"),
        question=Question(str(ROW["question"]), tuple(ROW["choices"]), 2),  # type: ignore[arg-type]
        groups={
            "category": "Cultural Layer",
            "sub-category": "Professional Knowledge and Reasoning",
            "modality": "music",
        },
        rubric=("Genre: Names the long song. (Any spelling.)", "Names the place."),
    )


def test_the_list_is_read_where_there_are_no_lines(tmp_path: Path) -> None:
    write(tmp_path, [ROW, ROW | {"id": "other", "choices": [3, 13], "answer": 13}], name="MMAR-meta.json")
    first, second = LAYOUT.read(tmp_path)
    assert (first.name, second.name) == (ROW["id"], "other")
    assert second.question == Question(str(ROW["question"]), ("3", "13"), 1)
    write(tmp_path, ROW | {"id": "line"})
    assert [example.name for example in LAYOUT.read(tmp_path)] == ["line"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"answer": "Desert"}, "line 2: the answer 'Desert' is none of Mountain Canyon, Dense"),
        ({"choices": ["Open Grassland"]}, "line 2: choices: List should have at least 2 items"),
        ({"sub-category": None}, "line 2: sub-category: Input should be a valid string"),
        ({"audio_path": "../../secret.wav"}, r"line 2: '../../secret.wav' is not a name below"),
        ({"audio_path": "/etc/passwd"}, "line 2: '/etc/passwd' is not a name below"),
        (
            {"rubric": [{"name": "Genre", "scoring_point": "x", "choices": [0, 1, 2]}]},
            r"line 2: rubric: 'Genre' is worth one of \[0, 1, 2\]; only 0 and 1 can be scored",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    write(tmp_path, ROW, ROW | change)
    with pytest.raises(UserError, match=told):
        list(LAYOUT.read(tmp_path))


def test_what_is_no_json_and_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"MMAR-meta.jsonl: No such file"):
        list(LAYOUT.read(tmp_path))
    (tmp_path / "MMAR-meta.jsonl").write_text("{")
    with pytest.raises(UserError, match=r"MMAR-meta.jsonl, line 1: JSON: Invalid JSON"):
        list(LAYOUT.read(tmp_path))
