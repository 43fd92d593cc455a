"""What a build recipe may say."""

# Tested in tests/dataset/test_stream.py.

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from emocap.captioning.recipe import CaptionerRecipe
from emocap.captioning.registry import CAPTIONERS
from emocap.core.errors import UserError
from emocap.core.recipes import Recipe
from emocap.faces.detection import DETECTORS
from emocap.faces.recipe import FacesRecipe


class SyntheticRecipe(Recipe):
    """A source of synthetic faces with exact ground truth."""

    count: int = Field(ge=1)
    people: int = Field(100, ge=1)
    """How many different people are drawn."""
    seed: int = 0
    size: int = Field(192, ge=32)
    """Side of the drawn picture in pixels."""
    weights: dict[str, float] | None = None
    """Emotion → relative frequency; equal where null."""
    split: Literal["train", "test"] | None = None
    """The side that all of them are on; null leaves it to the recipe's ``split``. Another seed draws other people."""


class VideoRecipe(Recipe):
    """Which frames of a video, or of an animated GIF or WebP, are looked at."""

    rate: float = Field(1.0, gt=0, le=1000)
    """Frames per second, by their presentation times; never more than there are."""
    scenes: float | None = Field(None, gt=0)
    """Instead: one frame per scene, shortly after each cut. The threshold of PySceneDetect's ContentDetector, 27 for
    most films; a lower one finds more cuts."""
    best_of_track: bool = False
    """Keep only the best face of every face that is followed from frame to frame."""


class SourceRecipe(Recipe):
    """One source of faces: ``path``, ``build`` or ``synthetic``."""

    path: str | None = None
    """A folder (searched to its bottom), a file, or a glob such as photos/**/*.png, on this machine or as a URI such
    as s3://bucket/photos. Pictures, videos, .tar (WebDataset) and .parquet (Hugging Face) may lie in it side by
    side."""
    build: str | None = None
    """The folder of another build, whose faces are used as they were found."""
    synthetic: SyntheticRecipe | None = None
    labels: str | None = None
    """A table (CSV, Parquet, xlsx) with a column ``path`` (below the source's folder; in a tar, the member's name or
    its WebDataset key) and any of: emotion, emotions (a:0.7;b:0.3), action_units (FACS: 1B+4C+L12D), intensity,
    valence, arousal, subject, split; x, y, a point in the face that is meant, or x0, y0, x1, y1, its box, all in
    pixels; of a film, time (seconds) or frame (from 0), where a row is about one moment. Further columns are kept as
    they are."""
    pattern: str | None = None
    """A regular expression over the path below the source's folder, whose named groups are labels:
    (?P<emotion>\\w+)/(?P<subject>\\d+)\\.jpg."""
    rename: dict[str, str] = {}
    """Emotion names of the source → names to use, for example {smiling: happiness}."""
    column: str = "image"
    """The column of Parquet files that holds the pictures, as bytes or as {bytes, path}. Columns named like those of
    ``labels`` are the row's labels."""
    columns: dict[str, str] = {}
    """Columns of the label table or the Parquet files → what they are, for example {Bild: path, class: emotion}.
    Without it, the usual names of the path (file_name, image ...) and the emotion (label, expression) are known."""
    video: VideoRecipe = VideoRecipe()

    @field_validator("pattern")
    @classmethod
    def _is_expression(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.path, self.build, self.synthetic)) != 1:
            raise ValueError("a source has one of path, build and synthetic")
        if self.path is None and (self.labels or self.pattern):
            raise ValueError("synthetic faces and those of another build bring their own labels")
        return self


class SplitRecipe(Recipe):
    """Which faces are kept for testing. All faces of a group fall on the same side."""

    by: Literal["subject", "source"] = "subject"
    """What must not be in both: a person, or a picture. Faces without a subject are grouped by picture."""
    test: float = Field(0.2, ge=0, le=1)
    """The share of groups that is kept for testing; a group's side is a hash of its name and the seed."""
    seed: int = 0


class ShardsRecipe(Recipe):
    """The shape of the output."""

    samples: int = Field(1000, ge=1)
    """Faces per shard; what the captioner rejects leaves a shard smaller."""


class StageRecipe(Recipe):
    """What Ray is asked for, for one stage."""

    workers: int | None = Field(None, ge=1)
    """Processes that work at the same time; one per CPU of the cluster where null."""
    cpus: float = Field(0.5, gt=0)
    """CPUs that Ray sets aside for each; below 1, so that its own reading and writing always finds room."""
    gpus: float = Field(0, ge=0)
    """GPUs that Ray sets aside for each; 0.25 puts four workers on every GPU."""
    memory_gib: float | None = Field(None, gt=0)
    """Memory that Ray sets aside for each; where null, nothing is counted."""


class ResourcesRecipe(Recipe):
    """How much of a machine or cluster each stage takes. It changes the speed of a build, never its result."""

    faces: StageRecipe = StageRecipe()
    captions: StageRecipe = StageRecipe()
    """Of ``captioner.backend: openai`` there is one worker always, so that the limits of endpoints and budget hold."""


class BuildRecipe(Recipe):
    """A dataset: what goes in, and what is made of it."""

    sources: list[SourceRecipe] = Field(min_length=1)
    faces: FacesRecipe = FacesRecipe()
    captioner: CaptionerRecipe = CaptionerRecipe()
    split: SplitRecipe | None = None
    """Where null, faces are neither train nor test unless their labels say so."""
    shards: ShardsRecipe = ShardsRecipe()
    resources: ResourcesRecipe = ResourcesRecipe()

    @field_validator("faces")
    @classmethod
    def _detector_exists(cls, faces: FacesRecipe) -> FacesRecipe:
        try:
            DETECTORS[faces.detector]
        except UserError as error:
            raise ValueError(str(error)) from None
        return faces

    @field_validator("captioner")
    @classmethod
    def _captioner_can_work(cls, captioner: CaptionerRecipe) -> CaptionerRecipe:
        try:
            CAPTIONERS[captioner.backend].check(captioner)
        except UserError as error:
            raise ValueError(str(error)) from None
        return captioner

    @model_validator(mode="after")
    def _boxes_are_given(self) -> Self:
        if not DETECTORS[self.faces.detector].make and not all(
            source.synthetic or source.build or source.labels for source in self.sources
        ):
            raise ValueError(
                "faces.detector: given needs sources with boxes, synthetic ones or tables with x0, y0, x1, y1"
            )
        return self
