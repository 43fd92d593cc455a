"""What every encoder has, and what those who make one share."""

# Tested in tests/encoders/test_features.py.

import hashlib
import json
import pickle
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from emocap.core.errors import UserError, few

Matrix = npt.NDArray[np.float32]

_TEXTS_AT_ONCE = 256


@dataclass(frozen=True)
class Encoder:
    """A model as the protocols see it. What it gives lies on the CPU in single precision, wherever it computes."""

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
    architecture: str = ""
    """sha256 of what computes with the weights, such as which activations: equal weights in another model are not
    equal features."""

    def encode_images(self, images: Sequence[Image.Image]) -> Matrix:
        """N RGB pictures of any size → their features, N×D, not normalised; the pictures go through in one batch."""
        batch_N3HW = torch.stack([self.preprocess(image.convert("RGB")) for image in images])
        return np.asarray(self.images(batch_N3HW).numpy(), np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Matrix:
        """N texts → their L2-normalised embeddings, N×D. Raises UserError for a model without a text tower."""
        if self.texts is None:
            raise UserError(f"{self.name} has no text tower")
        return np.asarray(self.texts(list(texts)).numpy(), np.float32)

    def predict(self, images: Sequence[Image.Image], texts: Sequence[str], scale: float = 100.0) -> Matrix:
        """N×K: how likely each of K texts describes each of N pictures, by CLIP's zero-shot rule: the softmax of
        ``scale`` times the cosines. Raises UserError for a model without a text tower.
        """
        image_ND = F.normalize(torch.from_numpy(self.encode_images(images)), dim=-1)
        text_KD = torch.from_numpy(self.encode_texts(texts))
        return np.asarray((scale * image_ND @ text_KD.T).softmax(dim=-1).numpy(), np.float32)


@dataclass(frozen=True)
class Towers:
    """What an adapter makes of a name: modules and how they are called."""

    model: nn.Module
    preprocess: Callable[[Image.Image], Tensor]
    preprocess_text: str
    images: Callable[[Tensor], Tensor]
    """Preprocessed pictures on the model's device → features B×D."""
    texts: Callable[[Sequence[str], torch.device], Tensor] | None = None
    """Texts and the model's device → embeddings N×D; None where there is no text tower."""
    settings: Any = None
    """What is not seen in the names of its modules, such as the number of heads; plain data."""


def encoder(name: str, towers: Towers, device: torch.device) -> Encoder:
    """The encoder of an adapter's towers, at work on a device."""
    towers.model.eval().requires_grad_(False)
    sha256 = weights_sha256(towers.model)
    towers.model.to(device).to(memory_format=torch.channels_last)  # convolutions are faster so, on a CPU too

    def images(image_B3HW: Tensor) -> Tensor:
        with torch.inference_mode():
            seen = image_B3HW.to(device, memory_format=torch.channels_last, non_blocking=True)
            return towers.images(seen).float().cpu()

    def texts(sentences: Sequence[str]) -> Tensor:
        assert towers.texts
        with torch.inference_mode():
            parts = [
                F.normalize(towers.texts(sentences[first : first + _TEXTS_AT_ONCE], device).float(), dim=-1).cpu()
                for first in range(0, len(sentences), _TEXTS_AT_ONCE)
            ]
        return torch.cat(parts)

    built = f"{towers.model}\n{json.dumps(towers.settings, sort_keys=True, default=str)}"
    return Encoder(
        name,
        sha256,
        towers.preprocess,
        _without_addresses(towers.preprocess_text),
        images,
        texts if towers.texts else None,
        hashlib.sha256(_without_addresses(built).encode()).hexdigest(),
    )


def weights_sha256(model: nn.Module) -> str:
    """sha256 over the names and values of all weights."""
    digest = hashlib.sha256()
    state: dict[str, Any] = model.state_dict()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def state_of(path: Path) -> dict[str, Tensor]:
    """The weights in a file of safetensors or of torch.save, which may keep them under ``state_dict`` or ``model``.

    ``module.``, which DataParallel puts before every name, is taken away. Nothing in the file is executed. Raises
    UserError for a file that is not there or holds anything but tensors under names.
    """
    if not path.is_file():
        raise UserError(f"model: there is no file {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    # Both libraries raise whatever a damaged file makes them stumble over.
    except Exception as error:
        kind = (
            "code beside its weights" if isinstance(error, pickle.UnpicklingError) else "no weights that can be read"
        )
        raise UserError(f"model: {path} holds {kind} ({type(error).__name__}: {error})") from None
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"model: {path} holds no weights: tensors under names, or such under state_dict or model")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def fit(model: nn.Module, state: dict[str, Tensor], path: Path, left_out: Sequence[str] = ()) -> None:
    """Load weights that must fit to the last one. Raises UserError that names those that do not.

    left_out: beginnings of names that may be in the file and are not used, such as a classifier.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in state]
    beyond = [name for name in state if name not in wanted and not name.startswith(tuple(left_out))]
    other = [
        f"{name} of {tuple(state[name].shape)}, not {tuple(wanted[name].shape)}"
        for name in wanted
        if name in state and state[name].shape != wanted[name].shape
    ]
    for problem, names in (("has no", missing), ("has beyond this model's", beyond), ("has", other)):
        if names:
            raise UserError(f"model: {path} {problem} {few(names, 5)}")
    model.load_state_dict({name: state[name].to(wanted[name].dtype) for name in wanted})


def _without_addresses(text: str) -> str:
    """A function's repr has its memory address, which differs between processes."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
