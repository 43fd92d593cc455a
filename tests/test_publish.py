import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from emocap.core.errors import UserError
from emocap.dataset.dataset_card import write_card
from emocap.publish import push
from emocap.schema.shards import read_index
from emocap.schema.verify import verify
from tests.support.hub import TOKEN, Hub


@pytest.fixture
def build(asked_build: Path, tmp_path: Path) -> Path:
    return shutil.copytree(asked_build, tmp_path / "qwen")


def test_the_very_bytes_arrive_and_are_a_whole_build(hub: Hub, build: Path, tmp_path: Path) -> None:
    (build / "report.html").write_text("<p>the page</p>")
    (build / "replies").mkdir()
    (build / "replies" / "000000.jsonl").write_text("{}")
    assert push(build, "lab/faces").startswith(hub.url)
    files = hub.repos["lab/faces"]["files"]
    folders = {path.partition("/")[0] for path in files}
    assert folders == {"README.md", "manifest.json", "recipe.yaml", "report.html", "index", "shards"}
    for path, content in files.items():
        assert (build / path).read_bytes() == content
        (tmp_path / "got" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "got" / path).write_bytes(content)
    assert verify(tmp_path / "got") == []
    assert read_index(tmp_path / "got" / "index").num_rows == 96


def test_everything_is_everything(hub: Hub, build: Path) -> None:
    push(build, "lab/faces", everything=True)
    here = {path.relative_to(build).as_posix() for path in build.rglob("*") if path.is_file()}
    assert set(hub.repos["lab/faces"]["files"]) == here


def test_a_second_push_sends_nothing_anew_and_removes_what_is_gone(hub: Hub, build: Path) -> None:
    push(build, "lab/faces")
    sent = hub.uploads
    files = hub.repos["lab/faces"]["files"]
    files["shards/emocap-000009.tar"] = b"of an earlier build"
    files["notes.txt"] = b"the owner's own"
    push(build, "lab/faces")
    assert hub.uploads == sent
    assert "shards/emocap-000009.tar" not in files
    assert "notes.txt" in files


def test_faces_without_captions_can_be_pushed(hub: Hub, build: Path) -> None:
    for folder in ("shards", "index"):
        shutil.rmtree(build / folder)
    manifest = json.loads((build / "manifest.json").read_text())
    manifest |= {"shards": [], "captioner": {"backend": "none"}}
    manifest["counts"]["samples"] = 0
    (build / "manifest.json").write_text(json.dumps(manifest))
    push(build, "lab/faces")
    files = hub.repos["lab/faces"]["files"]
    assert files["faces/faces-000000.tar"] == (build / "faces" / "faces-000000.tar").read_bytes()
    assert "path: faces/*.tar" in files["README.md"].decode()


def test_the_licence_goes_into_the_card_and_leaves_the_rest_of_it(hub: Hub, build: Path) -> None:
    path = write_card(build)
    path.write_text(path.read_text() + "\nWritten by hand.\n")
    push(build, "lab/faces", licence="cc-by-nc-4.0")
    card = DatasetCard(hub.repos["lab/faces"]["files"]["README.md"].decode())
    assert card.data["license"] == "cc-by-nc-4.0"
    assert card.data["pretty_name"] == "qwen"
    assert "Written by hand." in card.text


def test_private_is_private(hub: Hub, build: Path) -> None:
    push(build, "lab/secret", private=True)
    assert hub.repos["lab/secret"]["private"]
    hub.repos["lab/open"] = {"kind": "datasets", "private": False, "files": {}}
    with pytest.raises(UserError, match="lab/open exists and is public"):
        push(build, "lab/open", private=True)
    assert hub.repos["lab/open"]["files"] == {}


@pytest.mark.parametrize(
    ("repo", "token", "told"),
    [
        ("lab/faces", "", "no token for the Hugging Face Hub: set HF_TOKEN"),
        ("lab/faces", "hf_of_somebody_else", "the Hub refuses lab/faces: .*Invalid username or password"),
        ("others/faces", TOKEN, "the Hub refuses others/faces: .*You do not have the rights"),
        ("a/b/c", TOKEN, "'a/b/c' is not a name on the Hub: write OWNER/NAME"),
    ],
)
def test_what_the_hub_refuses_is_told_in_one_line(
    hub: Hub, build: Path, monkeypatch: pytest.MonkeyPatch, repo: str, token: str, told: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError, match=told):
        push(build, repo)
    assert hub.repos == {}


def test_a_file_that_does_not_get_there_is_told(hub: Hub, build: Path) -> None:
    hub.refuse_uploads = True
    with pytest.raises(UserError, match=r"Error while uploading '\S+'.*no space left for you"):
        push(build, "lab/faces")
    assert hub.repos["lab/faces"]["files"] == {}


def test_a_hub_that_is_away_is_told(hub: Hub, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        push(build, "lab/faces")


def test_a_damaged_build_stays_here(hub: Hub, build: Path) -> None:
    tar = build / "shards" / "emocap-000001.tar"
    content = bytearray(tar.read_bytes())
    content[1000] ^= 1
    tar.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged: shards/emocap-000001\.tar: \S+\.jpg is not the picture"):
        push(build, "lab/faces")
    with pytest.raises(UserError, match="is neither a finished build nor a run of emocap train"):
        push(build / "shards", "lab/faces")
    assert hub.repos == {}


def test_a_password_in_the_recipe_stays_here(hub: Hub, build: Path) -> None:
    recipe = (build / "recipe.yaml").read_text()
    endpoint = "endpoints: [{base_url: 'http://me:secret@host/v1'}]"
    (build / "recipe.yaml").write_text(recipe.replace("endpoints: []", endpoint))
    with pytest.raises(UserError, match=r"captioner\.endpoints\.0\.base_url holds a password"):
        push(build, "lab/faces")
    assert hub.repos == {}


def test_options_of_a_model_are_none_of_a_build(hub: Hub, build: Path) -> None:
    with pytest.raises(UserError, match="is a build: results and a dataset belong to the card of a model"):
        push(build, "lab/faces", datasets=["lab/others"])
    assert hub.repos == {}


def test_the_verb(hub: Hub, build: Path) -> None:
    there = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "emocap", "push", str(build), "lab/faces", "--private", "--license", "mit"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | there)
    assert (done.returncode, done.stdout) == (0, f"see {hub.url}/datasets/lab/faces\n")
    assert hub.repos["lab/faces"]["private"]
    assert b"license: mit" in hub.repos["lab/faces"]["files"]["README.md"]
