"""What a build recipe may say."""

from typing import Literal, Self

from pydantic import Field, model_validator

from emocap.captioners.recipe import CaptionerRecipe
from emocap.faces.crop import FacesRecipe
from emocap.recipes import Recipe


class DrawnRecipe(Recipe):
    """A source of drawn faces with exact ground truth."""

    count: int = Field(ge=1)
    people: int = Field(100, ge=1)
    """How many different people are drawn."""
    seed: int = 0
    size: int = Field(192, ge=32)
    """Side of the drawn picture in pixels."""
    weights: dict[str, float] | None = None
    """Emotion → relative frequency; equal where null."""


class SourceRecipe(Recipe):
    """One source of pictures: either ``path`` or ``drawn``."""

    path: str | None = None
    """A folder (searched to its bottom), a file, or a glob such as photos/**/*.png."""
    drawn: DrawnRecipe | None = None
    labels: str | None = None
    """A CSV file with a column ``path`` (below the source's folder) and any of: emotion, emotions (a:0.7;b:0.3),
    action_units (FACS: 1B+4C+L12D), intensity, valence, arousal, subject, split; x, y, a point in the face that is
    meant, or x0, y0, x1, y1, its box, all in pixels. Further columns are kept as they are."""
    pattern: str | None = None
    """A regular expression over the path below the source's folder, whose named groups are labels:
    (?P<emotion>\\w+)/(?P<subject>\\d+)\\.jpg."""
    rename: dict[str, str] = {}
    """Emotion names of the source → names to use, for example {smiling: happiness}."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.path is None) == (self.drawn is None):
            raise ValueError("a source has either path or drawn")
        if self.drawn and (self.labels or self.pattern):
            raise ValueError("drawn faces bring their own labels")
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


class ResourcesRecipe(Recipe):
    """What Ray is asked for. It changes the speed of a build, never its result."""

    workers: int | None = Field(None, ge=1)
    """Processes that work at the same time; one per CPU of the cluster where null."""
    cpus: float = Field(0.5, gt=0)
    """CPUs that Ray sets aside for each; below 1, so that its own reading and writing always finds room."""


class BuildRecipe(Recipe):
    """A dataset: what goes in, and what is made of it."""

    sources: list[SourceRecipe] = Field(min_length=1)
    faces: FacesRecipe = FacesRecipe()
    captioner: CaptionerRecipe = CaptionerRecipe()
    split: SplitRecipe | None = None
    """Where null, faces are neither train nor test unless their labels say so."""
    shards: ShardsRecipe = ShardsRecipe()
    resources: ResourcesRecipe = ResourcesRecipe()

    @model_validator(mode="after")
    def _boxes_are_given(self) -> Self:
        if self.faces.detector == "given" and not all(source.drawn or source.labels for source in self.sources):
            raise ValueError(
                "faces.detector: given needs sources with boxes, drawn ones or tables with x0, y0, x1, y1"
            )
        return self
