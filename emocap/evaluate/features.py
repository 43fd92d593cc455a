"""Features of pictures and clips, extracted once for every card and protocol that wants them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from emocap import progress
from emocap.errors import UserError
from emocap.evaluate.encoders import Encoder
from emocap.evaluate.examples import Example
from emocap.faces.images import ImageError

_BATCH = 128


def extract(encoder: Encoder, examples: Sequence[Example], segments: int) -> dict[str, npt.NDArray[np.float32]]:
    """Name → features, not normalised, of every example; of a clip the mean over its frames (Exp-CLIP).

    Raises UserError, naming it, where a picture cannot be read or a feature is no number.
    """
    features: dict[str, npt.NDArray[np.float32]] = {}
    at_once = max(1, _BATCH // segments)
    with progress.stage("extracting features", len(examples)) as stage:
        for first in range(0, len(examples), at_once):
            some = examples[first : first + at_once]
            clips = []
            for example in some:
                try:
                    pictures = example.media.pictures(segments)
                except ImageError as error:
                    raise UserError(f"{example.name}: {error.reason}: {error.detail}") from None
                clips.append(torch.stack([encoder.preprocess(Image.fromarray(pixels)) for pixels in pictures]))
            with torch.inference_mode():
                rows = encoder.images(torch.cat(clips)).float()
            for example, clip in zip(some, rows.split([len(clip) for clip in clips]), strict=True):
                features[example.name] = clip.mean(0).numpy()
            stage.advance(len(some))
    if bad := [name for name, row in features.items() if not np.isfinite(row).all()]:
        raise UserError(f"{encoder.name} gives features that are no numbers for {len(bad)} pictures, such as {bad[0]}")
    return features
