import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from emocap.core.errors import UserError
from emocap.losses.features import Features
from emocap.losses.objective import Objective
from emocap.methods.clip import method as clip_method
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.loader import batches, normalise
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.training import checkpoints
from tests.support.runs import changed, events, metrics, same_weights


def poisoned(number: int) -> Callable[..., Iterator[Batch]]:
    """The loader, but one pixel of batch ``number``, counted from 1, is no number."""
    whole = batches

    def poison(*arguments: Any) -> Iterator[Batch]:
        for count, batch in enumerate(whole(*arguments), start=arguments[5] + 1):
            image_B3HW = normalise(batch.image_B3HW, arguments[2])
            if count == number:
                image_B3HW[3, 0, 5, 5] = torch.nan
            yield replace(batch, image_B3HW=image_B3HW)

    return poison


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_loss_that_is_no_number_stops_with_the_batch_and_keeps_the_last_checkpoint(
    precision: str, tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = changed(tiny_recipe, precision=precision), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(clip_method, "batches", poisoned(6))
        with pytest.raises(UserError, match=r"no number at step 6 \(.*global nan.*stopped.json lists: ") as stopped:
            train(recipe, out)
    told = json.loads((out / "stopped.json").read_text())
    assert told["step"] == 6
    assert len(told["keys"]) == 16
    assert told["keys"][0] in str(stopped.value)
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-00000004.pt"]
    # Steps 5 and later come again, and nothing of the stopped attempt is left in the logs.
    train(recipe, out)
    train(recipe, tmp_path / "undisturbed")
    assert same_weights(out, tmp_path / "undisturbed")
    steps = [row["step"] for row in metrics(out)]
    assert steps == list(range(1, len(steps) + 1))
    assert [event.step for event in events(out, "loss")] == steps


class NoGradient(torch.autograd.Function):
    """A loss that is a number and has none for a gradient."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor) -> Tensor:
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * torch.nan


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_gradient_that_never_is_a_number_stops_the_run(
    precision: str, tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scaled loss is lowered first: from 65,536 to 1 takes sixteen steps."""
    forward = Objective.forward

    def broken(self: Objective, features: Features, logit_scale: Tensor, step: int) -> tuple[Tensor, dict[str, Any]]:
        loss, told = forward(self, features, logit_scale, step)
        return NoGradient.apply(loss), told

    monkeypatch.setattr(Objective, "forward", broken)
    recipe = changed(tiny_recipe, precision=precision, epochs=6.0, tensorboard=False)
    with pytest.raises(UserError, match=rf"no number at step {17 if precision == 'fp16' else 1} .*gradient norm nan"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run" / "model" / "open_clip_model.safetensors").exists()


def test_weights_that_are_no_numbers_are_not_kept(tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    wild = changed(tiny_recipe, optimizer={"lr": 3e38, "warmup": 0.0, "clip_norm": None}, checkpoint_every=1)
    with pytest.raises(UserError, match=r"no number at step \d+ "):
        train(wild, tmp_path / "wild")
    state = checkpoints.latest(tmp_path / "wild" / "checkpoints")
    assert state is None or all(tensor.isfinite().all() for tensor in state["modules"]["model"].values())


def test_a_spike_is_skipped(tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Objective.forward

    def steep(self: Objective, features: Features, logit_scale: Tensor, step: int) -> tuple[Tensor, dict[str, Any]]:
        loss, told = forward(self, features, logit_scale, step)
        return (100 * loss if step == 10 else loss), told

    monkeypatch.setattr(Objective, "forward", steep)
    train(changed(tiny_recipe, optimizer={"spike": 20.0}, checkpoint_every=1, keep=3), tmp_path / "run")
    assert [row["skipped"] for row in metrics(tmp_path / "run")] == 10 * [0] + 2 * [1]
    states = [torch.load(path, weights_only=True) for path in sorted((tmp_path / "run" / "checkpoints").iterdir())]
    first, second, third = (state["modules"]["model"]["visual.conv1.weight"] for state in states)
    assert torch.equal(first, second)
    assert states[1]["skipped"] == 1
    assert len(states[2]["norms"]) == 12
    assert third is not None


def test_an_overflow_in_fp16_costs_a_step_and_lowers_the_scale(
    tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device, enabled: scaler(device, 2.0**40, enabled=enabled))
    train(changed(tiny_recipe, precision="fp16"), tmp_path / "run")
    state = checkpoints.latest(tmp_path / "run" / "checkpoints")
    assert state is not None
    assert state["skipped"] > 0
    assert state["scaler"]["scale"] == 2.0 ** (40 - state["skipped"])
    assert metrics(tmp_path / "run")[0]["skipped"] == 1
    assert metrics(tmp_path / "run")[-1]["skipped"] == state["skipped"]
