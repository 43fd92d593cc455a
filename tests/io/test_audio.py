"""The sound of recordings and clips as it is sent."""

import io
import wave as waves
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from emocap.io import audio
from emocap.io.images import ImageError, Pixels


def recorded(path: Path, rate: int, seconds: float, codec: str, channels: int = 1) -> Path:
    """A note of 440 Hz."""
    time = np.arange(int(rate * seconds)) / rate
    note = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.float32) / 2**15
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo" if channels == 2 else "mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.stack([note] * channels), format="fltp", layout="stereo" if channels == 2 else "mono"
        )
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format, layout=stream.layout, rate=rate, frame_size=stream.codec_context.frame_size or None
        )
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(part))
    return path


def heard(data: bytes) -> Any:
    with waves.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(float)


@pytest.mark.parametrize(
    ("name", "rate", "codec", "channels"),
    [
        ("a.wav", 16_000, "pcm_s16le", 1),
        ("a.wav", 44_100, "pcm_s16le", 2),
        ("a.flac", 16_000, "flac", 1),
        ("a.flac", 48_000, "flac", 2),
        ("a.mp3", 44_100, "mp3", 1),
        ("a.ogg", 48_000, "libopus", 1),
        ("a.m4a", 16_000, "aac", 1),
    ],
)
def test_recordings_of_any_form(tmp_path: Path, name: str, rate: int, codec: str, channels: int) -> None:
    sound = heard(audio.wave(recorded(tmp_path / name, rate, 0.5, codec, channels)))
    assert len(sound) == pytest.approx(8000, abs=1600)  # some codecs add a little at either end
    middle = sound[2000:6000]
    strongest = np.abs(np.fft.rfft(middle)).argmax() * 16_000 / len(middle)
    assert strongest == pytest.approx(440, abs=5)
    assert np.sqrt((middle**2).mean()) == pytest.approx(8000 / np.sqrt(2), rel=0.15)


def test_long_recordings_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "MAX_SECONDS", 1)
    sound = heard(audio.wave(recorded(tmp_path / "a.wav", 16_000, 3, "pcm_s16le")))
    assert 16_000 <= len(sound) < 20_000


def test_what_cannot_be_heard_is_told(tmp_path: Path, film: Any, noise: Any) -> None:
    def reason(path: Path) -> str:
        with pytest.raises(ImageError) as raised:
            audio.wave(path)
        return raised.value.reason

    silent: Iterable[Pixels] = noise(5)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "empty.flac").write_bytes(b"")
    assert reason(tmp_path / "gone.wav") == "missing_file"
    assert reason(tmp_path / "broken.wav") == reason(tmp_path / "empty.flac") == "broken_sound"
    assert reason(film("silent.mp4", silent)) == "no_sound"


@pytest.mark.parametrize("name", ["list.m3u8", "list.wav", "list.txt"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, name: str) -> None:
    other = recorded(tmp_path / "other.wav", 16_000, 0.5, "pcm_s16le")
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{other}'\n",
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ImageError) as raised:
            audio.wave(tmp_path / name)
        assert raised.value.reason == "broken_sound"
