import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Question
from emocap.benchmarks.readers.visual_room import VisualRoom
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import check_card, read_examples
from emocap.io.media import Film, Picture

ROW = {"id": "a", "media": "a.jpg", "media_type": "image", "text": "Great.", "perception": [], "sarcasm": 1}


def lines(root: Path, *rows: dict[str, Any] | str) -> Path:
    told = [row if isinstance(row, str) else json.dumps({**ROW, **row}) for row in rows]
    (root / "mmsar.jsonl").write_text("\n\n".join(told), encoding="utf-8")
    return root


def test_pictures_and_clips_with_their_questions(tmp_path: Path) -> None:
    asked = [{"question": "Is it wet?", "answer": "yes"}]
    lines(tmp_path, {"perception": asked}, {"id": "b", "media": "b.mp4", "media_type": "video", "sarcasm": 0})
    first, second = read_examples(load(Card, "benchmarks", "visual-room"), tmp_path)
    assert (first.name, first.media, first.text) == ("a", Picture(tmp_path / "a.jpg"), "Great.")
    assert first.perception == (Question("Is it wet?", ("yes",), 0),)
    assert (first.label, second.label, second.perception) == ("sarcastic", "not sarcastic", ())
    assert (second.media, second.groups) == (Film(tmp_path / "b.mp4"), {"media": "video"})


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"sarcasm": 2}, "line 1: sarcasm"),
        ({"media_type": "sound"}, "line 1: media_type"),
        ({"media": "/etc/passwd"}, "is not a name below"),
        ({"perception": [{"question": "Q?", "answer": " "}]}, "line 1: 'Q\\?' has no answer"),
        ({"perception": [{"question": "Q?"}]}, r"line 1: perception\.0\.answer"),
        ("{", "line 1: JSON"),
    ],
)
def test_lines_that_are_wrong_are_told(tmp_path: Path, row: dict[str, Any] | str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        list(VisualRoom(reader="visual-room").read(lines(tmp_path, row)))


def test_visual_room_has_two_classes() -> None:
    card = load(Card, "benchmarks", "visual-room").model_dump()
    with pytest.raises(ValueError, match="visual_room has two"):
        check_card(Card.model_validate({**card, "classes": {"one": []}}))
