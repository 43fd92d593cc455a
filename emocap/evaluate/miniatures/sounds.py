"""Miniatures of the benchmarks of sounds: tones of a few tenths of a second."""

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from emocap.evaluate.cards import Card

_RATE = 16_000
_SECONDS = 0.3
_LAYERS = {
    "Signal Layer": ("Acoustic Quality Analysis", "Anomaly Detection", "Audio Difference Analysis"),
    "Perception Layer": (
        "Spatial Analysis",
        "Temporal Analysis",
        "Counting and Statistics",
        "Correlation Analysis",
        "Environmental Perception and Reasoning",
        "Music Theory",
    ),
    "Semantic Layer": (
        "Content Analysis",
        "Emotion and Intention",
        "Speaker Analysis",
        "Aesthetic Evaluation",
    ),
    "Cultural Layer": ("Culture of Speaker", "Imagination", "Professional Knowledge and Reasoning"),
}
_MODALITIES = (
    *("speech", "music", "sound", "mix-sound-speech", "mix-music-speech", "mix-sound-music"),
    "mix-sound-music-speech",
)
_INSTRUMENTS = ("Bass Flute", "Violin", "Grand Piano", "Trumpet")
_ATTACKS = [f"A{number:02d}" for number in range(7, 20)]
_SPEAKERS = ("LA_0039", "LA_0014", "LA_0040", "LA_0022")


def _mmar(card: Card, root: Path) -> None:
    """Two questions of each sub-category: of four options, and of two."""
    kinds = [(layer, sub) for layer, some in _LAYERS.items() for sub in some] * 2
    lines = []
    for number, (layer, sub) in enumerate(kinds):
        name = f"drawn{number:03d}_00-00-{number:02d}_00-00-{number + 1:02d}"
        pitch = 220 * 2 ** (number / 12)
        save(tone(pitch, number), root / "audio" / f"{name}.wav")
        options = list(_INSTRUMENTS) if number < len(kinds) // 2 else ["Yes", "No"]
        answer = options[number % len(options)]
        points = [f"Names the {what}" for what in ("pitch", "instrument", "length", "loudness", "conclusion")]
        told = {
            "id": name,
            "audio_path": f"./audio/{name}.wav",
            "question": f"Which instrument plays note {number}?" if len(options) > 2 else f"Is note {number} in tune?",
            "choices": options,
            "answer": answer,
            "modality": _MODALITIES[number % len(_MODALITIES)],
            "category": layer,
            "sub-category": sub,
            "language": None,
            "source": "drawn",
            "rubric": [
                {"name": f"Point {n}", "scoring_point": point, "note": "drawn", "choices": [0, 1]}
                for n, point in enumerate(points, start=1)
            ],
        }
        lines.append(json.dumps(told, ensure_ascii=False) + "\n")
    (root / "MMAR-meta.jsonl").write_text("".join(lines), encoding="utf-8")


def _asvspoof(card: Card, root: Path) -> None:
    """Of each of four speakers, a recording by every attack and three of the voice itself, with overtones."""
    lines = []
    for place, speaker in enumerate(_SPEAKERS):
        for take, attack in enumerate((*_ATTACKS, "-", "-", "-")):
            name = f"LA_E_{1_000_000 + 100 * place + take}"
            overtones = 8 if attack == "-" else 1
            sound = tone(110 * (1 + place / 4) * (1 + take / 50), take, overtones)
            save(sound, root / "LA" / "ASVspoof2019_LA_eval" / "flac" / f"{name}.flac")
            lines.append(f"{speaker} {name} - {attack} {'bonafide' if attack == '-' else 'spoof'}\n")
    protocol = root / "LA" / "ASVspoof2019_LA_cm_protocols" / "ASVspoof2019.LA.cm.eval.trl.txt"
    protocol.parent.mkdir(parents=True, exist_ok=True)
    protocol.write_text("".join(lines), encoding="utf-8")


def tone(pitch: float, seed: int, overtones: int = 3) -> npt.NDArray[np.int16]:
    """A note with overtones and a little noise, of 16 kHz."""
    time = np.arange(int(_SECONDS * _RATE)) / _RATE
    sound = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, overtones + 1))
    noise = np.random.default_rng(seed).normal(scale=0.01, size=len(time))
    return np.asarray(6000 * (sound + noise), dtype=np.int16)


def save(sound: npt.NDArray[np.int16], path: Path) -> None:
    """Written as the ending says: wav or flac."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac" if path.suffix == ".flac" else "pcm_s16le", rate=_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = _RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


WRITERS: dict[str, Callable[[Card, Path], None]] = {"mmar": _mmar, "asvspoof2019-la": _asvspoof}
