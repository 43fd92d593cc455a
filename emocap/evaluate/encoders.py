"""Encoders to measure: a run of emocap train, any open_clip model, or the features of a timm model."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from emocap.errors import UserError

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Encoder:
    """A model as the protocols see it."""

    name: str
    sha256: str
    """Of its weights."""
    preprocess: Callable[[Image.Image], Tensor]
    """RGB picture → what the model takes."""
    preprocess_text: str
    """The same, in words, for the results."""
    images: Callable[[Tensor], Tensor]
    """A batch of preprocessed pictures → features B×D, not normalised."""
    texts: Callable[[Sequence[str]], Tensor] | None
    """N texts → L2-normalised embeddings N×D; None for a model without a text tower."""


def load(spec: str) -> Encoder:
    """The encoder that ``spec`` names: a run folder, ``open_clip:NAME[/PRETRAINED or path]`` or ``timm:NAME``.

    Raises UserError for anything else, and where weights cannot be had.
    """
    kind, _, rest = spec.partition(":")
    logging.getLogger("root").setLevel(logging.WARNING)
    folder = None if kind in ("open_clip", "timm") else _folder(spec)
    try:
        if folder:
            return _open_clip(spec, f"local-dir:{folder}", None)
        if kind == "open_clip":
            name, _, pretrained = rest.partition("/")
            return _open_clip(spec, name, pretrained or None)
        return _timm(spec, rest)
    # The libraries raise whatever their loaders raise.
    except Exception as error:
        raise UserError(f"--model: {spec} could not be loaded ({type(error).__name__}: {error})") from error


def _folder(spec: str) -> Path:
    """The open_clip folder of a run, or ``spec`` itself where it is one."""
    folder = Path(spec) / "model" if (Path(spec) / "model").is_dir() else Path(spec)
    if not (folder / "open_clip_config.json").is_file():
        raise UserError(
            f"--model: {spec} is neither a run of emocap train nor open_clip:NAME[/PRETRAINED] nor timm:NAME"
        )
    if not list(folder.glob("*.safetensors")) and not list(folder.glob("*.bin")):
        raise UserError(f"--model: {spec} has no weights yet; finish it with emocap train")
    return folder


def _open_clip(spec: str, name: str, pretrained: str | None) -> Encoder:
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(name, pretrained=pretrained)
    tokenizer = open_clip.get_tokenizer(name)
    model.eval().to(memory_format=torch.channels_last)  # convolutions are faster so on a CPU

    def texts(sentences: Sequence[str]) -> Tensor:
        with torch.inference_mode():
            embedded: Tensor = model.encode_text(tokenizer(list(sentences)), normalize=True)
        return embedded

    return Encoder(spec, _hash(model), preprocess, str(preprocess), model.encode_image, texts)


def _timm(spec: str, name: str) -> Encoder:
    import timm

    model = timm.create_model(name, pretrained=True, num_classes=0).eval()
    preprocess = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    return Encoder(spec, _hash(model), preprocess, str(preprocess), model, None)


def _hash(model: nn.Module) -> str:
    """sha256 over the names and values of all weights."""
    digest = hashlib.sha256()
    state: dict[str, Any] = model.state_dict()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
