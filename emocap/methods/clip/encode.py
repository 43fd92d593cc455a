"""From a batch to its features, and batches and features in pieces."""

# Tested in tests/methods/clip/test_grad_cache.py.

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocap.losses.features import Features, Guide, LocalFeatures
from emocap.losses.objective import Objective
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.loader import Preprocess, normalise
from emocap.methods.clip.towers import encode_images, encode_texts


class Encoder(nn.Module):
    """All that learns, as one module whose forward pass encodes a batch: what DistributedDataParallel wants.

    ``objective``: its parameters learn beside the towers, and what it does not read is not encoded. ``dtype``: what
    autocast computes in; None for fp32.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, preprocess: Preprocess, dtype: torch.dtype | None, fast: bool
    ) -> None:
        super().__init__()
        self.model, self.objective = model, objective
        self._preprocess, self._dtype = preprocess, dtype
        self._local, self._summary = objective.recipe.local_weight > 0, objective.recipe.reads_summaries
        self._images: Callable[..., tuple[Tensor, Tensor | None]] = (
            torch.compile(encode_images) if fast else encode_images
        )
        if fast:
            # Texts come in ever new numbers and lengths: block by block, one compilation serves them all.
            text: Any = model.text
            for block in getattr(text.transformer, "resblocks", [text]):
                block.compile(dynamic=True)

    def forward(self, batch: Batch) -> Features:
        """The features of a batch, fp32; all its texts go through the text tower together."""
        with torch.autocast(batch.image_B3HW.device.type, dtype=self._dtype, enabled=self._dtype is not None):
            image_BD, patch_BMD = self._images(self.model, self._encoded_images(batch), patches=self._local)
            # Equal texts are encoded once: in the place of the summaries, global captions cost nothing.
            parts = [batch.global_BL, batch.summary_BL if self._summary else batch.global_BL]
            parts += [batch.sentence_NL] if self._local else []
            text_UD = encode_texts(self.model, torch.cat(parts))
        text = text_UD.float().split([len(part) for part in parts])
        local = None
        if patch_BMD is not None:
            local = LocalFeatures(patch_BMD.float(), text[2], batch.owner_N, batch.sentence_group_N, batch.region_N)
        return Features(
            image_BD=image_BD.float(),
            global_BD=text[0],
            summary_BD=text[1],
            global_group_B=batch.global_group_B,
            summary_group_B=batch.summary_group_B,
            label_B=batch.label_B,
            local=local,
            sentiment_BC=batch.sentiment_BC,
        )

    @torch.no_grad()
    def guide(self, towers: nn.Module, batch: Batch, pieces: int) -> Guide:
        """The embeddings of other towers than those in training; the batch goes through them in pieces."""
        image, text = [], []
        for piece in split(batch, pieces):
            with torch.autocast(piece.image_B3HW.device.type, dtype=self._dtype, enabled=self._dtype is not None):
                image_BD, _ = self._images(towers, self._encoded_images(piece), patches=False)
                text_UD = encode_texts(towers, torch.cat([piece.global_BL, piece.summary_BL]))
            global_BD, summary_BD = text_UD.float().chunk(2)
            image.append(image_BD.float())
            text.append(F.normalize(global_BD + summary_BD, dim=-1))
        return Guide(torch.cat(image), torch.cat(text))

    def _encoded_images(self, batch: Batch) -> Tensor:
        """The pictures, fp32, as the model wants them."""
        raw = batch.image_B3HW.dtype == torch.uint8
        return normalise(batch.image_B3HW, self._preprocess) if raw else batch.image_B3HW


def move(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    moved: dict[str, Any] = {
        name: value.to(device, non_blocking=True) for name, value in values.items() if isinstance(value, Tensor)
    }
    return replace(batch, **moved)


def split(batch: Batch, pieces: int) -> Iterator[Batch]:
    """Split the batch into pieces of equal size, each with its own sentences."""
    size = len(batch.keys) // pieces
    for first in range(0, len(batch.keys), size):
        rows = slice(first, first + size)
        mine_N = (batch.owner_N >= first) & (batch.owner_N < first + size)
        yield Batch(
            keys=batch.keys[rows],
            image_B3HW=batch.image_B3HW[rows],
            global_BL=batch.global_BL[rows],
            summary_BL=batch.summary_BL[rows],
            sentence_NL=batch.sentence_NL[mine_N],
            owner_N=batch.owner_N[mine_N] - first,
            global_group_B=batch.global_group_B[rows],
            summary_group_B=batch.summary_group_B[rows],
            sentence_group_N=batch.sentence_group_N[mine_N],
            region_N=batch.region_N[mine_N],
            label_B=batch.label_B[rows],
            sentiment_BC=None if batch.sentiment_BC is None else batch.sentiment_BC[rows],
        )


def join(pieces: Sequence[Features]) -> Features:
    """The features of consecutive pieces of a batch as those of the batch."""

    def cat(parts: Sequence[Any], name: str) -> Tensor:
        return torch.cat([getattr(part, name) for part in parts])

    size = len(pieces[0].image_BD)
    local = [piece.local for piece in pieces if piece.local]
    return Features(
        image_BD=cat(pieces, "image_BD"),
        global_BD=cat(pieces, "global_BD"),
        summary_BD=cat(pieces, "summary_BD"),
        global_group_B=cat(pieces, "global_group_B"),
        summary_group_B=cat(pieces, "summary_group_B"),
        label_B=cat(pieces, "label_B"),
        local=LocalFeatures(
            patch_BMD=cat(local, "patch_BMD"),
            sentence_ND=cat(local, "sentence_ND"),
            owner_N=torch.cat([part.owner_N + number * size for number, part in enumerate(local)]),
            group_N=cat(local, "group_N"),
            region_N=cat(local, "region_N"),
        )
        if local
        else None,
        sentiment_BC=None if pieces[0].sentiment_BC is None else cat(pieces, "sentiment_BC"),
    )


def learned(features: Features) -> list[Tensor]:
    """Those of the features that have a gradient."""
    local = [features.local.patch_BMD, features.local.sentence_ND] if features.local else []
    return [features.image_BD, features.global_BD, features.summary_BD, *local]
