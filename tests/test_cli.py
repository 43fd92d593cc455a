import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emocap import __version__
from emocap.cli import app, main
from emocap.errors import UserError

VERBS = ("demo", "build", "inspect", "train", "eval", "report", "doctor")


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
        "import sys, emocap.cli\n"
        "try:\n    emocap.cli.app(['--help'])\n"
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
        (["build", "drwn", "--out", "x"], "there is no built-in recipe 'drwn' in pipelines/; did you mean drawn?"),
        (["build", "drawn", "faces.sise=3", "--out", "x"], "faces.sise is not a key; did you mean size?"),
        (["build", "drawn", "faces.size=big", "--out", "x"], "faces.size: input should be a valid integer"),
        (["build", "photos", "sources=[{path: nowhere/}]", "--out", "x"], "sources: there is no nowhere/"),
        (["inspect", "."], ". is not a finished build"),
        (["train", "emocapclip-tiny", "--out", "x"], "runs/drawn is not a finished build"),
        (["eval", "drawn-emotions", "--model", "m", "--data", ".", "--out", "x"], "m is neither a run of emocap"),
        (
            ["eval", "drawn-emotions", "--model", "m", "--data", ".", "--out", "x", "--protocol", "guess"],
            "guess is not one of zeroshot, probe",
        ),
        (["report", "."], ". is neither a finished build nor"),
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

    monkeypatch.setattr("emocap.cli.app", broken)
    monkeypatch.setattr(sys, "argv", ["emocap", "doctor"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("emocap: RuntimeError: the roof is on fire")


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise UserError("no")

    monkeypatch.setattr("emocap.cli.app", refuse)
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


def test_a_build_is_inspected_and_damage_is_named(drawn_build: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(drawn_build, copy)
    done = emocap("inspect", str(copy))
    assert done.returncode == 0
    assert "words per caption" in done.stdout
    assert "every shard agrees with manifest and index" in done.stdout
    tar = copy / "shards" / "emocap-000001.tar"
    content = bytearray(tar.read_bytes())
    content[2000] ^= 1
    tar.write_bytes(content)
    done = emocap("inspect", str(copy))
    assert done.returncode == 2
    assert "emocap-000001.tar" in done.stderr


def test_the_doctor_knows_versions_devices_and_licences() -> None:
    told = CliRunner().invoke(app, ["doctor"]).output
    for word in ("torch devices", "onnx providers", "non-commercial", "open_clip_torch"):
        assert word in told
    assert "MISSING" not in told
    assert "BROKEN" not in told
