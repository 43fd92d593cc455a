"""Features of pictures, extracted once for every card and protocol that wants them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from emocap import progress
from emocap.errors import UserError
from emocap.evaluate.encoders import Encoder
from emocap.evaluate.layouts import Example
from emocap.faces.images import ImageError, decode

_BATCH = 128


def extract(encoder: Encoder, examples: Sequence[Example]) -> dict[str, npt.NDArray[np.float32]]:
    """Name → features, not normalised, of every example.

    Raises UserError, naming it, where a picture cannot be read or a feature is no number.
    """
    features: dict[str, npt.NDArray[np.float32]] = {}
    with progress.stage("extracting features", len(examples)) as stage:
        for first in range(0, len(examples), _BATCH):
            some = examples[first : first + _BATCH]
            pictures = []
            for example in some:
                try:
                    pixels = decode(example.data, max_pixels=100_000_000)
                except ImageError as error:
                    raise UserError(f"{example.name}: {error.reason}: {error.detail}") from None
                pictures.append(encoder.preprocess(Image.fromarray(pixels)))
            with torch.inference_mode():
                rows = encoder.images(torch.stack(pictures)).float().numpy()
            features.update(zip((example.name for example in some), rows, strict=True))
            stage.advance(len(some))
    if bad := [name for name, row in features.items() if not np.isfinite(row).all()]:
        raise UserError(f"{encoder.name} gives features that are no numbers for {len(bad)} pictures, such as {bad[0]}")
    return features
