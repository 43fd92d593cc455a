import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.afew_va import AfewVA
from emocap.core.errors import UserError

LAYOUT = AfewVA(reader="afew-va")


def clip(folder: Path, told: Any, before: str = "") -> None:
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.json").write_bytes((before + json.dumps(told)).encode("utf-8"))


def frame(valence: float, arousal: float) -> dict[str, Any]:
    return {"landmarks": [[1.5, 2.5]], "valence": valence, "arousal": arousal}


def test_frames_lie_beside_their_annotation(tmp_path: Path) -> None:
    clip(tmp_path / "02/010", {"video_id": "010", "frames": {"00000": frame(0, 10)}}, "\ufeff")
    clip(
        tmp_path / "01/002",
        {"video_id": "002", "actor": "somebody", "frames": {"00001": frame(-10, 1.5), "00000": frame(3, -2)}},
    )
    (tmp_path / "01/002/._002.json").write_bytes(b"\0\5\26\7")
    (tmp_path / "splits.json").write_text("{}")
    examples = list(LAYOUT.read(tmp_path))
    assert examples == [
        Example("01/002/00000.png", examples[0].media, values={"valence": 3, "arousal": -2}, subject="somebody"),
        Example("01/002/00001.png", examples[1].media, values={"valence": -10, "arousal": 1.5}, subject="somebody"),
        Example("02/010/00000.png", examples[2].media, values={"valence": 0, "arousal": 10}, subject="010"),
    ]


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"frames": {"00000": frame(10.5, 0)}}, "frames.00000.valence: Input should be less than or equal to 10"),
        ({"frames": {"00000": {"valence": 1}}}, "frames.00000.arousal: Field required"),
        ({"video_id": "002"}, "frames: Field required"),
    ],
)
def test_annotation_that_is_wrong_is_told(tmp_path: Path, told: Any, complaint: str) -> None:
    clip(tmp_path / "01/002", told)
    with pytest.raises(UserError, match=f"002.json: {complaint}"):
        list(LAYOUT.read(tmp_path))


def test_text_that_is_no_json_is_told(tmp_path: Path) -> None:
    clip(tmp_path / "01/002", {})
    (tmp_path / "01/002/002.json").write_text("{")
    with pytest.raises(UserError, match=r"002.json: JSON: Invalid JSON"):
        list(LAYOUT.read(tmp_path))


def test_missing_annotation_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no annotation such as 01/001/001.json"):
        list(LAYOUT.read(tmp_path))
