"""Encoders of any origin: ``load`` takes the specification of a model, such as ``open_clip:ViT-B-32/openai``."""

import logging

import torch

from emocap.core.errors import UserError
from emocap.encoders.base import Encoder, Matrix, encoder

__all__ = ["Encoder", "Matrix", "load"]


def load(spec: str, device: str | None = None) -> Encoder:
    """The encoder that ``spec`` names, at work on a device (None: a GPU of CUDA where there is one, or the CPU).

    A run folder of emocap train, ``open_clip:NAME/PRETRAINED``, ``open_clip:NAME/FILE``, ``open_clip:hf-hub:NAME``,
    ``timm:NAME[/FILE]``, ``hf:NAME or folder``, ``farl:FILE``, ``flip:FILE``, ``exp-clip:FILE[@NAME/PRETRAINED]``.
    Raises UserError for anything else, and where weights cannot be had or do not fit.
    """
    from emocap.encoders import clip, vision

    kinds = {
        "open_clip": clip.by_name,
        "timm": vision.timm_model,
        "hf": vision.hugging_face,
        "farl": clip.openai_format,
        "flip": clip.openai_format,
        "exp-clip": clip.exp_clip,
    }
    kind, _, rest = spec.partition(":")
    logging.getLogger("root").setLevel(logging.WARNING)
    try:
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        towers = kinds[kind](rest) if kind in kinds else clip.run_folder(spec)
        return encoder(spec, towers, place)
    except UserError:
        raise
    # The libraries raise whatever their loaders raise.
    except Exception as error:
        raise UserError(f"model: {spec} could not be loaded ({type(error).__name__}: {error})") from error
