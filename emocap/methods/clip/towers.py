"""The two towers: an open_clip model, its patch tokens, and text encoding that pays only for the words there are."""

import copy
import functools
import logging
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from open_clip.tokenizer import HFTokenizer
from safetensors.torch import save_file
from torch import Tensor, nn

from emocap.core.errors import UserError
from emocap.core.files import replacing, write_json
from emocap.methods.clip.recipe import ModelRecipe


def create(recipe: ModelRecipe, folder: Path) -> nn.Module:
    """The model of a recipe, with random or pretrained weights, in fp32 on the CPU.

    Its configuration is written to ``folder`` as an open_clip local-dir. Raises UserError for a name, configuration
    or weights that open_clip does not take.
    """
    config = copy.deepcopy(recipe.config or open_clip.get_model_config(recipe.name))
    if config is None:
        raise UserError(f"model.name: open_clip knows no {recipe.name!r}; open_clip.list_models() lists what it knows")
    if recipe.image_size:
        config["vision_cfg"]["image_size"] = recipe.image_size
    tag = open_clip.get_pretrained_cfg(recipe.name, recipe.init) if recipe.name and recipe.init else {}
    kept = {key: tag[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in tag}
    folder.mkdir(parents=True, exist_ok=True)
    # A text tower of its own can be cut to the length of the batch; open_clip's merged class cannot.
    write_json(
        folder / "open_clip_config.json", {"model_cfg": {**config, "custom_text": True}, "preprocess_cfg": kept}
    )
    quiet = logging.getLogger()
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # open_clip warns about the weights that are not there yet
    try:
        if words := config["text_cfg"].get("hf_tokenizer_name"):
            HFTokenizer(words).save_pretrained(folder)  # open_clip looks for it there, and nowhere else
        model: nn.Module = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
        if tag:
            source = open_clip.create_model(
                recipe.name, pretrained=recipe.init, force_custom_text=True, force_image_size=recipe.image_size
            )
            model.load_state_dict(source.state_dict())
    except UserError:
        raise
    # open_clip raises whatever its layers raise on settings that do not fit.
    except Exception as error:
        raise UserError(f"model: open_clip could not make it ({_short(error)})") from error
    finally:
        quiet.setLevel(level)
    if recipe.init and not tag:
        _load(model, recipe.name, recipe.init)
    return model


def _load(model: nn.Module, name: str | None, init: str) -> None:
    """Put the weights of a file or folder into the model."""
    path = _weights(Path(init))
    if not path.is_file():
        tags = open_clip.list_pretrained_tags_by_model(name) if name else []
        known = f", and {name} has no such tag; it has {', '.join(tags)}" if tags else ""
        raise UserError(f"model.init: there is no file {init}{known}")
    try:
        open_clip.load_checkpoint(model, str(path))
    # What is in a file that holds something else can break it anywhere.
    except Exception as error:
        raise UserError(f"model.init: {path} does not hold weights of this model ({_short(error)})") from error


def _short(error: Exception) -> str:
    """An error as a part of a line: messages about weights that do not fit list every one of them."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder=" ...")


def _weights(init: Path) -> Path:
    """The file of weights that ``model.init`` means: itself, or that of a run or an open_clip local-dir."""
    if not init.is_dir():
        return init
    folder = init / "model" if (init / "model").is_dir() else init
    found = sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    if not found:
        raise UserError(f"model.init: {init} has no weights; name a file, or a run that emocap train has finished")
    return next((path for path in found if path.name == "open_clip_model.safetensors"), found[0])


def lock(model: nn.Module, recipe: ModelRecipe) -> None:
    """Lock the towers as the recipe says. Raises UserError for a tower whose layers open_clip cannot group."""
    towers: Any = model
    for key, locked, unlocked in (
        ("lock_image", towers.lock_image_tower, recipe.lock_image),
        ("lock_text", towers.lock_text_tower, recipe.lock_text),
    ):
        if unlocked is not None:
            try:
                locked(unlocked)
            # Towers of other libraries raise whatever they like.
            except Exception as error:
                raise UserError(f"model.{key}: {unlocked} does not suit this tower ({error}); try 0") from error


def learning(model: nn.Module) -> None:
    """Training mode, except for BatchNorms that are locked: their statistics are part of what must not change."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not any(
            parameter.requires_grad for parameter in module.parameters()
        ):
            module.eval()


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
        cut = [group_NL[:, :length] for group_NL, length in groups]
        # One look-up for all groups: each has a gradient as large as the whole vocabulary.
        word_PW = text.token_embedding(torch.cat([group_NL.flatten() for group_NL in cut]))
        words = word_PW.split([group_NL.numel() for group_NL in cut])
        parts = [_encode_cut(text, *pair) for pair in zip(cut, words, strict=True)]
        embedded_UD = torch.cat(parts)[order_U.argsort()]
    return F.normalize(embedded_UD, dim=-1)[inverse_N]


_STEP = 8
"""Texts are padded to a multiple of this many tokens: more pads more, fewer makes smaller groups."""


def _can_be_cut(text: Any) -> bool:
    """Whether a text tower looks back only and takes its output from the end token."""
    causal = isinstance(text, open_clip.transformer.TextTransformer) and text.attn_mask is not None
    return causal and text.cls_emb is None and text.pool_type == "argmax" and not text.use_pad_mask


def _encode_cut(text: Any, token_NL: Tensor, word_PW: Tensor) -> Tensor:
    """A text tower on sequences of one length; ``word_PW``: the embeddings of their tokens, one after the other."""
    length = token_NL.shape[1]
    x_NLW: Tensor = word_PW.view(*token_NL.shape, -1) + text.positional_embedding[:length]
    x_NLW = text.transformer(x_NLW, attn_mask=text.attn_mask[:length, :length])
    # Of the last layer only the end tokens count.
    x_NW: Tensor = text.ln_final(x_NLW[torch.arange(len(token_NL), device=token_NL.device), token_NL.argmax(-1)])
    if isinstance(text.text_projection, nn.Module):
        x_NW = text.text_projection(x_NW)
    elif text.text_projection is not None:
        x_NW = x_NW @ text.text_projection
    return x_NW


class Tokens:
    """Texts as the numbers that a model's tokenizer gives them, each word's kept: captions are made of few words.

    CLIP's tokenizer takes a text apart at its spaces, and cleans printable ASCII of nothing but what looks like HTML.
    Such texts are put together from their words' numbers; others, and those for other tokenizers, are kept whole.
    """

    def __init__(self, folder: Path) -> None:
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
        self._context: int = tokenizer.context_length
        self._whole = functools.lru_cache(maxsize=50_000)(lambda text: tokenizer([text])[0].numpy())
        self._word: Callable[[str], list[int]] | None = None
        # One that drops words by chance does so by the whole text.
        if type(tokenizer) is open_clip.SimpleTokenizer and tokenizer.reduction_fn is None:
            self._ends = tokenizer.sot_token_id, tokenizer.eot_token_id
            self._word = functools.lru_cache(maxsize=100_000)(tokenizer.encode)

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """N texts → N×context token ids; what is beyond the context is cut off."""
        token_NL = np.zeros((len(texts), self._context), dtype=np.int64)
        for row_L, text in zip(token_NL, texts, strict=True):
            if self._word and text.isascii() and text.isprintable() and "&" not in text:
                start, end = self._ends
                numbers = [number for word in text.split() for number in self._word(word)][: self._context - 2]
                row_L[: len(numbers) + 2] = [start, *numbers, end]
            else:
                row_L[:] = self._whole(text)
        return torch.from_numpy(token_NL)


def export_weights(folder: Path, model: nn.Module, note: str) -> None:
    """Put the weights beside their open_clip configuration: open_clip alone can then load ``local-dir:<folder>``.

    ``note`` says in the file's metadata which weights they are.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(folder / "open_clip_model.safetensors") as scratch:
        save_file(weights, scratch, metadata={"emocap": note})
