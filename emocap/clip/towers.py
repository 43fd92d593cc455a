"""The two towers: an open_clip model, its patch tokens, and text encoding that pays only for the words there are."""

import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocap.clip.recipe import ModelRecipe
from emocap.errors import UserError
from emocap.shards import write_json


def create(recipe: ModelRecipe, folder: Path) -> nn.Module:
    """The model of a recipe, with random or pretrained weights, in fp32 on the CPU.

    Its configuration is written to ``folder`` as an open_clip local-dir. Raises UserError for a name, configuration
    or weights that open_clip does not take.
    """
    config = recipe.config or open_clip.get_model_config(recipe.name)
    if config is None:
        raise UserError(f"model.name: open_clip knows no {recipe.name!r}; open_clip.list_models() lists what it knows")
    preprocess = open_clip.get_pretrained_cfg(recipe.name, recipe.init) if recipe.name and recipe.init else {}
    kept = {key: preprocess[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in preprocess}
    folder.mkdir(parents=True, exist_ok=True)
    # A text tower of its own can be cut to the length of the batch; open_clip's merged class cannot.
    write_json(
        folder / "open_clip_config.json", {"model_cfg": {**config, "custom_text": True}, "preprocess_cfg": kept}
    )
    quiet = logging.getLogger()
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # open_clip warns about the weights that are not there yet
    try:
        model: nn.Module = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
        if recipe.init and recipe.name and open_clip.get_pretrained_cfg(recipe.name, recipe.init):
            source = open_clip.create_model(recipe.name, pretrained=recipe.init, force_custom_text=True)
            model.load_state_dict(source.state_dict())
        elif recipe.init:
            open_clip.load_checkpoint(model, recipe.init)
    # open_clip raises whatever its layers raise on settings that do not fit.
    except Exception as error:
        raise UserError(f"model: open_clip could not make it ({type(error).__name__}: {error})") from error
    finally:
        quiet.setLevel(level)
    return model


def encode_images(model: nn.Module, image_B3HW: Tensor, patches: bool) -> tuple[Tensor, Tensor | None]:
    """Image embeddings, L2-normalised, B×D, and where ``patches`` the projected patch tokens, B×M×D.

    Patch tokens take the way of the class token: the last block, its norm, the projection (our reading).
    """
    visual: Any = model.visual
    image_B3HW = image_B3HW.contiguous(memory_format=torch.channels_last)
    if not patches:
        return F.normalize(visual(image_B3HW), dim=-1), None
    # NCHW is the one layout that every tower of open_clip can give.
    out = visual.forward_intermediates(image_B3HW, indices=1, normalize_intermediates=True, output_fmt="NCHW")
    patch_BMW = out["image_intermediates"][-1].flatten(2).transpose(1, 2)
    projection = getattr(visual, "proj", None)
    patch_BMD = patch_BMW @ projection if projection is not None else visual.head(patch_BMW)
    return F.normalize(out["image_features"], dim=-1), patch_BMD


def encode_texts(model: nn.Module, token_NL: Tensor) -> Tensor:
    """Text embeddings, L2-normalised, N×D, of tokenised texts.

    Equal rows are encoded once. Behind the end token of a causal tower nothing counts, so texts of like length go
    through together, each group cut to its length. The result is that of ``model.encode_text`` up to the order of
    floating-point sums.
    """
    text: Any = model.text
    unique_UL, inverse_N = torch.unique(token_NL, dim=0, return_inverse=True)
    if not _can_be_cut(text):
        embedded_UD: Tensor = text(unique_UL)
    else:
        cut_U = ((unique_UL.argmax(-1) + _STEP) // _STEP * _STEP).clamp(max=unique_UL.shape[1])
        cut_U, order_U = cut_U.sort()
        length_G, size_G = cut_U.unique_consecutive(return_counts=True)
        groups = zip(unique_UL[order_U].split(size_G.tolist()), length_G.tolist(), strict=True)
        parts = [_encode_cut(text, group_NL, length) for group_NL, length in groups]
        embedded_UD = torch.cat(parts)[order_U.argsort()]
    return F.normalize(embedded_UD, dim=-1)[inverse_N]


_STEP = 8
"""Texts are cut to a multiple of so many tokens: more pads more, fewer makes smaller groups."""


def _can_be_cut(text: Any) -> bool:
    """Whether a text tower looks back only and takes its output from the end token."""
    causal = isinstance(text, open_clip.transformer.TextTransformer) and text.attn_mask is not None
    return causal and text.cls_emb is None and text.pool_type == "argmax" and not text.use_pad_mask


def _encode_cut(text: Any, token_NL: Tensor, length: int) -> Tensor:
    """A text tower on sequences cut to ``length``."""
    token_NL = token_NL[:, :length]
    x_NLW: Tensor = text.token_embedding(token_NL) + text.positional_embedding[:length]
    x_NLW = text.transformer(x_NLW, attn_mask=text.attn_mask[:length, :length])
    # Of the last layer only the end tokens count.
    x_NW: Tensor = text.ln_final(x_NLW[torch.arange(len(token_NL), device=token_NL.device), token_NL.argmax(-1)])
    if isinstance(text.text_projection, nn.Module):
        x_NW = text.text_projection(x_NW)
    elif text.text_projection is not None:
        x_NW = x_NW @ text.text_projection
    return x_NW


class Tokens:
    """Tokenised texts, the latest ones kept: in a small collection the same sentences come again in every epoch."""

    def __init__(self, folder: Path) -> None:
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
        self._one = functools.lru_cache(maxsize=50_000)(lambda text: tokenizer([text])[0])

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """N texts → N×context token ids; what is beyond the context is cut off."""
        return torch.stack([self._one(text) for text in texts])
