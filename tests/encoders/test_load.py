import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from emocap.core.errors import UserError
from emocap.encoders import load
from emocap.encoders.base import Encoder

TEXTS = ["a happy face", "a face"]
VISION = {"layers": 2, "width": 64, "patch_size": 16, "image_size": 32}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def openai() -> Any:
    """A small CLIP under the names of OpenAI's."""
    torch.manual_seed(0)
    return open_clip.CLIP(32, VISION, TEXT, quick_gelu=True).eval()


def seen(encoder: Encoder, picture: Image.Image) -> Tensor:
    return encoder.images(encoder.preprocess(picture)[None])


def close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other.detach(), atol=1e-5)


def stored(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("kind", ["farl", "flip"])
def test_weights_in_the_format_of_openai_give_what_their_model_gives(
    kind: str, openai: Any, picture: Image.Image, tmp_path: Path
) -> None:
    state = {f"module.{name}": value for name, value in openai.state_dict().items()}
    path = stored(
        {"epoch": 3, "state_dict": state | {"module.visual.lm_head.bias": torch.ones(2)}}, tmp_path / "w.pth"
    )
    encoder = load(f"{kind}:{path}")
    image = open_clip.image_transform(32, is_train=False)(picture)[None]
    assert close(seen(encoder, picture), openai.encode_image(image))
    assert encoder.texts
    tokens = open_clip.get_tokenizer("ViT-B-32")(TEXTS)
    assert close(encoder.texts(TEXTS), openai.encode_text(tokens, normalize=True))


def test_weights_that_do_not_fit_are_named(openai: Any, tmp_path: Path) -> None:
    state = openai.state_dict()
    for changed, told in (
        ({n: v for n, v in state.items() if n != "visual.ln_post.bias"}, "has no visual.ln_post.bias"),
        ({n: v for n, v in state.items() if n != "visual.proj"}, "not in the format of OpenAI's CLIP"),
        (state | {"visual.extra.weight": torch.ones(1)}, "has beyond this model's visual.extra.weight"),
        (state | {"ln_final.bias": torch.ones(3)}, r"has ln_final.bias of \(3,\), not \(64,\)"),
    ):
        with pytest.raises(UserError, match=told):
            load(f"farl:{stored(changed, tmp_path / 'w.pth')}")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("was-here"),)


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stored({"state_dict": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UserError, match="holds code beside its weights"):
        load("flip:evil.pth")
    assert not (tmp_path / "was-here").exists()
    (tmp_path / "torn.pth").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(UserError, match=r"torn.pth holds no weights that can be read"):
        load("flip:torn.pth")
    with pytest.raises(UserError, match=r"there is no file nowhere.pth"):
        load("exp-clip:nowhere.pth")


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """A small CLIP in a folder of open_clip's, and what ``open_clip:`` calls it."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("clip")
    config = {"embed_dim": 32, "vision_cfg": VISION, "text_cfg": TEXT, "quick_gelu": True}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    model = open_clip.CLIP(32, VISION, TEXT, quick_gelu=True).eval()
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return f"local-dir:{folder}", model


def test_exp_clip_maps_image_and_text_features(
    small_clip: tuple[str, Any], picture: Image.Image, tmp_path: Path
) -> None:
    name, model = small_clip
    weight_ED = torch.randn(128, 32)
    path = stored({"mlp.weight": weight_ED}, tmp_path / "ExpCLIP_B32_model.pth")
    encoder = load(f"exp-clip:{path}@{name}")
    squeezed = torch.from_numpy(np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR)).copy())
    image = squeezed.permute(2, 0, 1)[None] / 255
    assert close(seen(encoder, picture), model.encode_image(image) @ weight_ED.T)
    assert encoder.texts
    text = model.encode_text(open_clip.get_tokenizer("ViT-B-32")(TEXTS)) @ weight_ED.T
    assert close(encoder.texts(TEXTS), F.normalize(text, dim=-1))
    plain = load(f"open_clip:{name}")
    assert plain.sha256 != encoder.sha256


def test_exp_clip_is_never_put_on_another_clip_than_its_own(small_clip: tuple[str, Any], tmp_path: Path) -> None:
    name, _ = small_clip
    path = stored({"mlp.weight": torch.randn(8, 512)}, tmp_path / "head.pth")
    with pytest.raises(UserError, match="say which CLIP"):
        load(f"exp-clip:{path}")
    with pytest.raises(UserError, match=r"maps features of 512, and .* gives 32"):
        load(f"exp-clip:{path}@{name}")
    with pytest.raises(UserError, match=r"of Exp-CLIP it is mlp.weight alone"):
        load(f"exp-clip:{stored({'fc.weight': torch.ones(2, 2)}, tmp_path / 'other.pth')}@{name}")


def test_a_name_without_weights_is_not_measured_at_random() -> None:
    with pytest.raises(UserError, match="open_clip:RN50 needs weights: open_clip:RN50/TAG of openai"):
        load("open_clip:RN50")


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_timm_models_from_a_file(name: str, picture: Image.Image, tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = timm.create_model(name, num_classes=5).eval()
    encoder = load(f"timm:{name}/{stored(model.state_dict(), tmp_path / 'w.pth')}")
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    pooled = model.forward_head(model.forward_features(transform(picture)[None]), pre_logits=True)
    assert close(seen(encoder, picture), pooled)
    assert encoder.texts is None
    state = {n: v for n, v in model.state_dict().items() if not n.startswith(("layer1", "blocks"))}
    with pytest.raises(UserError, match=r"has no (layer1|blocks)"):
        load(f"timm:{name}/{stored(state, tmp_path / 'w.pth')}")


def test_equal_weights_in_another_architecture_are_another_encoder(openai: Any, tmp_path: Path) -> None:
    folders = []
    for quick in (True, False):
        folder = tmp_path / str(quick)
        folder.mkdir()
        config = {"embed_dim": 32, "vision_cfg": VISION, "text_cfg": TEXT, "quick_gelu": quick}
        (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
        stored(openai.state_dict(), folder / "open_clip_pytorch_model.bin")
        folders.append(load(str(folder)))
    one, other = folders
    assert one.sha256 == other.sha256
    assert one.architecture != other.architecture
    assert one.architecture == load(str(tmp_path / "True")).architecture


@pytest.fixture(scope="module")
def hf_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIP of transformers with a tokenizer of a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("hf")
    layer = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": 1, "eos_token_id": 5, "pad_token_id": 0}
    config = CLIPConfig(
        text_config={**layer, **ends, "vocab_size": 6, "max_position_embeddings": 8},
        vision_config={**layer, "image_size": 32, "patch_size": 16},
        projection_dim=12,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({"[pad]": 0, "[bos]": 1, "a": 2, "face": 3, "happy": 4, "[eos]": 5}, "[pad]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    from tokenizers.processors import TemplateProcessing

    words.post_processor = TemplateProcessing(single="[bos] $A [eos]", special_tokens=[("[bos]", 1), ("[eos]", 5)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[pad]", bos_token="[bos]", eos_token="[eos]", model_max_length=8
    ).save_pretrained(folder)
    return folder


def test_clip_models_of_transformers_have_both_towers(hf_clip: Path, picture: Image.Image) -> None:
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

    encoder = load(f"hf:{hf_clip}")
    model = CLIPModel.from_pretrained(hf_clip).eval()
    pixels = AutoImageProcessor.from_pretrained(hf_clip)(images=picture, return_tensors="pt")
    tokens = AutoTokenizer.from_pretrained(hf_clip)(TEXTS, padding=True, return_tensors="pt")
    told = model(**pixels, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
    assert close(F.normalize(seen(encoder, picture), dim=-1), told.image_embeds)
    assert encoder.texts
    assert close(encoder.texts(TEXTS), told.text_embeds)


@pytest.mark.parametrize("pooler", [True, False])
def test_vision_towers_of_transformers_are_pooled(pooler: bool, picture: Image.Image, tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    torch.manual_seed(4)
    config = ViTConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    model = ViTModel(config, add_pooling_layer=pooler).eval()
    model.save_pretrained(tmp_path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    encoder = load(f"hf:{tmp_path}")
    pixels = ViTImageProcessor.from_pretrained(tmp_path)(images=picture, return_tensors="pt")["pixel_values"]
    told = model(pixel_values=pixels)
    assert close(seen(encoder, picture), told.pooler_output if pooler else told.last_hidden_state[:, 0])
    assert encoder.texts is None


def test_what_is_no_model_of_transformers_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be loaded"):
        load(f"hf:{tmp_path}")


def test_many_texts_are_embedded_as_few_are(untaught: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(untaught, "cpu")
    sentences = [f"a face, {number}" for number in range(7)]
    assert encoder.texts
    whole = encoder.texts(sentences)
    monkeypatch.setattr("emocap.encoders.base._TEXTS_AT_ONCE", 3)
    torch.testing.assert_close(encoder.texts(sentences), whole)
