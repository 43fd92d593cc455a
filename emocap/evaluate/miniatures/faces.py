"""Drawn faces as the pictures and videos of a miniature."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from PIL import Image

from emocap.schema.facs import PROTOTYPES
from emocap.synthetic import DrawnFace, Expression, Identity, Scene, draw, sample_expression


def face(person: int, emotion: str = "neutral", take: int = 0, size: int = 96) -> DrawnFace:
    """A person showing an emotion (one of PROTOTYPES; others show neutral); another take is another picture of it."""
    random = Random(f"miniature {person} {emotion} {take}")
    shown = sample_expression(random, emotion if emotion in PROTOTYPES else "neutral", (0.6, 1.0))
    return draw(_person(person), shown, Scene.sample(random), size, f"{person:03d}")


def posed(person: int, units: dict[str, float], size: int = 96) -> DrawnFace:
    """A person with the given action units (code → intensity 0 to 5) and nothing else."""
    return draw(_person(person), Expression({"neutral": 1.0}, units), size=size, subject=f"{person:03d}")


def rising(person: int, emotion: str, frames: int, size: int = 96) -> list[Image.Image]:
    """A clip: from neutral to the full expression."""
    full = face(person, emotion, size=size)
    return [
        picture(posed(person, {code: value * step / max(frames - 1, 1) for code, value in _units(full).items()}, size))
        for step in range(frames)
    ]


def picture(drawn: DrawnFace) -> Image.Image:
    """Its pixels as a Pillow image."""
    return Image.fromarray(drawn.image)


def save(image: Image.Image, path: Path) -> None:
    """Write a picture in the format of its suffix, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def film(images: Sequence[Image.Image], path: Path) -> None:
    """Write a video of 25 pictures a second in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = {".flv": "flv1", ".avi": "mpeg4"}.get(path.suffix, "libx264")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = images[0].size
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _person(number: int) -> Identity:
    return Identity.sample(Random(f"miniature person {number}"))


def _units(drawn: DrawnFace) -> dict[str, float]:
    return drawn.expression.action_units
