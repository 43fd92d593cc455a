"""Features of all examples, extracted once for every protocol that wants them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from emocap import progress
from emocap.errors import UserError
from emocap.evaluate.encoders import Encoder, Matrix
from emocap.evaluate.layouts import Example
from emocap.faces.images import ImageError, decode

_BATCH = 128


@dataclass(frozen=True)
class Features:
    """One row per example, in their order: features N×D, not normalised; and a sha256 over names, labels, pixels."""

    matrix: Matrix
    data_sha256: str


def extract(encoder: Encoder, examples: Sequence[Example]) -> Features:
    """Features of every example. Raises UserError, naming it, where a picture cannot be read or a feature is NaN."""
    digest = hashlib.sha256()
    rows = []
    with progress.stage("extracting features", len(examples)) as stage:
        for first in range(0, len(examples), _BATCH):
            some = examples[first : first + _BATCH]
            pictures = []
            for example in some:
                digest.update(f"{example.name}\0{example.label}\0{example.action_units}\0".encode() + example.data)
                try:
                    pixels = decode(example.data, max_pixels=100_000_000)
                except ImageError as error:
                    raise UserError(f"{example.name}: {error.reason}: {error.detail}") from None
                pictures.append(encoder.preprocess(Image.fromarray(pixels)))
            with torch.inference_mode():
                rows.append(encoder.images(torch.stack(pictures)).float().numpy())
            stage.advance(len(some))
    matrix = np.concatenate(rows)
    if bad := [example.name for example, row in zip(examples, matrix, strict=True) if not np.isfinite(row).all()]:
        raise UserError(f"{encoder.name} gives features that are no numbers for {len(bad)} pictures, such as {bad[0]}")
    return Features(matrix, digest.hexdigest())
