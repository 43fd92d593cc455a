import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from huggingface_hub import ModelCard

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load, to_yaml
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.model_card import write_card
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.publish import push
from tests.support.hub import TOKEN, Hub


@pytest.fixture(scope="module")
def trained(labelled_build: Path, tiny_config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run with results of its own."""
    out = tmp_path_factory.mktemp("trained") / "tiny"
    recipe = {
        "model": {"config": tiny_config},
        "data": {"builds": [str(labelled_build)], "batch": 16, "sentences": 2, "workers": 0},
        "epochs": 1,
    }
    train(ClipRecipe.model_validate(recipe), out)
    evaluate(
        {"synthetic-emotions": load(Card, "benchmarks", "synthetic-emotions")},
        str(out),
        ["zeroshot"],
        labelled_build,
        out,
    )
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "tiny")


@pytest.fixture
def downloads(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Downloads come from the hub, and fresh."""
    address = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_open_clip_alone_loads_what_was_pushed(hub: Hub, run: Path, downloads: None) -> None:
    assert push(run, "lab/tiny") == f"{hub.url}/lab/tiny"
    assert hub.repos["lab/tiny"]["kind"] == "models"
    assert set(hub.repos["lab/tiny"]["files"]) == {
        *("README.md", "recipe.yaml", "metrics.jsonl", "results.jsonl"),
        *("open_clip_config.json", "open_clip_model.safetensors"),
    }
    here, _, _ = open_clip.create_model_and_transforms(f"local-dir:{run}/model")
    there, _, preprocess = open_clip.create_model_and_transforms("hf-hub:lab/tiny")
    assert preprocess.transforms[0].size == 32
    tokens = open_clip.get_tokenizer("hf-hub:lab/tiny")(["The face looks happy."])
    with torch.inference_mode():
        assert torch.equal(here.eval().encode_text(tokens), there.eval().encode_text(tokens))
        picture = torch.rand(1, 3, 32, 32)
        assert torch.equal(here.encode_image(picture), there.encode_image(picture))


def test_the_card_tells_recipe_data_results_and_limits(hub: Hub, run: Path) -> None:
    push(run, "lab/tiny", licence="cc-by-nc-4.0", datasets=["lab/faces"])
    text = hub.repos["lab/tiny"]["files"]["README.md"].decode()
    card = ModelCard(text)
    told = card.data
    assert (told["license"], told["library_name"], told["datasets"]) == ("cc-by-nc-4.0", "open_clip", ["lab/faces"])
    assert told["pipeline_tag"] == "zero-shot-image-classification"
    assert (run / "recipe.yaml").read_text().strip() in text
    assert "| drawn | 120 | rules, from labels | nobody: boxes came with the source |" in text
    row = json.loads((run / "results.jsonl").read_text())
    uar = row["metrics"]["uar"]
    assert (
        f"| Synthetic faces, 7 emotions | zeroshot | 120 | uar | {uar['value']:.3f} "
        f"| {uar['low']:.3f} to {uar['high']:.3f} | 0.143 |"
    ) in text
    assert 'create_model_and_transforms("hf-hub:lab/tiny")' in text
    assert "these are not their weights" in text
    assert "Do not use it to judge people" in text
    assert "{" not in text.partition("```python")[0]


def test_what_the_weights_started_from_is_told(run: Path) -> None:
    changed = ClipRecipe.model_validate(
        {"model": {"name": "ViT-B-32-quickgelu", "init": "openai"}, "data": {"builds": ["/nowhere/movies"]}}
    )
    (run / "recipe.yaml").write_text(to_yaml(changed))
    card = ModelCard(write_card(run, "lab/b32").read_text())
    assert card.data["base_model"] == "timm/vit_base_patch32_clip_224.openai"
    assert "ViT-B-32-quickgelu, started from ViT-B-32-quickgelu/openai, trained by emocap" in card.text
    assert "https://huggingface.co/timm/vit_base_patch32_clip_224.openai" in card.text
    assert "| movies |  | not at hand | not at hand |" in card.text
    assert "## Results" not in card.text


def test_results_of_another_model_stay_out(hub: Hub, run: Path, tmp_path: Path) -> None:
    row = json.loads((run / "results.jsonl").read_text())
    other = row | {"model_sha256": "0" * 64, "title": "Another model's"}
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in (other, row)))
    (run / "results.jsonl").unlink()
    with pytest.raises(UserError, match=r"empty has no results of the model in"):
        push(run, "lab/tiny", results=[tmp_path / "empty"])
    push(run, "lab/tiny", results=[tmp_path / "more"])
    files = hub.repos["lab/tiny"]["files"]
    assert json.loads(files["results.jsonl"]) == row
    assert b"Another model's" not in files["README.md"]
    assert b"Synthetic faces, 7 emotions" in files["README.md"]


def test_a_second_push_removes_what_is_gone_and_leaves_the_owners_own(hub: Hub, run: Path) -> None:
    push(run, "lab/tiny", everything=True)
    files = hub.repos["lab/tiny"]["files"]
    saved = sorted(path.name for path in (run / "checkpoints").glob("*.pt"))
    assert sorted(path for path in files if path.startswith("checkpoints/")) == [f"checkpoints/{n}" for n in saved]
    files["notes.txt"] = b"the owner's own"
    (run / "README.md").write_text((run / "README.md").read_text() + "\nWritten by hand.\n")
    sent = hub.uploads
    push(run, "lab/tiny")
    assert hub.uploads == sent
    assert not any(path.startswith("checkpoints/") for path in files)
    assert "notes.txt" in files
    assert files["README.md"].endswith(b"\nWritten by hand.\n")


@pytest.mark.parametrize(
    "build", ["https://me:secret@host/faces-{000..041}.tar", "pipe:curl -s ftp://me:secret@host/faces.tar"]
)
def test_a_password_in_the_recipe_stays_here(hub: Hub, run: Path, build: str) -> None:
    recipe = ClipRecipe.model_validate({"model": {"name": "RN50"}, "data": {"builds": ["runs/synthetic", build]}})
    (run / "recipe.yaml").write_text(to_yaml(recipe))
    with pytest.raises(UserError, match=r"data\.builds\.1\S* holds a password"):
        push(run, "lab/tiny")
    assert hub.repos == {}


def test_a_run_without_weights_stays_here(hub: Hub, run: Path) -> None:
    (run / "model" / "open_clip_model.safetensors").unlink()
    with pytest.raises(UserError, match="has no weights yet; finish it with emocap train"):
        push(run, "lab/tiny")
    assert hub.repos == {}


def test_weights_that_do_not_load_stay_here(hub: Hub, run: Path) -> None:
    (run / "model" / "open_clip_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="could not be loaded"):
        push(run, "lab/tiny")
    assert hub.repos == {}


def test_the_verb(hub: Hub, run: Path) -> None:
    there = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "emocap", "push", str(run), "lab/tiny", "--private", "--license", "mit"]
    done = subprocess.run(
        [*command, "--results", str(run), "--dataset", "lab/faces"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | there,
    )
    assert (done.returncode, done.stdout) == (0, f"see {hub.url}/lab/tiny\n"), done.stderr
    assert hub.repos["lab/tiny"]["private"]
    assert b"license: mit" in hub.repos["lab/tiny"]["files"]["README.md"]
    assert b"- lab/faces" in hub.repos["lab/tiny"]["files"]["README.md"]
