"""One sample: a face's picture, its caption, and the record of where both came from."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from emocap.schema.captions import SCHEMA_VERSION, Caption, Code


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _rounded(value: float) -> float:
    return round(float(value), 4)


Real = Annotated[float, AfterValidator(_rounded)]
"""A float kept to four decimals, so that a record's JSON is short and the same on every run."""


class Source(_Record):
    """The input that a face was found in."""

    path: str
    sha256: str
    time_ms: int = 0
    """Time of the video frame in milliseconds; 0 for photos."""


class Face(_Record):
    """A face in its source: pixels of the source, origin at the top left, x to the right."""

    bbox: tuple[Real, Real, Real, Real]
    """x0, y0, x1, y1 of the detector's box."""
    landmarks: list[tuple[Real, Real]] | None = None
    """Five points: the eye, eye, nose tip, mouth corner, mouth corner; the left of the *picture* first."""
    score: Real
    """The detector's own confidence; detectors differ in its scale."""
    detector: str
    crop: tuple[int, int, int, int]
    """x0, y0, x1, y1 of the square that was cut out; it may reach past the border of the source."""
    sharpness: Real
    """Variance of the Laplacian of the grey crop at 128 pixels; below about 20 looks blurred."""
    brightness: Real
    """Mean of the grey crop, 0 to 255."""
    contrast: Real
    """Standard deviation of the grey crop, 0 to 127."""
    yaw: Real | None = None
    """Degrees that the head is turned from the line of sight; positive where it looks to the right of the picture."""
    pitch: Real | None = None
    """Degrees that the head is raised (positive) or lowered; rough, as five landmarks tell little."""
    roll: Real | None = None
    """Degrees that the head is tilted in the plane of the picture, clockwise as seen; from the eyes."""
    angle: Real = 0.0
    """Degrees, clockwise, by which the crop's square lies turned in the source; 0 where faces are not aligned."""
    dark: Real = 0.0
    """Share of the crop's pixels that are underexposed (grey below 5)."""
    bright: Real = 0.0
    """Share of the crop's pixels that are overexposed (grey above 250)."""
    phash: str | None = None
    """Perceptual hash of the face, 64 hex digits: near-duplicates differ in few bits."""

    @property
    def size(self) -> float:
        """The shorter side of the box in pixels of the source."""
        return min(self.bbox[2] - self.bbox[0], self.bbox[3] - self.bbox[1])


class Labels(_Record):
    """What the source knew of a face beforehand. None: unknown, which is not the same as absent."""

    emotion: str | None = None
    """The one class, where the source has classes."""
    emotions: dict[str, Real] | None = None
    """Name → weight of a blend; the weights sum to 1."""
    action_units: dict[Code, Real] | None = None
    """Code → intensity 0 to 5; a unit that is not in it is absent."""
    intensity: Real | None = None
    """Overall strength of the expression, 0 to 1."""
    valence: Real | None = Field(default=None, ge=-1, le=1)
    arousal: Real | None = Field(default=None, ge=-1, le=1)
    subject: str | None = None
    """Who is seen, under any name that is unique within the source."""
    split: str | None = None
    """train or test."""
    other: dict[str, str] = {}
    """Further columns of a label table, such as gender or age."""


class Captioned(_Record):
    """How the caption was made."""

    backend: str
    model: str | None = None
    prompt: str | None = None
    """Version of the prompt or of the phrase book."""
    local_from: str | None = None
    """annotation: the local part says what was annotated; prototype: it was drawn from the emotion's prototype."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """Tokens of the reply that became the caption; what earlier, unusable replies took is counted in the manifest."""


class Record(_Record):
    """The ``.json`` member of a sample."""

    schema_version: int = SCHEMA_VERSION
    key: str
    source: Source
    face: Face
    labels: Labels | None = None
    caption: Caption | None = None
    captioner: Captioned | None = None

    def to_json(self) -> bytes:
        """Compact UTF-8 JSON, fields in the order of the schema; the same record gives the same bytes."""
        record = self.model_dump(by_alias=True, exclude_none=True)
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Sample:
    """A record with its picture: ``jpeg`` holds the JPEG bytes of the crop."""

    record: Record
    jpeg: bytes


def make_key(source: Source, number: int) -> str:
    """``<16 hex of the source's sha256>-<frame time in ms>-<face number>``: unique, and free of dots, which would end
    a WebDataset key.
    """
    return f"{source.sha256[:16]}-{source.time_ms}-{number}"


def side(group: str, test: float, seed: int = 0) -> str:
    """``test`` for the share ``test`` of all groups and ``train`` for the others: a hash of the name and the seed.

    A group keeps its side when others come or go, and all that belongs to it, such as a person's pictures, is on one.
    """
    drawn = int.from_bytes(hashlib.sha256(f"{seed}/{group}".encode()).digest()[:8]) / 2**64
    return "test" if drawn < test else "train"
