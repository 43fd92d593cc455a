"""EmoCapCLIP as a method, in one story: towers, batches, objective, step, export.

emocap train models/emocapclip-vit-b-32.yaml data.builds=[runs/movies] --out runs/b32
"""

import copy
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from emocap.core.errors import UserError
from emocap.losses.features import Features, Guide
from emocap.losses.objective import Objective
from emocap.losses.registry import CONTRASTS
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.encode import Encoder, move
from emocap.methods.clip.grad_cache import backward
from emocap.methods.clip.loader import Preprocess, batches, find_shards
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.clip.towers import Tokens, create, export_weights, learning, lock
from emocap.training.method import BaseMethod, Run, StepContext, StepResult

MAX_LOGIT_SCALE = math.log(100)


class ClipMethod(BaseMethod):
    """Joint global-local contrastive learning with cross-modal guided positive mining (arXiv 2507.21015)."""

    model: Any
    """An open_clip model, whose attributes are its own."""

    def __init__(self, recipe: ClipRecipe, run: Run) -> None:
        """Raises UserError for a model that open_clip cannot make, and data that is missing or too small."""
        self.recipe, self.run = recipe, run

        # Towers
        with run.group.first_ahead():  # it alone writes out/model, and fetches weights that are not at hand
            model: Any = create(recipe.model, run.out / "model")
        self.model = model
        lock(self.model, recipe.model)
        self.model.set_grad_checkpointing(recipe.gradient_checkpointing)
        self.objective = Objective(recipe.objective, self.model.text.output_dim, self.model.logit_bias)
        settings = open_clip.get_model_preprocess_cfg(self.model)
        self.preprocess = Preprocess(self.model.visual.image_size[0], tuple(settings["mean"]), tuple(settings["std"]))
        self.tokens = Tokens(run.out / "model")
        self.model.to(run.device)
        self.model.to(memory_format=torch.channels_last)  # convolutions are faster so on a CPU
        self.objective.to(run.device)
        self.guide: nn.Module | None = None
        if recipe.objective.mining.guide == "frozen":
            self.guide = copy.deepcopy(self.model).requires_grad_(False).eval()

        # Data: the number of the next batch is all the state there is
        self.shards = find_shards(recipe.data)
        if recipe.data.batch % (run.group.count * recipe.accumulate):
            raise UserError(
                f"data.batch: {recipe.data.batch} samples cannot be cut evenly for {run.group.count} ranks and "
                f"accumulate={recipe.accumulate}"
            )

    @property
    def steps(self) -> int:
        """See :class:`emocap.training.method.Method`."""
        return max(1, int(self.recipe.epochs * self.shards.samples / self.recipe.data.batch))

    @property
    def samples_per_step(self) -> int:
        """See :class:`emocap.training.method.Method`."""
        return self.recipe.data.batch

    @property
    def samples_per_epoch(self) -> float:
        """See :class:`emocap.training.method.Method`."""
        return self.shards.samples

    def modules(self) -> Mapping[str, nn.Module]:
        """The towers, and the objective's own parameters."""
        return {"model": self.model, "objective": self.objective}

    def learning_rate(self, name: str) -> float | None:
        """Each tower may have its own."""
        recipe = self.recipe.optimizer
        return {"model.visual": recipe.image_lr, "model.text": recipe.text_lr}.get(".".join(name.split(".")[:2]))

    def prepare(self, averages: Mapping[str, nn.Module]) -> None:
        """The encoder whose gradients are averaged over ranks; towers in training mode."""
        self.encoder = Encoder(self.model, self.objective, self.preprocess, self.run.dtype, self.recipe.compile)
        self.parallel = self.run.group.parallel(self.encoder, self.run.device)
        towers = {id(p) for tower in (self.model.visual, self.model.text) for p in tower.parameters()}
        learners = [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]
        self.beside = [parameter for parameter in learners if id(parameter) not in towers]
        if self.recipe.objective.mining.guide == "ema":
            self.guide = averages["model"]
        learning(self.model)

    def batches(self, begun: int, steps: int, rank: int, ranks: int) -> Iterator[Batch]:
        """Shards → pictures and token ids, on the CPU."""
        sentiments = self.recipe.objective.reweight is not None
        loading = self.shards, self.recipe.data, self.preprocess, self.tokens, self.recipe.seed
        return batches(*loading, begun, steps, rank, ranks, sentiments)

    def step(self, batch: Batch, context: StepContext) -> StepResult:
        """Features of the batch, positives mined among them, the objective, and its gradient."""
        batch = move(batch, self.run.device)
        pieces = self.recipe.accumulate
        guide = self.encoder.guide(self.guide, batch, pieces) if self.guide else None
        loss_of = functools.partial(self._loss, guide=guide, step=context.step)
        loss, logs = backward(self.parallel, batch, pieces, loss_of, self.beside, context.scale)
        return StepResult(loss, logs, batch.keys)

    def _loss(self, features: Features, guide: Guide | None, step: int) -> tuple[Tensor, dict[str, Any]]:
        loss: tuple[Tensor, dict[str, Any]] = self.objective(
            replace(features, guide=guide), self.model.logit_scale, step - 1
        )
        return loss

    @torch.no_grad()
    def after_update(self) -> None:
        """Keep the logit scales at CLIP's limit; SigLIP's own scale is above it."""
        if CONTRASTS[self.recipe.objective.contrast].first_bias is None:
            for scale in (self.model.logit_scale, self.objective.local_logit_scale):
                scale.clamp_(0, MAX_LOGIT_SCALE)

    def export(self, folder: Path, note: str) -> None:
        """A model that open_clip loads on its own: the weights, beside the configuration in ``folder``."""
        export_weights(folder, self.model, note)
