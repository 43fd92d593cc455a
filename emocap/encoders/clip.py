"""CLIP-like models of open_clip: runs of emocap train, models by name, and published files in OpenAI's format."""

# Tested in tests/encoders/test_load.py.

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms

from emocap.core.errors import UserError
from emocap.encoders.base import Towers, fit, state_of


def run_folder(spec: str) -> Towers:
    """A run of emocap train, or the open_clip folder in it."""
    folder = Path(spec) / "model" if (Path(spec) / "model").is_dir() else Path(spec)
    if not (folder / "open_clip_config.json").is_file():
        raise UserError(
            f"model: {spec} is neither a run of emocap train nor open_clip:NAME[/PRETRAINED or file] nor timm:NAME "
            "nor hf:NAME nor farl:, flip: or exp-clip: with a file"
        )
    if not list(folder.glob("*.safetensors")) and not list(folder.glob("*.bin")):
        raise UserError(f"model: {spec} has no weights yet; finish it with emocap train")
    config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
    return _towers(f"local-dir:{folder}", None, config)


def by_name(rest: str) -> Towers:
    """NAME/PRETRAINED, NAME/FILE, or hf-hub:OWNER/NAME and local-dir:FOLDER, which bring their own weights."""
    if rest.startswith(("hf-hub:", "local-dir:")):
        return _towers(rest, None, rest)
    name, _, pretrained = rest.partition("/")
    config = open_clip.get_model_config(name)
    if config is not None and not pretrained:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise UserError(f"model: open_clip:{name} needs weights: open_clip:{name}/TAG of {tags}, or a file of them")
    return _towers(name, pretrained or None, config)


def _towers(name: str, pretrained: str | None, settings: Any) -> Towers:
    model, _, preprocess = open_clip.create_model_and_transforms(name, pretrained=pretrained)
    return clip_towers(model, preprocess, open_clip.get_tokenizer(name), settings)


def clip_towers(
    model: nn.Module,
    preprocess: Callable[[Image.Image], Tensor],
    tokenizer: Callable[[list[str]], Tensor],
    settings: Any,
) -> Towers:
    """A model of open_clip's classes with what goes before its towers."""
    towers: Any = model

    def texts(sentences: Sequence[str], device: torch.device) -> Tensor:
        embedded: Tensor = towers.encode_text(tokenizer(list(sentences)).to(device))
        return embedded

    return Towers(model, preprocess, str(preprocess), towers.encode_image, texts, settings)


_MASKED = ("visual.lm_transformer.", "visual.ln_lm.", "visual.lm_head.", "visual.mask_token")
"""FaRL's masked-image part, which has nothing to do with its features."""


def openai_format(path: str) -> Towers:
    """Weights under the names of OpenAI's CLIP with a ViT, such as FaRL's and FLIP's.

    The shapes of the weights tell the architecture, as in OpenAI's code: heads of 64, QuickGELU. What belongs to
    neither tower is left out, and so is FaRL's masked-image part. Raises UserError for weights of another format.
    """
    state = state_of(Path(path))
    for name in ("input_resolution", "context_length", "vocab_size"):
        state.pop(name, None)
    needed = (
        *("visual.conv1.weight", "visual.positional_embedding", "visual.proj"),
        *("text_projection", "positional_embedding", "token_embedding.weight", "ln_final.weight"),
    )
    if missing := [name for name in needed if name not in state]:
        raise UserError(f"model: {path} has no {', '.join(missing)}: it is not in the format of OpenAI's CLIP")
    width, _, _, patch = state["visual.conv1.weight"].shape
    text_width = len(state["ln_final.weight"])
    size = patch * round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    vision = {"layers": _depth(state, "visual."), "width": width, "patch_size": patch, "image_size": size}
    text = {
        "context_length": len(state["positional_embedding"]),
        "vocab_size": len(state["token_embedding.weight"]),
        "width": text_width,
        "heads": max(1, text_width // 64),
        "layers": _depth(state, ""),
    }
    settings = {"embed_dim": state["text_projection"].shape[1], "vision_cfg": vision, "text_cfg": text}
    model = open_clip.CLIP(**settings, quick_gelu=True)
    heads = [name for name in state if name.partition(".")[0] not in ("visual", "transformer")]
    fit(model, state, Path(path), [*_MASKED, *(name for name in heads if name not in model.state_dict())])
    preprocess = open_clip.image_transform(size, is_train=False)
    tokenizer = open_clip.SimpleTokenizer(context_length=text["context_length"])
    return clip_towers(model, preprocess, tokenizer, {**settings, "quick_gelu": True})


def _depth(state: dict[str, Tensor], tower: str) -> int:
    blocks = f"{tower}transformer.resblocks."
    return len({name.removeprefix(blocks).split(".")[0] for name in state if name.startswith(blocks)})


def exp_clip(rest: str) -> Towers:
    """PATH[@NAME/PRETRAINED]: Exp-CLIP, one linear map without bias on the image and on the text features of a CLIP.

    Exp-CLIP was learned and measured on pictures of 224 × 224, squeezed and not normalised; so it is here. Without
    ``@`` the file's name tells which of OpenAI's models it belongs to, as those of its authors do. Raises UserError
    where neither tells, and where the map does not fit.
    """
    path, _, clip = rest.partition("@")
    state = state_of(Path(path))
    found = [name for name in state if name.removeprefix("projection_head.") == "mlp.weight"]
    if not found or state[found[0]].ndim != 2 or len(state) > 1:
        raise UserError(f"model: {path} holds {', '.join(state) or 'nothing'}; of Exp-CLIP it is mlp.weight alone")
    weight_ED = state[found[0]].float()
    known = {"B32": "ViT-B-32/openai", "B16": "ViT-B-16/openai", "L14": "ViT-L-14/openai"}
    named = [model for code, model in known.items() if code in Path(path).name.upper().replace("-", "")]
    if not clip and len(named) != 1:
        raise UserError(f"model: say which CLIP {path} belongs to, such as exp-clip:{path}@ViT-B-32/openai")
    base = by_name(clip or named[0])
    towers: Any = base.model
    head = nn.Linear(weight_ED.shape[1], weight_ED.shape[0], bias=False)
    head.weight.data = weight_ED
    size = towers.visual.image_size
    side = size if isinstance(size, int) else size[0]
    with torch.inference_mode():
        width = towers.eval().encode_image(torch.zeros(1, 3, side, side)).shape[1]
    if width != weight_ED.shape[1]:
        raise UserError(
            f"model: {path} maps features of {weight_ED.shape[1]}, and {clip or named[0]} gives {width}; "
            "name another CLIP after @"
        )
    preprocess = transforms.Compose([transforms.Resize((side, side)), transforms.ToTensor()])
    text_tower = base.texts
    assert text_tower

    def texts(sentences: Sequence[str], device: torch.device) -> Tensor:
        mapped: Tensor = head(text_tower(sentences, device).float())
        return mapped

    return Towers(
        nn.ModuleDict({"clip": base.model, "projection_head": head}),
        preprocess,
        str(preprocess),
        lambda image_B3HW: head(base.images(image_B3HW).float()),
        texts,
        base.settings,
    )
