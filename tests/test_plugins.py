"""A distribution of its own, installed with pip beside emocap, adds a task, a reader, a kind of input, a detector, a
captioner and a method; the verbs use them in all of their processes.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.torch import load_file

from emocap.schema.shards import read_shard

pytestmark = pytest.mark.ddp

ROOT = Path(__file__).parents[1]
METADATA = "Metadata-Version: 2.1\nName: emocap-gaze\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
ENTRY_POINTS = "[emocap.plugins]\ngaze = emocap_gaze:register\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip has installed the distribution."""
    folder = tmp_path_factory.mktemp("plugin")
    wheel, info = folder / "emocap_gaze-1.0-py3-none-any.whl", "emocap_gaze-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted((ROOT / "tests/support/plugin").rglob("*.py")):
            archive.write(path, path.relative_to(ROOT / "tests/support/plugin").as_posix())
        texts = {"METADATA": METADATA, "WHEEL": WHEEL, "entry_points.txt": ENTRY_POINTS}
        for name, text in texts.items():
            archive.writestr(f"{info}/{name}", text)
        names = [*archive.namelist(), f"{info}/RECORD"]
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*command, "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


def emocap(installed: Path, *words: str) -> str:
    path = os.pathsep.join([str(installed), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "emocap", *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_build_uses_a_detector_and_a_kind_of_input_in_its_workers(installed: Path, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 80, 64, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "faces.npy", pictures)
    recipe = {
        "sources": [{"path": str(tmp_path / "in")}],
        "faces": {"detector": "whole", "size": 32, "duplicates": None},
        "captioner": {"backend": "same"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    out = tmp_path / "out"
    emocap(installed, "build", str(tmp_path / "recipe.yaml"), "--out", str(out))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["found"] == 5
    assert manifest["detector"]["name"] == "whole"
    assert manifest["detector"]["licence"] == "none needed"
    (tar,) = (out / "shards").glob("*.tar")
    records = [sample.record for sample in read_shard(tar)]
    assert {record.face.detector for record in records} == {"whole"}
    assert {record.caption.summary for record in records if record.caption} == {"A calm gaze."}
    assert len(records) == 5
    assert "whole weights" in emocap(installed, "doctor")


@pytest.mark.slow
def test_a_method_is_trained(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_text("method: line\ntensorboard: false\n")
    out = tmp_path / "run"
    emocap(installed, "train", str(tmp_path / "line.yaml"), "length=80", "--out", str(out))
    assert load_file(out / "model" / "line.safetensors")["weight"].item() == pytest.approx(3, abs=0.2)
    assert "length: 80" in (out / "recipe.yaml").read_text()
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_a_task_and_a_reader_are_measured_and_shown(installed: Path, tmp_path: Path, untaught: str) -> None:
    rows = ["path,degrees,split"]
    for number in range(24):
        grey = number * 10
        Image.new("RGB", (40, 40), (grey, grey, grey)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number * 5 - 60},{'test' if number % 3 == 0 else 'train'}")
    (tmp_path / "gaze.csv").write_text("\n".join(rows) + "\n")
    card = {"title": "Gaze", "task": "gaze", "layout": {"reader": "gaze-table"}}
    (tmp_path / "gaze.yaml").write_text(yaml.safe_dump(card))
    out = tmp_path / "out"
    words = ["--model", untaught, "--protocol", "all", "--data", str(tmp_path)]
    told = emocap(installed, "eval", str(tmp_path / "gaze.yaml"), *words, "--device", "cpu", "--out", str(out))
    assert "gaze probe" in told
    (row,) = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert row["task"] == "gaze"
    assert 0 < row["metrics"]["angular_error"]["value"] < 60
    page = (out / "report.html").read_text()
    assert "Gaze, linear probe: angular error" in page
