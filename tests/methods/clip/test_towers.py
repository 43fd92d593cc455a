from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
import torch.nn.functional as F

from emocap.core.errors import UserError
from emocap.methods.clip.recipe import ModelRecipe
from emocap.methods.clip.towers import Tokens, create, encode_images, encode_texts

TEXTS = [
    "Calm.",
    "The corners of the mouth are pulled up.",
    "Calm.",
    "The inner ends of the brows rise strongly, wrinkling the middle of the forehead, as in grief or in great worry.",
    "word " * 200,
]


@pytest.fixture
def model(tmp_path: Path, tiny_config: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    return create(ModelRecipe(config=tiny_config), tmp_path)


def test_texts_cut_to_length_give_what_open_clip_gives(model: Any, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)(TEXTS)
    ours, whole = encode_texts(model, tokens), model.encode_text(tokens, normalize=True)
    torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-6)
    weights = [p for p in model.text.parameters() if p.requires_grad]
    for mine, theirs in zip(
        torch.autograd.grad(ours[:, 0].sum(), weights),
        torch.autograd.grad(whole[:, 0].sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


def test_more_texts_than_a_group_keep_their_order(model: Any, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)([f"{'very ' * (i % 17)}calm {i}" for i in range(300)])
    torch.testing.assert_close(
        encode_texts(model, tokens), model.encode_text(tokens, normalize=True), rtol=1e-4, atol=1e-6
    )


def test_towers_that_cannot_be_cut_get_whole_texts(tmp_path: Path, tiny_config: dict[str, Any]) -> None:
    for changed in ({"no_causal_mask": True}, {"pool_type": "last"}, {"embed_cls": True}):
        config = {**tiny_config, "text_cfg": {**tiny_config["text_cfg"], **changed}}
        model: Any = create(ModelRecipe(config=config), tmp_path)
        tokens = Tokens(tmp_path)(TEXTS)
        torch.testing.assert_close(
            encode_texts(model, tokens), model.encode_text(tokens, normalize=True), rtol=1e-4, atol=1e-6
        )


def test_images_are_what_open_clip_gives_with_or_without_patches(model: Any) -> None:
    image = torch.randn(3, 3, 32, 32)
    wanted = model.encode_image(image, normalize=True)
    alone, nothing = encode_images(model, image, patches=False)
    beside, patches = encode_images(model, image, patches=True)
    torch.testing.assert_close(alone, wanted)
    torch.testing.assert_close(beside, wanted)
    assert nothing is None
    assert patches is not None
    assert patches.shape == (3, 4, 16)


@pytest.mark.parametrize(
    "vision",
    [
        {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1, "pool_type": "avg"},
        {"image_size": 64, "timm_model_name": "test_resnet", "timm_pool": "avg", "timm_proj": "linear"},
    ],
    ids=["vit", "timm"],
)
def test_where_patches_are_averaged_their_mean_is_the_embedding(
    tmp_path: Path, tiny_config: dict[str, Any], vision: dict[str, Any]
) -> None:
    model: Any = create(ModelRecipe(config={**tiny_config, "vision_cfg": vision}), tmp_path).eval()
    embedded, patches = encode_images(
        model, torch.randn(2, 3, vision["image_size"], vision["image_size"]), patches=True
    )
    assert patches is not None
    torch.testing.assert_close(F.normalize(patches.mean(1), dim=-1), embedded, rtol=1e-4, atol=1e-5)


def test_it_starts_from_the_weights_of_a_file(tmp_path: Path, tiny_config: dict[str, Any]) -> None:
    first: Any = create(ModelRecipe(config=tiny_config), tmp_path / "first")
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second: Any = create(ModelRecipe(config=tiny_config, init=str(tmp_path / "weights.pt")), tmp_path / "second")
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])


def test_a_named_model_keeps_its_merged_weights(tmp_path: Path) -> None:
    """Weights of open_clip's own text layout, such as OpenAI's, load into the tower that can be cut."""
    source = open_clip.create_model("RN50-quickgelu", force_image_size=32)
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    recipe = ModelRecipe(name="RN50-quickgelu", init=str(tmp_path / "weights.pt"))
    model: Any = create(recipe.model_copy(update={"init": None}), tmp_path / "model")
    assert model.visual.image_size in (224, (224, 224))
    del model
    tokens = open_clip.get_tokenizer("RN50-quickgelu")(TEXTS)
    config = {**open_clip.get_model_config("RN50-quickgelu")}
    config["vision_cfg"] = {**config["vision_cfg"], "image_size": 32}
    loaded: Any = create(ModelRecipe(config=config, init=str(tmp_path / "weights.pt")), tmp_path / "loaded")
    with torch.no_grad():
        torch.testing.assert_close(
            encode_texts(loaded, tokens), source.encode_text(tokens, normalize=True), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (ModelRecipe(name="ViT-B-33"), "open_clip knows no 'ViT-B-33'"),
        (ModelRecipe(config={"embed_dim": 4, "vision_cfg": {}, "text_cfg": {"vocab": 1}}), "could not make it"),
        (ModelRecipe(name="RN50", init="opemai"), "model.init: there is no file opemai, and RN50 .* it has openai, "),
    ],
)
def test_what_open_clip_refuses_is_told(tmp_path: Path, recipe: ModelRecipe, told: str) -> None:
    with pytest.raises(UserError, match=told):
        create(recipe, tmp_path)


class Harm:
    def __reduce__(self) -> Any:
        return Path.mkdir, (Path("harm"),)


@pytest.mark.parametrize("content", ["nothing", "text", "tensors", "list", "program"])
def test_weights_of_something_else_are_told(
    content: str, tmp_path: Path, tiny_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("weights.pt")
    if content in ("nothing", "text"):
        path.write_text({"nothing": "", "text": "hello"}[content])
    else:
        torch.save({"tensors": {"a": torch.ones(2)}, "list": [1], "program": Harm()}[content], path)
    with pytest.raises(UserError, match=r"model.init: weights.pt does not hold weights of this model") as error:
        create(ModelRecipe(config=tiny_config, init=str(path)), tmp_path / "model")
    assert len(str(error.value)) < 400
    assert not Path("harm").exists()
