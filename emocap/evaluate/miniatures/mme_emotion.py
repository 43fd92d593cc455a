"""Miniatures of MME-Emotion's eight tasks, which share a folder."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from emocap.evaluate.cards import Card
from emocap.evaluate.layouts.mme_emotion import MMEEmotion
from emocap.evaluate.miniatures.clips import clip
from emocap.evaluate.miniatures.faces import film

_LEVELS = ("very strong", "strong", "", "weak")
_SENTIMENTS = {"positive": "happiness", "negative": "disgust", "neutral": "neutral"}
_FINE = (
    *(f"{level} negative".strip() for level in _LEVELS),
    "neutral",
    *(f"{level} positive".strip() for level in reversed(_LEVELS)),
)
_BASIC = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
_TASKS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "ER-Lab": (("IEMOCAP",), ("Anger", "Sadness", "Surprise", "Happiness", "Neutral"), "mp4"),
    "ER-Wild": (("CAER", "MC-EIU", "MELD"), _BASIC, "avi"),
    "Noise-ER": (("MER2024",), _BASIC, "mp4"),
    "FG-ER": (("BOLD",), ("Happiness;Surprise", "Sadness", "Anger;Fear;Doubt/Confusion", "Peace"), "mp4"),
    "ML-ER": (("MAFW", "CMU-MOSEI"), ("anger,disgust", "fear,surprise", "sadness,fear,anger"), "mp4"),
    "SA": (("CMU-MOSI", "MELD"), tuple(_SENTIMENTS), "mp4"),
    "FG-SA": (("CMU-MOSI",), _FINE, "mp4"),
    "IR": (("MC-EIU",), ("neutral", "questioning", "consoling", "agreeing"), "mkv"),
}
"""Task → datasets, labels, and the ending of its clips."""


def _write(task: str, card: Card, root: Path) -> None:
    """Every label from every dataset."""
    assert isinstance(card.layout, MMEEmotion)
    sources, labels, ending = _TASKS[task]
    separator = ";" if task == "FG-ER" else ","
    options = sorted({one for label in labels for one in label.split(separator)})
    asked: list[dict[str, Any]] = []
    clues: list[dict[str, Any]] = []
    for number, (source, label) in enumerate((source, label) for source in sources for label in labels):
        first = label.split(separator)[0].lower()
        name = f"{source}/video/{task.lower()}-{number:04d}.{ending}"
        film(clip(_SENTIMENTS.get(first.rpartition(" ")[2], first), name, number), root / name)
        asked.append({"video_id": name, "label": label, "label_set": options})
        clues.append(
            {
                "video_id": name,
                "ground_truth": label,
                "audio_clue": f"There is no sound, as fits {label}: it is drawn.",
            }
        )
    stem = task.replace("-", "_")
    _dump(asked, root / task / "question" / f"{stem}.json")
    _dump(clues, root / task / "audio_clue" / f"{stem}_qwen2_audio_clues.json")


def _dump(content: list[dict[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {
    f"mme-emotion-{task.lower()}": partial(_write, task) for task in _TASKS
}
