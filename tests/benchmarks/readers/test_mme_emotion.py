import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.readers.mme_emotion import MMEEmotion
from emocap.core.errors import UserError
from emocap.io.media import Film


def released(root: Path, task: str, rows: list[tuple[str, str]], clues: bool = True, **more: Any) -> Path:
    """A task as it was released, with labels A to D and Doubt/Confusion."""
    name, options = task.replace("-", "_"), ["A", "B", "C", "D", "Doubt/Confusion"]
    for folder in ("question", "audio_clue"):
        (root / task / folder).mkdir(parents=True, exist_ok=True)
    asked = [{"video_id": video, "label": label, "label_set": options, **more} for video, label in rows]
    (root / task / "question" / f"{name}.json").write_text(json.dumps(asked))
    told = [{"video_id": video, "ground_truth": label, "audio_clue": f"As {label}."} for video, label in rows]
    if clues:
        (root / task / "audio_clue" / f"{name}_qwen2_audio_clues.json").write_text(json.dumps(told))
    return root


def test_labels_clues_and_choices(tmp_path: Path) -> None:
    rows = [("MAFW/video/1.mp4", "A,B"), ("CMU-MOSEI/video/2.mp4", "C, D")]
    first, second = MMEEmotion(reader="mme-emotion", task="ML-ER").read(released(tmp_path, "ML-ER", rows))
    assert (first.name, first.media) == ("MAFW/video/1.mp4", Film(tmp_path / "MAFW/video/1.mp4"))
    assert (first.labels, second.labels, first.clue) == (("A", "B"), ("C", "D"), "As A,B.")
    assert first.options == ("A", "B", "C", "D", "Doubt/Confusion")
    assert [one.groups for one in (first, second)] == [{"source": "MAFW"}, {"source": "CMU-MOSEI"}]


def test_fine_grained_labels_are_joined_by_semicolons(tmp_path: Path) -> None:
    released(tmp_path / "MME-Emotion-Dataset", "FG-ER", [("BOLD/video/1.mp4", "A;Doubt/Confusion")], clues=False)
    (one,) = MMEEmotion(reader="mme-emotion", task="FG-ER").read(tmp_path)
    assert (one.labels, one.clue, one.groups) == (("A", "Doubt/Confusion"), None, {})


@pytest.mark.parametrize("place", [".", "video", "IR", "IR/video"])
def test_clips_lie_in_the_data_or_with_the_task(tmp_path: Path, place: str) -> None:
    released(tmp_path, "IR", [("MC-EIU/video/1.mkv", "A")])
    (tmp_path / place / "MC-EIU").mkdir(parents=True)
    (one,) = MMEEmotion(reader="mme-emotion", task="IR").read(tmp_path)
    assert one.media == Film(tmp_path / place / "MC-EIU/video/1.mkv")


@pytest.mark.parametrize(
    ("video", "label", "told"),
    [
        ("x/1.mp4", "A,E", r"x/1\.mp4: 'E' is none of its label_set"),
        ("x/1.mp4", " ,", "it has no label"),
        ("../../1.mp4", "A", "is not a name below"),
    ],
)
def test_annotation_that_is_wrong_is_told(tmp_path: Path, video: str, label: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        list(MMEEmotion(reader="mme-emotion", task="SA").read(released(tmp_path, "SA", [(video, label)])))


def test_files_that_are_not_there_or_broken_are_told(tmp_path: Path) -> None:
    layout = MMEEmotion(reader="mme-emotion", task="SA")
    with pytest.raises(UserError, match=r"SA\.json: No such file"):
        list(layout.read(tmp_path))
    released(tmp_path, "SA", [("x/1.mp4", "A")], label_set=[])
    with pytest.raises(UserError, match=r"SA\.json: 0\.label_set"):
        list(layout.read(tmp_path))
