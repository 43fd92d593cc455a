import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emocap.cli.main import app, main


def pairs(path: Path, count: int = 30) -> Path:
    """Pairs of a, b and c, of which people always prefer the later letter."""
    rows = ["name,a1,a2,preference,model1,model2"]
    for number in range(count):
        first, second = [("a", "b"), ("c", "b"), ("c", "a")][number % 3]
        says = "a1" if first > second else "a2"
        rows.append(f"clip{number},{first} on {number}.,{second} on {number}.,{says},{first},{second}")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_people_rank_from_the_command_line(tmp_path: Path) -> None:
    table, out = pairs(tmp_path / "people.csv"), tmp_path / "out"
    command = [sys.executable, "-m", "emocap", "rank", "--by", f"people:{table}", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(r"1 \[1-1\] +c +\+\d.*100% of resamples", done.stdout)
    assert "30 of 30 pairs judged by people:" in done.stdout
    assert "strengths are regularised" in done.stdout
    assert done.stdout.splitlines()[-1] == f"open {out / 'report.html'}"
    assert "Ranking of captioners" in (out / "report.html").read_text()
    page = tmp_path / "again.html"
    assert CliRunner().invoke(app, ["report", str(out), "--out", str(page)]).exit_code == 0
    assert page.read_text() == (out / "report.html").read_text()


def test_what_people_should_judge_next(tmp_path: Path, labelled_build: Path, asked_build: Path) -> None:
    (tmp_path / "people.csv").write_text("name,a1,a2,preference,model1,model2\n")
    arguments = [str(labelled_build), str(asked_build), "--by", f"people:{tmp_path / 'people.csv'}", "--pairs", "8"]
    told = CliRunner().invoke(app, ["rank", *arguments, "--out", str(tmp_path / "out")])
    assert told.exit_code == 0
    assert "0 of 96 pairs judged" in told.output
    assert "compared with nobody: annotations, openai:qwen" in told.output
    assert "next.csv has the pairs that people should judge next" in told.output
    assert len((tmp_path / "out" / "next.csv").read_text().splitlines()) == 9
    assert json.loads((tmp_path / "out" / "ranking.json").read_text())["ranking"] is None
    assert not (tmp_path / "out" / "report.html").exists()


def test_emotion_words_rank_builds(tmp_path: Path, labelled_build: Path, asked_build: Path) -> None:
    arguments = ["rank", str(labelled_build), str(asked_build), "--by", "wheel", "--out", str(tmp_path)]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert re.search(r"of 96 pairs judged by wheel, emocap's small ones, not the authors', \w{8}", told.output)
    assert "unanswered, such as" in told.output
    assert re.search(r"1 \[1-\d\] +(annotations|openai:qwen) ", told.output)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--by", "people"], "--by: 'people' is none of people:FILE.csv, openai:NAME, wheel:FOLDER and wheel"),
        (["--by", "openai:"], "--by: 'openai:' is none of"),
        (["people.csv", "--by", "openai:x", "--strategy", "S5"], "--strategy: S5 is not one of S1, S2, S3, S4"),
        (["people.csv", "--by", "openai:x", "--strategy", "s3"], "--text-model is for S3 and S4, which need it"),
        (["people.csv", "--by", "openai:x", "--text-model", "openai:y"], "which need it; this is S1"),
        (
            ["people.csv", "--by", "openai:x"],
            "none of 30 inputs, such as clip0, clip1, clip2, is in a build; name the folder of media",
        ),
        (["people.csv", "--by", "openai:x", "--media", "."], "none of 30 inputs"),
        (["--by", "openai:x"], "a ranking needs two captioners or more, there is none"),
        (
            ["--by", "people:people.csv", "--media", "."],
            "--media is for openai as the judge, and --by is people:people",
        ),
        (["people.csv", "--by", "openai:x", "--truth", "people.csv"], "--truth is for wheel as the judge"),
        (["people.csv", "--by", "wheel:nowhere"], "there is no folder nowhere"),
        (["people.csv", "--by", "wheel"], "no pair was answered; of clip0: no true labels"),
        (["--by", "people:nowhere.csv"], "nowhere.csv: No such file"),
        (["people.csv", "--by", "people:people.csv"], "is a second table of pairs"),
        (["nowhere", "--by", "people:people.csv"], "nowhere: No such file"),
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
    pairs(tmp_path / "people.csv")
    monkeypatch.setattr(sys, "argv", ["emocap", "rank", *arguments, "--out", "out"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emocap: ")]
    assert told in line
    assert not (tmp_path / "out").exists()
