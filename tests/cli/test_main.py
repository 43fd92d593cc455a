import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from emocap.cli.main import app, main
from emocap.core.errors import UserError
from emocap.core.version import __version__
from emocap.schema.shards import read_index

VERBS = (
    *("demo", "build", "mock-server", "inspect", "train", "eval", "benchmarks", "rank"),
    *("annotators", "report", "push", "doctor"),
)


def emocap(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emocap", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_help_names_every_verb_and_every_verb_has_an_example() -> None:
    told = CliRunner().invoke(app, ["--help"]).output
    for verb in VERBS:
        assert verb in told
        assert f"emocap {verb}" in CliRunner().invoke(app, [verb, "--help"]).output.split("Example:")[1]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, emocap.cli.main\n"
        "try:\n    emocap.cli.main.app(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'ray', 'numpy', 'pyarrow', 'pydantic', 'PIL', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"emocap {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["build", "sinthetic", "--out", "x"],
            "no built-in recipe 'sinthetic' in pipelines/; did you mean synthetic?",
        ),
        (["build", "synthetic", "faces.sise=3", "--out", "x"], "faces.sise is not a key; did you mean size?"),
        (["build", "synthetic", "faces.size=big", "--out", "x"], "faces.size: input should be a valid integer"),
        (["build", "photos", "sources=[{path: nowhere/}]", "--out", "x"], "sources: there is no nowhere/"),
        (["inspect", "."], ". is not a finished build"),
        (["train", "emocapclip-tiny", "--out", "x"], "runs/synthetic is not a finished build"),
        (
            ["train", "emocapclip-tiny", "evaluate={cards: [synthetic-emotions], data: nowhere}", "--out", "x"],
            "there is no folder nowhere",
        ),
        (["eval", "synthetic-emotions", "--model", "m", "--data", ".", "--out", "x"], "m is neither a run of emocap"),
        (
            ["eval", "synthetic-emotions", "--model", "m", "--data", ".", "--out", "x", "--protocol", "guess"],
            "guess is not one of fewshot, generate, probe, retrieval, zeroshot, or all",
        ),
        (["report", "."], ". is none of these: a finished build, a training run, "),
        (["push", ".", "lab/faces"], ". is neither a finished build nor a run of emocap train"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["emocap", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emocap:")]
    assert len(lines) == 1
    assert told in lines[0]


def test_defects_get_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("the\nroof is on fire")

    monkeypatch.setattr("emocap.cli.main.app", broken)
    monkeypatch.setattr(sys, "argv", ["emocap", "doctor"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("emocap: RuntimeError: the roof is on fire")


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise UserError("no")

    monkeypatch.setattr("emocap.cli.main.app", refuse)
    monkeypatch.setattr(sys, "argv", ["emocap", "doctor", "--debug"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err
    assert "in refuse" in told
    assert told.endswith("emocap: no\n")


def test_wrong_usage_is_exit_code_2() -> None:
    done = emocap("build")
    assert done.returncode == 2
    assert "RECIPE" in done.stderr
    assert emocap("no-such-verb").returncode == 2


def test_a_build_is_inspected_beside_the_paper(asked_build: Path) -> None:
    told = CliRunner().invoke(app, ["inspect", str(asked_build)]).output
    for line in (
        r"samples +96",
        r"rejected, caption: schema +24",
        r"words per caption +\d+\.\d +EmoCap100K: 267",
        r"local: sentences +3\.0 +EmoCap100K: 5",
        r"every shard agrees with manifest and index",
    ):
        assert re.search(line, told)
    described = json.loads(CliRunner().invoke(app, ["inspect", str(asked_build), "--json"]).output)
    assert described["counts"]["samples"] == 96
    assert described["captions"]["local: sentences"] == {"value": 3.0, "EmoCap100K": "5"}
    assert described["problems"] == []


def test_damage_is_named_in_one_line(asked_build: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(asked_build, tmp_path / "copy")
    tar = copy / "shards" / "emocap-000001.tar"
    content = bytearray(tar.read_bytes())
    content[800] ^= 1
    tar.write_bytes(content)
    done = emocap("inspect", str(copy), "--json")
    assert done.returncode == 2
    key = read_index(copy / "index").filter(pc.field("shard") == "emocap-000001")["key"][0].as_py()
    problem = f"shards/emocap-000001.tar: {key}.jpg is not the picture that was written"
    assert done.stderr == f"emocap: {copy} is damaged: {problem}\n"
    assert json.loads(done.stdout)["problems"] == [problem]
    for path in (copy / "index").glob("*.parquet"):
        path.unlink()
    (copy / "manifest.json").write_text("{")
    assert "manifest.json is not JSON" in emocap("inspect", str(copy)).stderr


def test_many_problems_are_counted(asked_build: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(asked_build, tmp_path / "copy")
    (copy / "recipe.yaml").write_text("faces: {size: 50}")
    told = emocap("inspect", str(copy)).stderr
    assert told.count("has 48 x 48 pixels, not 50 x 50") == 10
    assert told.endswith("; and 206 more\n")


def test_the_doctor_knows_versions_devices_and_licences() -> None:
    told = CliRunner().invoke(app, ["doctor"]).output
    for word in ("torch devices", "onnx providers", "non-commercial", "open_clip_torch"):
        assert word in told
    assert "MISSING" not in told
    assert "BROKEN" not in told
