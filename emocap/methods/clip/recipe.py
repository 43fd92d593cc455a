"""What a training recipe may say."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from emocap.core.recipes import Recipe
from emocap.losses.recipe import ObjectiveRecipe
from emocap.training.recipe import OptimizerRecipe, RunRecipe


class ModelRecipe(Recipe):
    """The two towers: an open_clip model, by name or written out."""

    name: str | None = None
    """A model that open_clip knows, such as ViT-B-32."""
    config: dict[str, Any] | None = None
    """Instead of a name: an open_clip model configuration (embed_dim, vision_cfg, text_cfg)."""
    init: str | None = None
    """Weights to start from: a tag that open_clip knows for the name (openai), a file, or a folder: a run of emocap
    train, or an open_clip local-dir. None: random."""
    image_size: int | None = Field(None, ge=16)
    """Side of the input where it is not to be the model's own; positional embeddings are interpolated to it."""
    lock_image: int | None = Field(None, ge=0)
    """Lock the image tower except this many last groups of layers (LiT; groups as open_clip counts them). Null: all
    of it learns. A timm tower's projection always learns."""
    lock_text: int | None = Field(None, ge=0)
    """The same for the text tower."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.name is None) == (self.config is None):
            raise ValueError("a model has either a name or a config")
        parts = ("vision_cfg", "text_cfg")
        if self.config is not None and not all(isinstance(self.config.get(part), dict) for part in parts):
            raise ValueError(f"config: an open_clip configuration has {' and '.join(parts)}")
        return self


class DatasetRecipe(Recipe):
    """One collection of samples; a string stands for its path."""

    path: str
    """A folder that emocap build has made. Or any WebDataset of .jpg and .json members with our records: a folder of
    tars, a pattern such as faces-{000..041}.tar, or a URL that webdataset opens; it is copied to data.cache first."""
    weight: float | None = Field(None, gt=0)
    """Its part of every batch, beside the weights of the others; 1 where only others have one."""

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class DataRecipe(Recipe):
    """The samples, and how a batch is drawn from them."""

    builds: list[DatasetRecipe] = Field(min_length=1)
    """What to train on. Without weights, an epoch sees every sample of all of them exactly once. With weights, each
    goes through epochs of its own, at a pace that gives it its part of every batch."""
    split: Literal["train", "test"] | None = "train"
    """Only samples of this split; null takes all. Samples without a split always count as train."""
    batch: int = Field(1024, ge=2)
    """Samples of a step, over all ranks, which must divide it evenly."""
    epoch_samples: int | None = Field(None, ge=1)
    """How many samples count as an epoch; null: as many as there are."""
    resample: bool = False
    """Draw samples with replacement, instead of every one once per epoch."""
    sentences: int = Field(5, ge=1)
    """K, the number of local sentences drawn per sample and epoch, without replacement."""
    shuffle: int = Field(10_000, ge=1)
    """Samples of a dataset that are shuffled together; the order of its shards is shuffled before."""
    crop: tuple[float, float] = (0.8, 1.0)
    """Least and greatest share of the picture's area that a random crop keeps."""
    flip: bool = True
    """Flip half of the pictures; left and right swap in the words."""
    workers: int = Field(1, ge=0)
    """Processes that decode, per rank. The batches are the same for any number."""
    cache: str | None = None
    """Folder for copies of datasets that are no builds; null: emocap in the user's cache folder."""

    @field_validator("crop")
    @classmethod
    def _shares(cls, crop: tuple[float, float]) -> tuple[float, float]:
        if not 0 < crop[0] <= crop[1] <= 1:
            raise ValueError("the least and the greatest share, above 0 and up to 1, such as [0.8, 1]")
        return crop


class ClipOptimizerRecipe(OptimizerRecipe):
    """AdamW, with a rate of its own for each tower."""

    image_lr: float | None = Field(None, gt=0)
    """Of the image tower; lr where null."""
    text_lr: float | None = Field(None, gt=0)
    """Of the text tower; lr where null. Logit scales and the objective's own parameters learn at lr."""


class ClipRecipe(RunRecipe):
    """A model: its towers, its data, its objective."""

    mutable_keys: ClassVar[tuple[str, ...]] = (*RunRecipe.mutable_keys, "data.workers", "data.cache")

    method: str = "clip"

    model: ModelRecipe
    data: DataRecipe
    objective: ObjectiveRecipe = ObjectiveRecipe()
    optimizer: ClipOptimizerRecipe = ClipOptimizerRecipe()
    accumulate: int = Field(1, ge=1)
    """Number of pieces in which a rank's share of a batch goes through the towers (GradCache): the memory of one, the
    gradient of the whole batch, for one more forward pass."""
    gradient_checkpointing: bool = False
    """Compute the activations of the blocks again in the backward pass: less memory, for one more forward
    pass of them."""
    compile: bool = False
    """Compile the towers with torch.compile."""

    @property
    def cpus_per_worker(self) -> int:
        """One for the loop, and one for each process that decodes."""
        return 1 + self.data.workers

    @model_validator(mode="after")
    def _guide_exists(self) -> Self:
        if self.objective.mining.guide == "ema" and self.ema is None:
            raise ValueError("objective.mining.guide is ema, but there is none: set ema, for example ema=0.999")
        return self
