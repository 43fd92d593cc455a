"""Encoders of other libraries: timm's, and those of Hugging Face's transformers."""

# Tested in tests/encoders/test_load.py.

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from emocap.core.errors import UserError, few
from emocap.encoders.base import Towers, fit, state_of


def timm_model(rest: str) -> Towers:
    """NAME, with timm's weights, NAME/FILE, or hf-hub:OWNER/NAME: the features before the classifier."""
    import timm

    name, _, file = (rest, "", "") if rest.startswith(("hf-hub:", "hf_hub:", "local-dir:")) else rest.partition("/")
    model = timm.create_model(name, pretrained=not file, num_classes=0)
    if file:
        classifier = (model.pretrained_cfg or {}).get("classifier") or ()
        fit(model, state_of(Path(file)), Path(file), [classifier] if isinstance(classifier, str) else classifier)
    preprocess = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    settings = {"name": name, "cfg": getattr(model, "pretrained_cfg", {}).get("architecture")}
    return Towers(model, preprocess, str(preprocess), model, settings=settings)


def hugging_face(rest: str) -> Towers:
    """A name on the Hub or a folder. CLIP-like models have a text tower; of others the pooled features are taken.

    Where a checkpoint has no weights for the pooler, it is the class token's last state, or the mean over places for
    a model without one. Raises UserError for a checkpoint that lacks other weights.
    """
    try:
        import transformers
    except ImportError:
        raise UserError("model: hf: needs transformers; install it with: pip install 'emocap[hf]'") from None
    transformers.utils.logging.set_verbosity_error()
    model, info = transformers.AutoModel.from_pretrained(rest, output_loading_info=True)
    processor = transformers.AutoImageProcessor.from_pretrained(rest)
    lacking = sorted(info["missing_keys"])
    without_pooler = any("pooler" in name for name in lacking)
    if absent := [name for name in lacking if "pooler" not in name]:
        raise UserError(f"model: {rest} has no weights for {few(absent, 5)}")

    def preprocess(picture: Image.Image) -> Tensor:
        pixels: Tensor = processor(images=picture, return_tensors="pt")["pixel_values"][0]
        return pixels

    dual = hasattr(model, "get_image_features") and hasattr(model, "get_text_features")
    if dual and without_pooler:
        raise UserError(f"model: {rest} has no weights for {few(lacking, 5)}")

    def images(image_B3HW: Tensor) -> Tensor:
        if dual:
            return _pooled(model.get_image_features(pixel_values=image_B3HW), False, True)
        return _pooled(model(pixel_values=image_B3HW), without_pooler, _has_class_token(model))

    return Towers(
        model,
        preprocess,
        json.dumps(processor.to_dict(), sort_keys=True, default=str),
        images,
        _text_tower(rest, model) if dual else None,
        {**model.config.to_dict(), "_name_or_path": None, "without_pooler": without_pooler},
    )


def _text_tower(rest: str, model: Any) -> Any:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(rest)
    length = model.config.text_config.max_position_embeddings

    def texts(sentences: Sequence[str], device: torch.device) -> Tensor:
        # SigLIP has learned from texts filled up to full length; to CLIP's causal tower it makes no difference.
        tokens = tokenizer(
            list(sentences), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        return _pooled(model.get_text_features(**tokens.to(device)), False, True)

    return texts


def _has_class_token(model: Any) -> bool:
    return any(name.rpartition(".")[2] in ("cls_token", "class_embedding") for name, _ in model.named_parameters())


def _pooled(output: Any, without_pooler: bool, class_token: bool) -> Tensor:
    """B×D of what a model of transformers gives: a tensor, or an object with the states of all places."""
    if isinstance(output, Tensor):
        return output
    pooled = None if without_pooler else getattr(output, "pooler_output", None)
    if pooled is None:
        last = output.last_hidden_state
        pooled = last.mean((2, 3)) if last.ndim == 4 else last[:, 0] if class_token else last.mean(1)
    features: Tensor = pooled.flatten(1)
    return features
