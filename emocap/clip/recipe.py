"""What a training recipe may say."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from emocap.core.recipes import Recipe


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
    """Lock the image tower but for its last so many groups of layers (LiT; groups as open_clip counts them). Null: all
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


class MiningRecipe(Recipe):
    """Cross-modal guided positive mining, equation (3) of our reading."""

    rule: Literal["transport", "cross", "consensus", "soft", "labels", "off"] = "transport"
    """Positives are chosen by the similarity of other samples to the query's own. transport: by a plan in which every
    sample is as much of a positive as any other, so that rare emotions find theirs. cross: those of an image by the
    similarity of texts, of a text by that of images. consensus: by the smaller of both. soft: every pair, by the
    softmax of the other modality's similarity. labels: all samples of the same emotion label, what perfect mining
    would find. off: nothing is mined."""
    by: Literal["text", "cross"] = "text"
    """Of ``transport``: text: the plan follows the texts for all queries. cross: for text queries it follows the
    images."""
    guide: Literal["online", "ema", "frozen"] = "online"
    """Whose embeddings are compared: those of the towers in training, of their running mean, or of the start."""
    k: int | None = Field(8, ge=1)
    """At most so many mined positives per query, ties with the last of them besides; null: any number."""
    delta: float | None = 2.0
    """Least similarity of a mined positive, in standard deviations over the other pairs; null: none."""
    standardise: Literal["batch", "row"] = "batch"
    """The pairs that the standard deviation is taken over: all of the batch, or those of the query."""
    mutual: bool = False
    """Only positives that find each other."""
    alpha: float = Field(0.5, ge=0, lt=1)
    """Share of a row's weight that mined positives receive."""
    temperature: float = Field(0.1, gt=0)
    """Of the softmax that divides alpha among them, over cosine similarities; of ``transport``, over standard
    deviations."""
    warmup: int = Field(0, ge=0)
    """Steps before mining starts."""


class LocalRecipe(Recipe):
    """The local branch, equation (4) of our reading."""

    pool: Literal["sparse", "softmax", "attention"] = "sparse"
    """sparse: similarities scaled to 0..1 over the patches, zero below 1/M, renormalised (DreamLIP). softmax: with
    the temperature below. attention: of several heads, with parameters, which stay behind after training (FLAIR)."""
    temperature: float = Field(0.1, gt=0)
    """Of the softmax pool."""
    heads: int = Field(8, ge=1)
    """Of the attention pool."""
    contrast: Literal["regions", "pictures"] = "regions"
    """regions: every sentence pools its own picture, and regions are told apart. pictures: every sentence pools every
    picture, and the pictures are told apart, so that what a sentence puts into a region helps no more (FLAIR)."""
    candidates: Literal["all", "one"] = "all"
    """Sentences of other pictures that a picture meets, under ``pictures``: all, or one of each at random (FLAIR)."""
    join_equal: bool = True
    """Equal sentences are positives of each other."""
    mining: bool = False
    """Sentences about the same region that are similar enough are positives of each other."""
    mining_delta: float = 3.0
    """δ_l: how similar, in standard deviations over all pairs of sentences of the batch."""

    @model_validator(mode="after")
    def _candidates(self) -> Self:
        if self.candidates == "one" and self.contrast != "pictures":
            raise ValueError("candidates: one needs contrast: pictures")
        return self


class ObjectiveRecipe(Recipe):
    """Equation (1) of our reading: the weights of the three terms, and their parts."""

    global_weight: float = Field(1.0, ge=0)
    summary_weight: float = Field(1.0, ge=0)
    local_weight: float = Field(1.0, ge=0)
    contrast: Literal["softmax", "sigmoid", "multi_instance"] = "softmax"
    """softmax: equation (2), as in CLIP. sigmoid: every pair for itself, with a bias that is learned, as in SigLIP.
    multi_instance: it is enough that one of the positives is near, as in CoCLR."""
    join_equal: bool = True
    """Samples with the same caption text are positives of each other, whatever the mining does."""
    reweight: float | None = Field(None, gt=0)
    """EmotionCLIP's scale: so much times the inverse divergence of two captions' sentiments is taken from the logit
    of a negative; null: nothing is."""
    gather: Literal["sharded", "full"] = "sharded"
    """Under several ranks: each computes the loss of its own queries against the candidates of all, or each computes
    the whole loss. The gradient is the same."""
    mining: MiningRecipe = MiningRecipe()
    local: LocalRecipe = LocalRecipe()

    @property
    def reads_summaries(self) -> bool:
        """Whether summaries have a part in the loss, or in what is mined for it."""
        return self.summary_weight > 0 or self.mining.rule not in ("labels", "off")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.global_weight + self.summary_weight + self.local_weight:
            raise ValueError("at least one of the weights must be above 0")
        if self.contrast == "multi_instance" and self.local.contrast == "pictures":
            raise ValueError("contrast: multi_instance does not go with local.contrast: pictures")
        return self


_Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerRecipe(Recipe):
    """AdamW, with a linear warm-up and a cosine to zero."""

    lr: float = Field(1e-5, gt=0)
    image_lr: float | None = Field(None, gt=0)
    """Of the image tower; lr where null."""
    text_lr: float | None = Field(None, gt=0)
    """Of the text tower; lr where null. Logit scales and the objective's own parameters learn at lr."""
    betas: tuple[_Decay, _Decay] = (0.9, 0.98)
    weight_decay: float = Field(0.2, ge=0)
    """Not on biases, gains and logit scales."""
    warmup: float = Field(0.05, ge=0, le=1)
    """Share of all steps."""
    clip_norm: float | None = Field(None, gt=0)
    """Greatest norm of the gradient; null leaves it as it is."""
    spike: float | None = Field(None, gt=1)
    """Skip a step whose gradient norm is more than so many times the median of the last hundred; null: never."""


class EvaluateRecipe(Recipe):
    """Benchmarks that are run while training goes on."""

    cards: list[str] = Field(min_length=1)
    """Names of benchmark cards, or YAML files."""
    data: str | dict[str, str]
    """The benchmarks' folder, or the folder of each card."""
    protocols: list[str] = ["zeroshot"]
    every: int = Field(500, ge=1)
    """Steps between evaluations; the last step is evaluated too."""
    best: str | None = None
    """CARD/PROTOCOL/METRIC by which checkpoints/best.pt is chosen, such as drawn-emotions/zeroshot/uar; of few-shot
    drawn-emotions/fewshot-4/uar."""

    @model_validator(mode="after")
    def _every_card_has_data(self) -> Self:
        if isinstance(self.data, dict) and (missing := [card for card in self.cards if card not in self.data]):
            raise ValueError(f"data: there is no folder for {', '.join(missing)}")
        card, _, rest = (self.best or "").partition("/")
        protocol, _, metric = rest.partition("/")
        known = card in {Path(name).stem for name in self.cards} and protocol.partition("-")[0] in self.protocols
        if self.best is not None and not (known and metric):
            raise ValueError("best: write CARD/PROTOCOL/METRIC with a card and a protocol from above")
        return self


class TrainRecipe(Recipe):
    """A model: its towers, its data, its objective."""

    model: ModelRecipe
    data: DataRecipe
    objective: ObjectiveRecipe = ObjectiveRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    epochs: float = Field(20, gt=0)
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """bf16 and fp16 compute the towers under autocast, fp16 with a scaled loss; weights and losses stay fp32. Beside
    them, what is left of fp32 products runs in TF32 on a GPU that has it."""
    accumulate: int = Field(1, ge=1)
    """Put every rank's share of a batch through the towers in so many pieces (GradCache): the memory of one piece, the
    gradient of the whole batch, for one more forward pass."""
    gradient_checkpointing: bool = False
    """Compute the activations of the blocks again in the backward pass: less memory, for one more forward
    pass of them."""
    compile: bool = False
    """Compile the towers with torch.compile."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay per step of an average of the weights, which is then what is exported and evaluated; null: none."""
    workers: int | None = Field(None, ge=1)
    """Train on so many Ray workers, a GPU each where there are any; null: in this process, or as torchrun says."""
    restarts: int = Field(3, ge=0)
    """How often lost Ray workers are replaced; training then goes on from the last checkpoint."""
    timeout_minutes: float = Field(30, gt=0)
    """Under several ranks: stop when one has not answered the others for so long. Must exceed an evaluation."""
    device: str | None = None
    """cuda, mps or cpu; the best one there is where null."""
    evaluate: EvaluateRecipe | None = None
    """Benchmarks to run while training; null: none."""
    checkpoint_every: int = Field(500, ge=1)
    """Steps between checkpoints."""
    keep: int = Field(2, ge=1)
    """How many of the last checkpoints are kept."""
    log_every: int = Field(10, ge=1)
    """Steps between rows of metrics.jsonl."""
    tensorboard: bool = True
    """Write event files to tensorboard/ as well."""
    wandb: str | None = None
    """A project of Weights & Biases that the rows go to as well; needs the package wandb."""

    @model_validator(mode="after")
    def _guide_exists(self) -> Self:
        if self.objective.mining.guide == "ema" and self.ema is None:
            raise ValueError("objective.mining.guide is ema, but there is none: set ema, for example ema=0.999")
        return self
