import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from emocap.core.errors import UserError
from emocap.core.recipes import to_yaml
from emocap.losses.objective import Objective
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.clip.towers import create
from emocap.methods.registry import train
from emocap.training import checkpoints
from tests.support.runs import assert_like, changed, metrics, same_weights, weights


@pytest.fixture(scope="module")
def run(tiny_recipe: ClipRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed; shared, and left as it is."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe, out)
    return out


def test_a_run_leaves_what_it_promises(run: Path, tiny_recipe: ClipRecipe) -> None:
    rows = metrics(run)
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    assert {"loss", "global", "summary", "local", "lr", "logit_scale", "samples_per_second"} <= rows[-1].keys()
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["lr"] == 0
    assert any("mined_precision" in row for row in rows)
    assert len(list((run / "checkpoints").iterdir())) == 2
    assert (run / "recipe.yaml").read_text() == to_yaml(tiny_recipe)


def test_open_clip_alone_loads_the_model_and_sees_the_same(run: Path, tmp_path: Path) -> None:
    """In a process that cannot import emocap."""
    script = """
import sys
sys.modules["emocap"] = None
import open_clip, torch
model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{sys.argv[1]}/model")
model.eval()
tokens = open_clip.get_tokenizer(f"local-dir:{sys.argv[1]}/model")(["a happy face", "a sad face"])
image = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
with torch.no_grad():
    torch.save((model.encode_image(image, normalize=True), model.encode_text(tokens, normalize=True)), sys.argv[2])
"""
    subprocess.run([sys.executable, "-c", script, str(run), str(tmp_path / "seen.pt")], check=True, cwd=tmp_path)
    image, text = torch.load(tmp_path / "seen.pt", weights_only=True)

    from emocap.core.recipes import load
    from emocap.methods.clip.recipe import ClipRecipe as Recipe
    from emocap.methods.clip.towers import Tokens, create, encode_images, encode_texts

    recipe = load(Recipe, "models", str(run / "recipe.yaml"))
    model: Any = create(recipe.model, tmp_path / "again")
    state = checkpoints.latest(run / "checkpoints")
    assert state is not None
    model.load_state_dict(state["modules"]["model"])
    model.eval()
    with torch.no_grad():
        ours, _ = encode_images(model, torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32), patches=True)
        texts = encode_texts(model, Tokens(run / "model")(["a happy face", "a sad face"]))
    torch.testing.assert_close(ours, image, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(texts, text, rtol=1e-5, atol=1e-6)


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(
    run: Path, tiny_recipe: ClipRecipe, tmp_path: Path
) -> None:
    train(tiny_recipe, tmp_path / "again")
    assert same_weights(run, tmp_path / "again")
    train(tiny_recipe.model_copy(update={"seed": 1}), tmp_path / "other")
    assert not same_weights(run, tmp_path / "other")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_follows_the_full_one(
    precision: str, run: Path, tiny_recipe: ClipRecipe, tmp_path: Path
) -> None:
    train(changed(tiny_recipe, precision=precision), tmp_path / "half")
    ours, wanted = metrics(tmp_path / "half"), metrics(run)
    assert ours[0]["loss"] == pytest.approx(wanted[0]["loss"], rel=0.01)
    assert ours[0]["loss"] != wanted[0]["loss"]
    assert ours[-1]["loss"] == pytest.approx(wanted[-1]["loss"], rel=0.05)
    state = checkpoints.latest(tmp_path / "half" / "checkpoints")
    assert state is not None
    assert all(
        tensor.dtype == torch.float32 for tensor in state["modules"]["model"].values() if tensor.is_floating_point()
    )
    assert bool(state["scaler"]) == (precision == "fp16")


def test_a_batch_in_pieces_trains_like_a_whole_one(run: Path, tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    train(changed(tiny_recipe, accumulate=4, gradient_checkpointing=True), tmp_path / "pieces")
    assert_like(tmp_path / "pieces", run)
    with pytest.raises(UserError, match="16 samples cannot be cut evenly for 1 ranks and accumulate=3"):
        train(changed(tiny_recipe, accumulate=3), tmp_path / "three")


@pytest.mark.slow
def test_compiled_towers_train_alike(tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    train(changed(tiny_recipe, compile=True, epochs=1.0), tmp_path / "compiled")
    train(changed(tiny_recipe, epochs=1.0), tmp_path / "eager")
    assert_like(tmp_path / "compiled", tmp_path / "eager")


RESNET = {"timm_model_name": "test_resnet", "timm_pool": "avg", "timm_proj": "linear", "image_size": 32}


@pytest.mark.parametrize(
    ("vision", "model", "learn"),
    [
        ({}, {"lock_image": 0}, []),
        ({}, {"lock_image": 1, "lock_text": 0}, ["visual.proj"]),
        ({}, {"lock_text": 2}, ["text.text_projection", "text.ln_final", "text.transformer.resblocks.1"]),
        (RESNET, {"lock_image": 0, "lock_text": 1}, ["visual.head", "text.text_projection"]),
        (RESNET, {"lock_image": 1}, ["visual.head", "visual.trunk.layer4"]),
    ],
)
def test_what_is_locked_stays_and_the_rest_learns(
    vision: dict[str, Any],
    model: dict[str, Any],
    learn: list[str],
    tiny_recipe: ClipRecipe,
    tiny_config: dict[str, Any],
    tmp_path: Path,
) -> None:
    config = tiny_config | {"vision_cfg": vision or tiny_config["vision_cfg"]}
    recipe = changed(tiny_recipe, model={"config": config, **model}, epochs=0.6, tensorboard=False)
    train(recipe, tmp_path / "run")
    torch.manual_seed(recipe.seed)
    before, after = create(recipe.model, tmp_path / "start").state_dict(), weights(tmp_path / "run")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    towers = {"lock_image": "visual.", "lock_text": "text."}
    for key, tower in towers.items():
        mine = {name for name in moved if name.startswith(tower)}
        if key in model:
            expected = tuple(name for name in learn if name.startswith(tower))
            assert all(name.startswith(expected) for name in mine) if expected else not mine, mine
            assert all(any(name.startswith(part) for name in mine) for part in expected)
        else:
            assert len(mine) > 5


def test_the_average_of_the_weights_is_what_its_formula_says(tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    train(changed(tiny_recipe, ema=0.3, checkpoint_every=1, keep=100), tmp_path / "run")
    states = [torch.load(path, weights_only=True) for path in sorted((tmp_path / "run" / "checkpoints").iterdir())]
    name = "visual.conv1.weight"
    average = states[0]["modules"]["model"][name]
    for step, state in enumerate(states[1:], start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * state["modules"]["model"][name]
    torch.testing.assert_close(weights(tmp_path / "run")[name], average)
    assert not torch.equal(weights(tmp_path / "run")[name], states[-1]["modules"]["model"][name])
    with safe_open(tmp_path / "run" / "model" / "open_clip_model.safetensors", "pt") as file:
        assert "moving average" in file.metadata()["emocap"]


@pytest.mark.parametrize("guide", ["ema", "frozen"])
def test_a_guide_sees_with_its_own_weights(
    guide: str, tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    forward = Objective.forward

    def look(self: Any, features: Any, *rest: Any) -> Any:
        seen.append(torch.stack([features.guide.image_BD, features.image_BD.detach()]))
        return forward(self, features, *rest)

    monkeypatch.setattr(Objective, "forward", look)
    train(changed(tiny_recipe, ema=0.9, objective={"mining": {"guide": guide}}, epochs=1.0), tmp_path / "run")
    assert seen[0].diff(dim=0).abs().max() < 1e-5  # before the first step all are the same
    assert seen[-1].diff(dim=0).abs().max() > 1e-3
    if guide == "ema":
        with pytest.raises(ValueError, match="set ema, for example"):
            changed(tiny_recipe, objective={"mining": {"guide": "ema"}})


def test_a_run_begins_with_the_weights_of_another(run: Path, tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    for init in (run, run / "model", run / "model" / "open_clip_model.safetensors"):
        model = create(tiny_recipe.model.model_copy(update={"init": str(init)}), tmp_path / "next")
        assert all(torch.equal(tensor, weights(run)[name]) for name, tensor in model.state_dict().items())
    larger: Any = create(tiny_recipe.model.model_copy(update={"init": str(run), "image_size": 64}), tmp_path / "large")
    assert larger.visual.image_size == (64, 64)
    assert larger.visual.positional_embedding.shape == (17, 16)
    with pytest.raises(UserError, match=r"model.init: .* has no weights"):
        create(tiny_recipe.model.model_copy(update={"init": str(tmp_path)}), tmp_path / "none")


def test_a_model_like_siglip_brings_its_tokenizer_and_learns_its_own_bias(
    tiny_recipe: ClipRecipe, tiny_config: dict[str, Any], tmp_path: Path
) -> None:
    words = ["<pad>", "<unk>", "</s>", "the", "face", "looks", "mouth", "eyes", "happy", "sad"]
    known = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    known.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=known, pad_token="<pad>", unk_token="<unk>", eos_token="</s>"
    ).save_pretrained(tmp_path / "words")
    towers = {
        "embed_dim": 16,
        "init_logit_bias": -12.0,
        "vision_cfg": tiny_config["vision_cfg"],
        "text_cfg": {
            **{"context_length": 16, "vocab_size": len(words), "hf_tokenizer_name": str(tmp_path / "words")},
            **{"width": 16, "heads": 2, "layers": 1, "no_causal_mask": True, "proj_bias": True, "pool_type": "last"},
        },
    }
    recipe = changed(tiny_recipe, model={"config": towers}, objective={"contrast": "sigmoid"}, epochs=0.5)
    train(recipe, tmp_path / "run")
    shutil.rmtree(tmp_path / "words")
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'run' / 'model'}")
    assert model.logit_bias is not None
    assert -12.1 < model.logit_bias.item() < -11.5
    assert model.logit_bias.item() != -12.0
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'run' / 'model'}")(["the face looks happy"])
    assert tokens[0, :4].tolist() == [words.index(word) for word in ("the", "face", "looks", "happy")]
