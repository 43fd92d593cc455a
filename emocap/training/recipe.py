"""What a recipe may say about a run, whatever it trains."""

# Tested in tests/training/test_optimizer.py.

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from emocap.core.recipes import Recipe

_Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerRecipe(Recipe):
    """AdamW, with a linear warm-up and a cosine to zero."""

    lr: float = Field(1e-5, gt=0)
    betas: tuple[_Decay, _Decay] = (0.9, 0.98)
    weight_decay: float = Field(0.2, ge=0)
    """Not on biases, gains and logit scales."""
    warmup: float = Field(0.05, ge=0, le=1)
    """Share of all steps."""
    clip_norm: float | None = Field(None, gt=0)
    """Greatest norm of the gradient; null leaves it as it is."""
    spike: float | None = Field(None, gt=1)
    """Skip a step whose gradient norm exceeds the median of the last hundred steps by this factor; null: never."""


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
    """CARD/PROTOCOL/METRIC by which checkpoints/best.pt is chosen, such as raf-db/zeroshot/uar; for few-shot,
    raf-db/fewshot-4/uar."""

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


class SelectRecipe(Recipe):
    """Which weights a run ends with: those of the best validation, instead of the last step's."""

    metric: str
    """One that the method's validation gives."""
    direction: Literal["max", "min"] = "max"
    every: int = Field(500, ge=1)
    """Steps between validations; the last step is validated too."""
    patience: int | None = Field(None, ge=1)
    """End the run after this number of validations in a row without a better one; null: never."""


class RunRecipe(Recipe):
    """What every method's recipe has: how long a run takes, where, and what it leaves behind on the way."""

    mutable_keys: ClassVar[tuple[str, ...]] = (
        *("device", "workers", "restarts", "timeout_minutes", "evaluate"),
        *("checkpoint_every", "keep", "log_every", "tensorboard", "wandb"),
    )
    """Keys that may change while a run goes on: they do not change what it ends in."""

    method: str
    """What is trained, by its name: clip, or that of a plug-in."""
    optimizer: OptimizerRecipe = OptimizerRecipe()
    epochs: float = Field(20, gt=0)
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """bf16 and fp16 compute the model under autocast, fp16 with a scaled loss; weights and losses stay fp32. Beside
    them, what is left of fp32 products runs in TF32 on a GPU that has it."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay per step of an average of the weights, which is then what is exported and evaluated; null: none."""
    workers: int | None = Field(None, ge=1)
    """Number of Ray workers that train, with a GPU each if there are any; null: this process, or torchrun's."""
    restarts: int = Field(3, ge=0)
    """How often lost Ray workers are replaced; training then goes on from the last checkpoint."""
    timeout_minutes: float = Field(30, gt=0)
    """Under several ranks: stop when one has not answered the others for so long. Must exceed an evaluation."""
    device: str | None = None
    """cuda, mps or cpu; the best one there is where null."""
    evaluate: EvaluateRecipe | None = None
    """Benchmarks to run while training; null: none."""
    select: SelectRecipe | None = None
    """Choose the weights by validation; null: the run ends with those of the last step."""
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

    @property
    def cpus_per_worker(self) -> int:
        """CPUs that a Ray worker uses where there are enough of them."""
        return 1

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.select and self.evaluate and self.evaluate.best:
            raise ValueError("the weights are chosen by select or by evaluate.best, not by both")
        return self
