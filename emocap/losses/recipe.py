"""What a recipe may say about the objective."""

# Tested in tests/losses/test_pooling.py.

from typing import Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from emocap.core.errors import UserError
from emocap.core.recipes import Recipe
from emocap.core.registries import Registry
from emocap.losses.registry import CONTRASTS, POOLS, RULES

T = TypeVar("T")


def _known(registry: Registry[T], name: str) -> str:
    """The name, if it is registered; raises ValueError otherwise."""
    try:
        registry[name]
    except UserError as error:
        raise ValueError(str(error)) from None
    return name


class MiningRecipe(Recipe):
    """Cross-modal guided positive mining, equation (3) of our reading."""

    rule: str = "transport"
    """Positives are chosen by the similarity of other samples to the query's own. transport: by a plan in which every
    sample is as much of a positive as any other, so that rare emotions find theirs. cross: those of an image by the
    similarity of texts, of a text by that of images. consensus: by the smaller of both. soft: every pair, by the
    softmax of the other modality's similarity. labels: all samples of the same emotion label, what perfect mining
    would find. off: nothing is mined. Or a rule of a plug-in."""
    by: Literal["text", "cross"] = "text"
    """Of ``transport``: text: the plan follows the texts for all queries. cross: for text queries it follows the
    images."""
    guide: Literal["online", "ema", "frozen"] = "online"
    """Whose embeddings are compared: those of the towers in training, of their running mean, or of the start."""
    k: int | None = Field(8, ge=1)
    """Maximal number of mined positives per query, plus ties with the last of them; null: any number."""
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

    @field_validator("rule")
    @classmethod
    def _rule_exists(cls, rule: str) -> str:
        return rule if rule == "off" else _known(RULES, rule)


class LocalRecipe(Recipe):
    """The local branch, equation (4) of our reading."""

    pool: str = "sparse"
    """sparse: similarities scaled to 0..1 over the patches, zero below 1/M, renormalised (DreamLIP). softmax: with
    the temperature below. attention: of several heads, with parameters, which stay behind after training (FLAIR)."""
    temperature: float = Field(0.1, gt=0)
    """Of the softmax pool."""
    heads: int = Field(8, ge=1)
    """Of the attention pool."""
    contrast: Literal["regions", "pictures"] = "regions"
    """regions: every sentence pools its own picture, and the loss contrasts regions. pictures: every sentence pools
    every picture, and the loss contrasts pictures, so that a region can no longer copy its sentence (FLAIR)."""
    candidates: Literal["all", "one"] = "all"
    """Sentences of other pictures that a picture meets, under ``pictures``: all, or one of each at random (FLAIR)."""
    join_equal: bool = True
    """Equal sentences are positives of each other."""
    mining: bool = False
    """Sentences about the same region that are similar enough are positives of each other."""
    mining_delta: float = 3.0
    """δ_l: how similar, in standard deviations over all pairs of sentences of the batch."""

    @field_validator("pool")
    @classmethod
    def _pool_exists(cls, pool: str) -> str:
        return _known(POOLS, pool)

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
    contrast: str = "softmax"
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
        rule = self.mining.rule
        return self.summary_weight > 0 or (rule != "off" and RULES[rule].reads_texts)

    @field_validator("contrast")
    @classmethod
    def _contrast_exists(cls, contrast: str) -> str:
        return _known(CONTRASTS, contrast)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.global_weight + self.summary_weight + self.local_weight:
            raise ValueError("at least one of the weights must be above 0")
        if not CONTRASTS[self.contrast].of_pictures and self.local.contrast == "pictures":
            raise ValueError(f"contrast: {self.contrast} does not go with local.contrast: pictures")
        return self
