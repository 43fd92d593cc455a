"""The caption of one face, without a build."""

# Tested in tests/test_api.py.

import hashlib
import tempfile
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np

from emocap.captioning.base import NoCaption
from emocap.captioning.recipe import CaptionerRecipe
from emocap.captioning.registry import CAPTIONERS
from emocap.core.errors import UserError
from emocap.faces.crop import encode_jpeg
from emocap.io.images import Pixels
from emocap.llm.recipe import read_keys
from emocap.schema.captions import Caption
from emocap.schema.samples import Face, Labels, Record, Sample, Source


def caption_face(
    pixels: Pixels, labels: Labels | None, recipe: CaptionerRecipe, key: str, replies: Path | None = None
) -> Caption:
    """The caption that a captioner makes of one face.

    pixels: the crop, H×W×3, uint8. replies: folder where replies of endpoints are kept and never paid for again; None
    keeps them nowhere. Raises UserError where the captioner makes none.
    """
    if recipe.backend not in CAPTIONERS:
        raise UserError(f"captioner: there is no {recipe.backend}; there are {', '.join(CAPTIONERS.names())}")
    kind = CAPTIONERS[recipe.backend]
    if kind.make is None:
        raise UserError(f"the captioner {recipe.backend} makes no captions")
    try:
        kind.check(recipe)
    except ValueError as error:
        raise UserError(f"captioner: {error}") from None
    sample, api_keys = _sample(pixels, labels, key), read_keys(recipe, "captioner.")
    with tempfile.TemporaryDirectory() as scratch:
        captioner: Any = kind.make(recipe, kind.prepare(recipe), api_keys, replies or Path(scratch))
        with closing(captioner) if hasattr(captioner, "close") else nullcontext():
            outcome = captioner.caption([sample], "single")[0]
    if isinstance(outcome, NoCaption):
        raise UserError(f"no caption can be made of this face: {outcome.detail or outcome.reason}")
    return cast(Caption, outcome[0])


def _sample(pixels: Pixels, labels: Labels | None, key: str) -> Sample:
    height, width = pixels.shape[:2]
    jpeg = encode_jpeg(pixels, 95)
    face = Face(
        bbox=(0, 0, width, height),
        score=1.0,
        detector="whole",
        crop=(0, 0, width, height),
        sharpness=0.0,
        brightness=float(np.mean(pixels)),
        contrast=float(np.std(pixels)),
    )
    source = Source(path=key, sha256=hashlib.sha256(jpeg).hexdigest())
    return Sample(Record(key=key, source=source, face=face, labels=labels), jpeg)
