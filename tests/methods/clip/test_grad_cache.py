from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from emocap.losses.features import Features
from emocap.losses.objective import Objective
from emocap.losses.recipe import ObjectiveRecipe
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.encode import Encoder, join, split
from emocap.methods.clip.grad_cache import backward
from emocap.methods.clip.loader import Preprocess
from emocap.methods.clip.recipe import ModelRecipe
from emocap.methods.clip.towers import Tokens, create
from emocap.training.rng_state import seed_all

RESNET = {"timm_model_name": "test_resnet", "timm_pool": "avg", "timm_proj": "linear", "image_size": 32}
PREPROCESS = Preprocess(32, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
Made = tuple[Encoder, Batch, Callable[[Features], tuple[Tensor, dict[str, Any]]], list[torch.nn.Parameter]]


@pytest.fixture
def made(tiny_config: dict[str, Any], tmp_path: Path) -> Callable[..., Made]:
    """An encoder, a batch of 8 with 2 sentences each but for the first, the loss, and what it uses beside features."""

    def make(**vision: Any) -> Made:
        seed_all(0)
        config = tiny_config | {
            "vision_cfg": vision if "timm_model_name" in vision else tiny_config["vision_cfg"] | vision
        }
        model: Any = create(ModelRecipe(config=config), tmp_path / "model")
        recipe = ObjectiveRecipe.model_validate({"mining": {"delta": 0.5}})
        objective = Objective(recipe, config["embed_dim"])
        tokens = Tokens(tmp_path / "model")
        words = ["joy", "anger", "fear", "calm", "grief", "pride"]
        owner_N = torch.tensor([0, *(row for row in range(1, 8) for _ in range(2))])
        sentences = [f"the mouth shows {words[number % 5]}" for number in range(len(owner_N))]
        batch = Batch(
            keys=[str(row) for row in range(8)],
            image_B3HW=torch.randn(8, 3, 32, 32),
            global_BL=tokens([f"{words[row % 6]}, number {row}" for row in range(8)]),
            summary_BL=tokens([f"all in all {words[row % 3]}" for row in range(8)]),
            sentence_NL=tokens(sentences),
            owner_N=owner_N,
            global_group_B=torch.arange(8),
            summary_group_B=torch.arange(8) % 3,
            sentence_group_N=torch.arange(len(owner_N)) % 5,
            region_N=torch.arange(len(owner_N)) % 4,
            label_B=torch.arange(8) % 2,
        )
        beside = [model.logit_scale, *objective.parameters()]
        return (
            Encoder(model, objective, PREPROCESS, dtype=None, fast=False).train(),
            batch,
            lambda features: objective(features, model.logit_scale, 0),
            beside,
        )

    return make


def gradients(encoder: Encoder) -> dict[str, Tensor]:
    """The gradients that are there, which are then forgotten."""
    found = {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("pieces", [2, 8])
def test_the_gradient_in_pieces_is_that_of_the_whole_batch(made: Callable[..., Made], pieces: int) -> None:
    encoder, batch, loss_of, beside = made()
    loss, told = backward(encoder, batch, 1, loss_of, beside)
    whole = gradients(encoder)
    again, told_again = backward(encoder, batch, pieces, loss_of, beside)
    cut = gradients(encoder)
    torch.testing.assert_close(again, loss)
    assert told.keys() == told_again.keys()
    assert cut.keys() == whole.keys()
    assert {"model.logit_scale", "objective.local_logit_scale"} <= cut.keys()
    assert all(cut[name].abs().max() > 0 for name in ("model.logit_scale", "objective.local_logit_scale"))
    torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-5)
    # What plain accumulation gives is something else.
    for piece in split(batch, pieces):
        (loss_of(encoder(piece))[0] / pieces).backward()
    other = gradients(encoder)["model.visual.proj"]
    assert (other - whole["model.visual.proj"]).abs().max() > 0.1 * whole["model.visual.proj"].abs().max()


def test_summaries_that_nothing_reads_are_not_encoded(made: Callable[..., Made]) -> None:
    encoder, batch, _, _ = made()
    recipe = ObjectiveRecipe.model_validate({"summary_weight": 0, "mining": {"rule": "off"}})
    plain = Encoder(
        encoder.model, Objective(recipe, encoder(batch).image_BD.shape[1]), PREPROCESS, dtype=None, fast=False
    )
    torch.testing.assert_close(plain(batch).global_BD, encoder(batch).global_BD)
    assert torch.equal(plain(batch).summary_BD, plain(batch).global_BD)


def test_both_passes_drop_the_same_features(made: Callable[..., Made]) -> None:
    encoder, batch, loss_of, beside = made(**RESNET, timm_drop=0.5)
    seed_all(1)
    parts = [encoder(piece) for piece in split(batch, 4)]
    loss_of(join(parts))[0].backward()
    wanted = gradients(encoder)
    after = torch.get_rng_state()
    seed_all(1)
    backward(encoder, batch, 4, loss_of, beside)
    torch.testing.assert_close(gradients(encoder), wanted, rtol=1e-4, atol=1e-5)
    assert torch.equal(torch.get_rng_state(), after)


def test_batch_statistics_count_once(made: Callable[..., Made]) -> None:
    encoder, batch, loss_of, beside = made(**RESNET)
    backward(encoder, batch, 4, loss_of, beside)
    counted = [int(b) for name, b in encoder.named_buffers() if name.endswith("num_batches_tracked")]
    assert counted
    assert set(counted) == {4}


def test_a_parameter_that_the_loss_passes_over_still_has_a_gradient(made: Callable[..., Made]) -> None:
    encoder, batch, _, beside = made()
    for pieces in (1, 2):
        backward(encoder, batch, pieces, lambda f: (f.image_BD.sum() + f.global_BD.sum(), {}), beside)
        assert all(float(parameter.grad.abs()) == 0 for parameter in beside if parameter.grad is not None)
        assert gradients(encoder).keys() >= {"model.logit_scale", "objective.local_logit_scale"}


def test_features_that_a_locked_tower_gives_are_passed_over(made: Callable[..., Made]) -> None:
    encoder, batch, loss_of, beside = made()
    model: Any = encoder.model
    model.visual.requires_grad_(False)
    backward(encoder, batch, 1, loss_of, beside)
    whole = gradients(encoder)
    backward(encoder, batch, 2, loss_of, beside)
    torch.testing.assert_close(gradients(encoder), whole, rtol=1e-4, atol=1e-5)


def test_bytes_are_seen_as_the_model_wants_them(made: Callable[..., Made]) -> None:
    from dataclasses import replace

    encoder, batch, _, _ = made()
    raw = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    mean, std = (torch.tensor(values)[:, None, None] for values in (PREPROCESS.mean, PREPROCESS.std))
    scaled = encoder(replace(batch, image_B3HW=(raw / 255 - mean) / std))
    torch.testing.assert_close(encoder(replace(batch, image_B3HW=raw)).image_BD, scaled.image_BD)
