"""Anybody's encoder, as the protocols see it."""

# Tested in tests/test_api.py.

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from emocap.encoders.base import Encoder


def wrap(model: Any, name: str | None = None) -> Encoder:
    """An encoder of any object with ``encode_images`` (RGB pictures → N×D) and ``encode_texts`` (texts → N×D).

    Pictures come one size, that of the first: give the object pictures of any size, for it gets them as they are cut
    to 224 pixels. Features are kept for this process alone, for nobody knows what else the object depends on. Raises
    TypeError where it has no ``encode_images``.
    """
    if not callable(getattr(model, "encode_images", None)):
        raise TypeError(f"{type(model).__name__} has no encode_images")
    name = name or getattr(model, "name", None) or type(model).__name__
    encode_texts = getattr(model, "encode_texts", None)

    def images(image_B3HW: Tensor) -> Tensor:
        pixels = image_B3HW.permute(0, 2, 3, 1).to(torch.uint8).numpy()
        return _tensor(model.encode_images([Image.fromarray(one) for one in pixels]))

    def texts(sentences: Sequence[str]) -> Tensor:
        assert encode_texts
        return torch.nn.functional.normalize(_tensor(encode_texts(list(sentences))), dim=-1)

    identity = hashlib.sha256(f"{name} {id(model)}".encode()).hexdigest()
    return Encoder(
        name=str(name),
        sha256=identity,
        preprocess=_preprocess,
        preprocess_text=f"squares of {_SIDE} pixels, given to the object as RGB pictures",
        images=images,
        texts=texts if callable(encode_texts) else None,
        architecture=type(model).__qualname__,
    )


_SIDE = 224


def _preprocess(image: Image.Image) -> Tensor:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square.convert("RGB"))).permute(2, 0, 1)


def _tensor(value: Any) -> Tensor:
    made: Tensor = value.detach() if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    return made.float().cpu()
