import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import open_clip
import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from emocap.core.errors import UserError
from emocap.core.recipes import to_yaml
from emocap.losses.features import Features
from emocap.losses.objective import Objective
from emocap.methods.clip import train as loop
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.loader import batches, normalise
from emocap.methods.clip.recipe import TrainRecipe
from emocap.methods.clip.towers import create
from emocap.methods.clip.train import open_run, pick_device, train
from emocap.training import checkpoints
from emocap.training.recipe import EvaluateRecipe


def changed(recipe: TrainRecipe, **keys: Any) -> TrainRecipe:
    """The recipe with other values; sections are merged."""
    content = recipe.model_dump()
    for key, value in keys.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and content[key] else value
    return TrainRecipe.model_validate(content)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "open_clip_model.safetensors")


def same_weights(a: Path, b: Path) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def metrics(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def run(tiny_recipe: TrainRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed; shared, and left as it is."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe, out)
    return out


def test_a_run_leaves_what_it_promises(run: Path, tiny_recipe: TrainRecipe) -> None:
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
    from emocap.methods.clip.recipe import TrainRecipe as Recipe
    from emocap.methods.clip.towers import Tokens, create, encode_images, encode_texts

    recipe = load(Recipe, "models", str(run / "recipe.yaml"))
    model: Any = create(recipe.model, tmp_path / "again")
    state = checkpoints.latest(run / "checkpoints")
    assert state is not None
    model.load_state_dict(state["model"])
    model.eval()
    with torch.no_grad():
        ours, _ = encode_images(model, torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32), patches=True)
        texts = encode_texts(model, Tokens(run / "model")(["a happy face", "a sad face"]))
    torch.testing.assert_close(ours, image, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(texts, text, rtol=1e-5, atol=1e-6)


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(
    run: Path, tiny_recipe: TrainRecipe, tmp_path: Path
) -> None:
    train(tiny_recipe, tmp_path / "again")
    assert same_weights(run, tmp_path / "again")
    train(tiny_recipe.model_copy(update={"seed": 1}), tmp_path / "other")
    assert not same_weights(run, tmp_path / "other")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "moments"),
    [
        ({}, (2, 6)),  # before the first checkpoint, and between the first and the second
        ({"ema": 0.9, "accumulate": 4, "objective": {"mining": {"delta": 0.5, "guide": "ema"}}}, (7,)),
    ],
)
def test_killed_at_any_moment_it_ends_in_the_same_weights(
    keys: dict[str, Any], moments: tuple[int, ...], tiny_recipe: TrainRecipe, tmp_path: Path
) -> None:
    wanted_recipe = changed(tiny_recipe, **keys)
    run = tmp_path / "run"
    train(wanted_recipe, run)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(to_yaml(wanted_recipe))
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    for steps in moments:
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if (out / "metrics.jsonl").exists() and len((out / "metrics.jsonl").read_bytes().splitlines()) >= steps:
                break
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / "model" / "open_clip_model.safetensors").exists()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert same_weights(run, out)
    told, wanted = metrics(out), metrics(run)
    assert [row["step"] for row in told] == [row["step"] for row in wanted]
    assert [row["loss"] for row in told] == [row["loss"] for row in wanted]


def test_a_finished_run_stays_as_it_is(run: Path, tiny_recipe: TrainRecipe) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    train(tiny_recipe, run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_what_a_killed_writer_left_is_swept_away(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(run, out)
    (out / "checkpoints" / ".step-00000016.pt.0123456789ab.tmp").write_bytes(b"half a checkpoint")
    train(tiny_recipe, out)
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == sorted(
        path.name for path in (run / "checkpoints").iterdir()
    )


def test_another_recipes_run_is_not_touched(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds a run of another recipe .*seed: 0 → 3"):
        open_run(tiny_recipe.model_copy(update={"seed": 3}), run)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is not empty and not a training run"):
        open_run(tiny_recipe, tmp_path / "full")
    with pytest.raises(UserError, match="is not empty and not a training run"):
        open_run(tiny_recipe, tmp_path / "full" / "thesis.txt")


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
    precision: str, tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = changed(tiny_recipe, precision=precision), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "batches", poisoned(6))
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
    precision: str, tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def events(run: Path, name: str) -> list[Any]:
    """What TensorBoard shows of one curve."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run / "tensorboard"))
    read.Reload()
    found: list[Any] = read.Scalars(name)
    return found


def test_weights_that_are_no_numbers_are_not_kept(tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    wild = changed(tiny_recipe, optimizer={"lr": 3e38, "warmup": 0.0, "clip_norm": None}, checkpoint_every=1)
    with pytest.raises(UserError, match=r"no number at step \d+ "):
        train(wild, tmp_path / "wild")
    state = checkpoints.latest(tmp_path / "wild" / "checkpoints")
    assert state is None or all(tensor.isfinite().all() for tensor in state["model"].values())


def test_tensorboard_shows_the_rows(run: Path) -> None:
    rows = metrics(run)
    shown = [event.value for event in events(run, "loss")]
    assert shown == pytest.approx([row["loss"] for row in rows], rel=1e-5)


def test_a_spike_is_skipped(tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Objective.forward

    def steep(self: Objective, features: Features, logit_scale: Tensor, step: int) -> tuple[Tensor, dict[str, Any]]:
        loss, told = forward(self, features, logit_scale, step)
        return (100 * loss if step == 10 else loss), told

    monkeypatch.setattr(Objective, "forward", steep)
    train(changed(tiny_recipe, optimizer={"spike": 20.0}, checkpoint_every=1, keep=3), tmp_path / "run")
    assert [row["skipped"] for row in metrics(tmp_path / "run")] == 10 * [0] + 2 * [1]
    states = [torch.load(path, weights_only=True) for path in sorted((tmp_path / "run" / "checkpoints").iterdir())]
    first, second, third = (state["model"]["visual.conv1.weight"] for state in states)
    assert torch.equal(first, second)
    assert states[1]["skipped"] == 1
    assert len(states[2]["norms"]) == 12
    assert third is not None


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_follows_the_full_one(
    precision: str, run: Path, tiny_recipe: TrainRecipe, tmp_path: Path
) -> None:
    train(changed(tiny_recipe, precision=precision), tmp_path / "half")
    ours, wanted = metrics(tmp_path / "half"), metrics(run)
    assert ours[0]["loss"] == pytest.approx(wanted[0]["loss"], rel=0.01)
    assert ours[0]["loss"] != wanted[0]["loss"]
    assert ours[-1]["loss"] == pytest.approx(wanted[-1]["loss"], rel=0.05)
    state = checkpoints.latest(tmp_path / "half" / "checkpoints")
    assert state is not None
    assert all(tensor.dtype == torch.float32 for tensor in state["model"].values() if tensor.is_floating_point())
    assert bool(state["scaler"]) == (precision == "fp16")


def test_an_overflow_in_fp16_costs_a_step_and_lowers_the_scale(
    tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_a_batch_in_pieces_trains_like_a_whole_one(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    train(changed(tiny_recipe, accumulate=4, gradient_checkpointing=True), tmp_path / "pieces")
    assert_like(tmp_path / "pieces", run)
    with pytest.raises(UserError, match="16 samples cannot be cut evenly for 1 ranks and accumulate=3"):
        train(changed(tiny_recipe, accumulate=3), tmp_path / "three")


def assert_like(run: Path, other: Path) -> None:
    """Equal up to the order of floating-point sums."""
    for name in ("loss", "gradient_norm", "logit_scale", "local_logit_scale"):
        ours, theirs = ([row[name] for row in metrics(folder)] for folder in (run, other))
        assert ours == pytest.approx(theirs, rel=1e-3), name


@pytest.mark.slow
def test_compiled_towers_train_alike(tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
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
    tiny_recipe: TrainRecipe,
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


def test_the_average_of_the_weights_is_what_its_formula_says(tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    train(changed(tiny_recipe, ema=0.3, checkpoint_every=1, keep=100), tmp_path / "run")
    states = [torch.load(path, weights_only=True) for path in sorted((tmp_path / "run" / "checkpoints").iterdir())]
    name = "visual.conv1.weight"
    average = states[0]["model"][name]
    for step, state in enumerate(states[1:], start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * state["model"][name]
    torch.testing.assert_close(weights(tmp_path / "run")[name], average)
    assert not torch.equal(weights(tmp_path / "run")[name], states[-1]["model"][name])
    with safe_open(tmp_path / "run" / "model" / "open_clip_model.safetensors", "pt") as file:
        assert "moving average" in file.metadata()["emocap"]


@pytest.mark.parametrize("guide", ["ema", "frozen"])
def test_a_guide_sees_with_its_own_weights(
    guide: str, tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


class Benchmarks:
    """Stands in for benchmarks: draws from every random generator, and finds the values that it is given."""

    def __init__(self, values: list[float]) -> None:
        self.values = iter(values)
        self.seen: list[dict[str, torch.Tensor]] = []

    def __call__(self, model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
        torch.rand(3), random.random(), np.random.rand()
        self.seen.append(load_file(model / "open_clip_model.safetensors"))
        return {"faces/zeroshot/uar": next(self.values), "faces/zeroshot/war": 0.5}


MEASURED = {"cards": ["faces"], "data": "nowhere", "every": 4, "best": "faces/zeroshot/uar"}


def test_benchmarks_on_the_way_change_nothing_and_choose_the_best(
    run: Path, tiny_recipe: TrainRecipe, tmp_path: Path
) -> None:
    benchmarks = Benchmarks([0.2, 0.6, 0.4])
    out = tmp_path / "measured"
    train(changed(tiny_recipe, evaluate=MEASURED), out, benchmarks)
    assert same_weights(run, out)
    found = [(row["step"], row["eval"]["faces/zeroshot/uar"]) for row in metrics(out) if "eval" in row]
    assert found == [(4, 0.2), (8, 0.6), (12, 0.4)]
    best = torch.load(out / "checkpoints" / "best.pt", weights_only=True)
    assert best["step"] == 8
    assert all(torch.equal(best["model"][name], tensor) for name, tensor in benchmarks.seen[1].items())
    assert [event.value for event in events(out, "eval/faces/zeroshot/uar")] == pytest.approx([0.2, 0.6, 0.4])
    with pytest.raises(UserError, match="emocap train does, or give train"):
        train(changed(tiny_recipe, evaluate=MEASURED), tmp_path / "nothing")


def test_sigterm_leaves_a_checkpoint_of_that_step(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    def terminate(model: Path, recipe: EvaluateRecipe) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    out, handler = tmp_path / "stopped", signal.getsignal(signal.SIGTERM)
    once = {"cards": ["faces"], "data": "nowhere", "every": 6}
    with pytest.raises(SystemExit) as stopped:
        train(changed(tiny_recipe, evaluate=once), out, terminate)
    assert stopped.value.code == 143
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-00000004.pt", "step-00000007.pt"]
    assert signal.getsignal(signal.SIGTERM) == handler
    train(tiny_recipe, out)
    assert same_weights(run, out)


def test_a_sigterm_to_all_processes_of_a_run_stops_it_in_good_order(tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(to_yaml(changed(tiny_recipe, epochs=500.0, data={"workers": 2})))
    command = [sys.executable, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not ((out / "metrics.jsonl").exists() and len(metrics(out)) > 3):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143, told.decode()
    last = max(path.name for path in (out / "checkpoints").iterdir())
    assert metrics(out)[-1]["step"] == int(last[5:13])


def test_a_run_begins_with_the_weights_of_another(run: Path, tiny_recipe: TrainRecipe, tmp_path: Path) -> None:
    for init in (run, run / "model", run / "model" / "open_clip_model.safetensors"):
        model = create(tiny_recipe.model.model_copy(update={"init": str(init)}), tmp_path / "next")
        assert all(torch.equal(tensor, weights(run)[name]) for name, tensor in model.state_dict().items())
    larger: Any = create(tiny_recipe.model.model_copy(update={"init": str(run), "image_size": 64}), tmp_path / "large")
    assert larger.visual.image_size == (64, 64)
    assert larger.visual.positional_embedding.shape == (17, 16)
    with pytest.raises(UserError, match=r"model.init: .* has no weights"):
        create(tiny_recipe.model.model_copy(update={"init": str(tmp_path)}), tmp_path / "none")


def test_wandb_that_is_not_there_is_told(
    tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="the package wandb is not installed"):
        train(changed(tiny_recipe, wandb="faces"), tmp_path / "run")


def test_wandb_that_lets_nobody_in_is_told(
    tiny_recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Error(Exception):
        pass

    def init(**_: Any) -> None:
        raise Error("No API key configured.")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Error=Error))
    with pytest.raises(UserError, match=r"wandb: No API key configured\. WANDB_MODE=offline"):
        train(changed(tiny_recipe, wandb="faces"), tmp_path / "run")


def test_a_device_that_is_not_there_is_told() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="there is no cuda:0 here"):
            pick_device("cuda:0")
    with pytest.raises(UserError, match="there is no cpu:x here"):
        pick_device("cpu:x")


@pytest.fixture(scope="module")
def long_recipe(tiny_recipe: TrainRecipe) -> TrainRecipe:
    """Without mining, whose choices can hang on the last digit of a similarity."""
    return changed(tiny_recipe, objective={"mining": {"rule": "off"}}, epochs=3.0, accumulate=2, ema=0.9)


@pytest.fixture(scope="module")
def two_ranks(long_recipe: TrainRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the verb under torchrun that nothing disturbed; shared, and left as it is."""
    out = tmp_path_factory.mktemp("torchrun") / "run"
    recipe = out.with_suffix(".yaml")
    recipe.write_text(to_yaml(long_recipe))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, "-m", "emocap", "train", str(recipe), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report.html") == 1
    return out


@pytest.mark.slow
@pytest.mark.ddp
def test_two_ranks_train_as_one_does(two_ranks: Path, long_recipe: TrainRecipe, tmp_path: Path) -> None:
    train(long_recipe, tmp_path / "one")
    assert_like(two_ranks, tmp_path / "one")


@pytest.mark.slow
@pytest.mark.ddp
@pytest.mark.timeout(1200)  # on a busy machine new workers take minutes to import torch
def test_ray_replaces_a_worker_that_is_lost(two_ranks: Path, long_recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe, out = changed(long_recipe, workers=2, device="cpu"), tmp_path / "ray"
    lost: list[int] = []

    def kill() -> None:
        """Take a worker away between the first and the second checkpoint."""
        while not lost:
            file = out / "metrics.jsonl"
            if file.exists() and len(file.read_bytes().splitlines()) >= 6:
                running = psutil.process_iter(["cmdline"])
                found = [p for p in running if "RayTrainWorker" in " ".join(p.info["cmdline"] or [])]
                pids = {p.pid for p in found}  # a worker, not one of those that decode for it
                last = [p for p in found if p.ppid() not in pids][-1]
                last.kill()
                lost.append(last.pid)
            time.sleep(0.002)

    threading.Thread(target=kill, daemon=True).start()
    train(recipe, out)
    assert lost
    assert same_weights(out, two_ranks)
    assert [row["loss"] for row in metrics(out)] == [row["loss"] for row in metrics(two_ranks)]


@pytest.mark.slow
@pytest.mark.ddp
def test_what_a_ray_worker_finds_wrong_reaches_the_user(long_recipe: TrainRecipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.batch: 15 samples cannot be"):
        train(changed(long_recipe, workers=2, device="cpu", data={"batch": 15}), tmp_path / "odd")
    with pytest.raises(UserError, match=r"workers: 1000 is more than the \d+ CPUs that Ray has"):
        train(changed(long_recipe, workers=1000, device="cpu"), tmp_path / "many")


def test_a_model_like_siglip_brings_its_tokenizer_and_learns_its_own_bias(
    tiny_recipe: TrainRecipe, tiny_config: dict[str, Any], tmp_path: Path
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
