"""The sound of a clip or a recording, as a chat completion carries it."""

import io
from pathlib import Path

import av

from emocap.io.images import ImageError
from emocap.io.video import FORMATS

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": f"{FORMATS},wav,w64,flac,mp3,aac,ogg,aiff,caf,amr"}
"""Clips and recordings, and no playlists, which lead elsewhere."""

RATE = 16_000
"""Samples per second; models of speech resample to it."""
MAX_SECONDS = 600


def wave(path: Path) -> bytes:
    """A WAV file of one channel, 16 bits, RATE samples per second, cut after MAX_SECONDS.

    Raises ImageError with reason missing_file, broken_sound, or no_sound for a clip without any.
    """
    if not path.is_file():
        raise ImageError("missing_file", f"there is no {path}")
    written = io.BytesIO()
    try:
        with av.open(f"file:{path}", options=_OPTIONS, metadata_errors="replace") as source:
            if not source.streams.audio:
                raise ImageError("no_sound", f"{path} has no sound")
            with av.open(written, "w", format="wav") as target:
                stream = target.add_stream("pcm_s16le", rate=RATE, layout="mono")
                resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
                left = MAX_SECONDS * RATE
                for frame in source.decode(source.streams.audio[0]):
                    for part in resampler.resample(frame):
                        part.pts = None
                        target.mux(stream.encode(part))
                        left -= part.samples
                    if left <= 0:
                        break
                for part in resampler.resample(None):
                    part.pts = None
                    target.mux(stream.encode(part))
                target.mux(stream.encode(None))
                if left == MAX_SECONDS * RATE:
                    raise ImageError("broken_sound", f"{path}: there is nothing to hear in it")
    except (av.FFmpegError, EOFError) as error:
        raise ImageError("broken_sound", f"{path}: {type(error).__name__}: {error}") from None
    return written.getvalue()
