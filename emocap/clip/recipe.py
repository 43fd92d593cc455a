"""What a training recipe may say."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from emocap.recipes import Recipe


class ModelRecipe(Recipe):
    """The two towers: an open_clip model, by name or written out."""

    name: str | None = None
    """A model that open_clip knows, such as ViT-B-32."""
    config: dict[str, Any] | None = None
    """Instead of a name: an open_clip model configuration (embed_dim, vision_cfg, text_cfg)."""
    init: str | None = None
    """Weights to start from: a tag that open_clip knows for the name (openai), or a file. None: random."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.name is None) == (self.config is None):
            raise ValueError("a model has either a name or a config")
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


class MiningRecipe(Recipe):
    """Cross-modal guided positive mining, equation (3) of our reading."""

    rule: Literal["cross", "consensus", "soft", "off"] = "cross"
    """cross: positives of an image by the similarity of texts, of a text by that of images. consensus: by the smaller
    of both. soft: every pair, by the softmax of the other modality's similarity. off: only equal texts are joined."""
    k: int = Field(8, ge=1)
    """At most so many mined positives per query."""
    delta: float = 2.0
    """Least similarity of a mined positive, in standard deviations over the other pairs of the batch."""
    alpha: float = Field(0.3, ge=0, lt=1)
    """Share of a row's weight that mined positives receive."""
    temperature: float = Field(0.1, gt=0)
    """Of the softmax that divides alpha among them, over cosine similarities."""
    warmup: int = Field(0, ge=0)
    """Steps before mining starts."""


class LocalRecipe(Recipe):
    """The local branch, equation (4) of our reading."""

    pool: Literal["sparse", "softmax"] = "sparse"
    """sparse: similarities scaled to 0..1 over the patches, zero below 1/M, renormalised (DreamLIP). softmax: with
    the temperature below."""
    temperature: float = Field(0.1, gt=0)


class ObjectiveRecipe(Recipe):
    """Equation (1) of our reading: the weights of the three terms, and their parts."""

    global_weight: float = Field(1.0, ge=0)
    summary_weight: float = Field(1.0, ge=0)
    local_weight: float = Field(1.0, ge=0)
    mining: MiningRecipe = MiningRecipe()
    local: LocalRecipe = LocalRecipe()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.global_weight + self.summary_weight + self.local_weight:
            raise ValueError("at least one of the weights must be above 0")
        return self


class OptimizerRecipe(Recipe):
    """AdamW, with a linear warm-up and a cosine to zero."""

    lr: float = Field(1e-5, gt=0)
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(0.2, ge=0)
    """Not on biases, gains and logit scales."""
    warmup: float = Field(0.05, ge=0, le=1)
    """Share of all steps."""
    clip_norm: float | None = Field(None, gt=0)
    """Greatest norm of the gradient; None leaves it as it is."""


class TrainRecipe(Recipe):
    """A model: its towers, its data, its objective."""

    model: ModelRecipe
    data: DataRecipe
    objective: ObjectiveRecipe = ObjectiveRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    epochs: float = Field(20, gt=0)
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 computes under autocast; weights and losses stay fp32."""
    device: str | None = None
    """cuda, mps or cpu; the best one there is where null."""
    checkpoint_every: int = Field(500, ge=1)
    """Steps between checkpoints; the last two are kept."""
    log_every: int = Field(10, ge=1)
    """Steps between rows of metrics.jsonl."""
