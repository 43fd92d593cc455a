import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

from emocap.annotators.simulated import AMER_LABELS, write_amer, write_street
from emocap.cli.main import app
from emocap.core.errors import UserError

DOCS = Path(__file__).parents[2] / "docs" / "annotators.md"
CREMA_D = "data/annotations/crema-d/summaryTable.csv"
MODES = ("VoiceVote", "FaceVote", "MultiModalVote")

LONG = """item,annotator,label,prediction
a,Ann,happy,happy
a,Bea,Happy,happy
a,Cem,sad,happy
b,Ann,sad,sad
b,Bea,happy,sad
b,Cem,sad,sad
c,Ann,sad,sad
c,Bea,sad,happy
c,Cem,happy:sad,sad
d,Ann,happy,happy
d,Bea,sad,sad
d,Cem,happy,
"""


def run(*arguments: object) -> str:
    """What the verb prints."""
    done = CliRunner().invoke(app, ["annotators", *map(str, arguments)])
    if done.exception:
        raise done.exception
    return done.output


def content_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "annotators.json").read_text())
    return content


def measures(task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in task["measures"]}


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "votes.csv"
    path.write_text(LONG)
    return path


def test_a_long_table_is_measured_with_its_predictions(votes: Path, tmp_path: Path) -> None:
    told = run(votes, "--out", tmp_path / "out")
    assert "11 labels of 4 items by 3 annotators" in told
    assert re.search(r"1 labels that are ties, taken as missing: happy:sad \(Cem, line 10\)", told)
    assert "open " in told
    content = content_of(tmp_path / "out")
    (task,) = content["tasks"]
    assert task["labels"] == {"happy": 5, "sad": 6}
    assert [person["name"] for person in task["annotators"]] == ["Ann", "Bea", "Cem"]
    # By hand. Ann and Bea: happy-happy, sad-happy, sad-sad, happy-sad.
    assert task["structures"]["kappa"]["value"][0][1] == pytest.approx(0.0)
    assert task["structures"]["kappa"]["items"] == [[0, 4, 3], [4, 0, 3], [3, 3, 0]]
    assert task["annotators"][0]["accuracy"]["value"] == 1.0
    assert task["annotators"][1]["accuracy"]["value"] == 0.5
    assert task["annotators"][2]["accuracy"]["value"] == 0.5
    assert measures(task)["accuracy_mean"]["value"] == pytest.approx(2 / 3)
    assert measures(task)["dic"]["basis"].endswith("is our inference")
    assert set(content["sources"]) == {"labels"}
    assert "NaN" not in (tmp_path / "out" / "annotators.json").read_text()


def test_the_same_table_gives_the_same_bytes(votes: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        run(votes, "--out", tmp_path / out)
    assert (tmp_path / "one" / "annotators.json").read_bytes() == (tmp_path / "two" / "annotators.json").read_bytes()


def test_every_option_changes_what_it_says(votes: Path, tmp_path: Path) -> None:
    options = ("--ties label", "--chance uniform", "--normalize rms", "--normalize rms --off-diagonal-only")
    found = {}
    for options_of in ("", *options, "--labels sad,happy --level ordinal", "--clip-negative"):
        run(votes, "--out", tmp_path / "out", *shlex.split(options_of))
        content = content_of(tmp_path / "out")
        found[options_of] = (content["method"], content["tasks"][0])
    plain = found[""][1]
    dic = measures(plain)["dic"]["value"]
    assert found["--ties label"][1]["labels"] == {"happy": 5, "happy:sad": 1, "sad": 6}
    assert found["--chance uniform"][1]["structures"]["kappa"]["value"] != plain["structures"]["kappa"]["value"]
    pairs, entries = 2 * 3, 9
    assert measures(found["--normalize rms"][1])["dic"]["value"] == pytest.approx(dic / entries**0.5)
    rms_off = measures(found["--normalize rms --off-diagonal-only"][1])["dic"]["value"]
    assert rms_off == pytest.approx(dic / pairs**0.5)
    method, ordinal = found["--labels sad,happy --level ordinal"]
    assert (method["level"], method["weights"]) == ("ordinal", "quadratic")
    assert list(ordinal["labels"]) == ["sad", "happy"]
    assert min(min(row) for row in found["--clip-negative"][1]["structures"]["predicted"]["value"]) >= 0


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("", [], "is empty"),
        ("item,annotator\na,1\n", [], "neither long"),
        ("item,annotator,label\na,1,x\n", [], "agreement is between annotators"),
        (LONG, ["--level", "scale"], "--level: scale is not one of nominal, ordinal, interval"),
        (LONG, ["--ties", "both"], "--ties: both is not one of missing, label"),
        (LONG, ["--level", "interval"], "happy, sad is not a number"),
        (LONG, ["--labels", "happy,calm"], "'sad' of Cem is not one of the labels"),
        (LONG, ["--item", "item"], "a wide table needs both"),
        (LONG, ["--perspective", "Safe"], "perspective: .* has no Safe, but one task without a name"),
        (LONG, ["--predictions", "votes.csv"], "has a column prediction already"),
        (LONG, ["--explanations", "votes.csv"], "is not a .npz"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, options: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("votes.csv").write_text(content)
    with pytest.raises(UserError, match=told):
        run("votes.csv", "--out", "out", *options)
    assert not Path("out").exists()


def test_tables_like_amers_are_measured_with_predictions_and_explanations(tmp_path: Path) -> None:
    labels, predictions, explanations = write_amer(tmp_path, items=150)
    run(labels, "--predictions", predictions, "--explanations", explanations, "--out", tmp_path / "out")
    (task,) = content_of(tmp_path / "out")["tasks"]
    assert len(task["annotators"]) == 13
    assert set(task["labels"]) <= set(AMER_LABELS)
    told = measures(task)
    assert told["bae"]["low"] < told["bae"]["high"]
    assert "Our reading of BAE" in told["bae"]["basis"]
    assert told["bae"]["value"] > told["bae"]["shuffled"]
    assert told["dic"]["value"] < told["dic"]["shuffled"]
    # One number by an independent way from the file to κ.
    rows = list(csv.DictReader(labels.open()))
    both = [(row["discrete2"], row["discrete13"]) for row in rows if row["discrete2"] and row["discrete13"]]
    wanted = cohen_kappa_score(*zip(*both, strict=True))
    assert task["structures"]["kappa"]["value"][1][12] == pytest.approx(wanted)
    assert task["structures"]["kappa"]["items"][1][12] == len(both)


def test_every_perspective_of_street_is_measured_or_the_one_that_is_named(tmp_path: Path) -> None:
    rows = ["image,Safe_1,Safe_2,Safe_3,Lively_1,Lively_2,Lively_3"]
    random = np.random.default_rng(0)
    rows += [",".join([f"{number}.jpg", *map(str, random.integers(-1, 3, 6))]) for number in range(30)]
    (tmp_path / "street.csv").write_text("\n".join(rows))
    run(tmp_path / "street.csv", "--level", "ordinal", "--out", tmp_path / "both")
    assert [task["name"] for task in content_of(tmp_path / "both")["tasks"]] == ["Safe", "Lively"]
    (tmp_path / "model.csv").write_text("item,annotator,prediction\n0.jpg,1,2\n1.jpg,1,0\n0.jpg,2,1\n1.jpg,2,1\n")
    with pytest.raises(UserError, match="set perspective to what they are of"):
        run(tmp_path / "street.csv", "--predictions", tmp_path / "model.csv", "--out", tmp_path / "out")
    only = ("--perspective", "Lively", "--predictions", tmp_path / "model.csv")
    run(tmp_path / "street.csv", *only, "--out", tmp_path / "one")
    (task,) = content_of(tmp_path / "one")["tasks"]
    assert task["name"] == "Lively"
    assert "accuracy" in task["annotators"][0]
    np.savez(tmp_path / "e.npz", items=["0.jpg"], annotators=["1", "2"], vectors=np.ones((1, 2, 3)))
    with pytest.raises(UserError, match="set perspective to one of Safe, Lively"):
        run(tmp_path / "street.csv", "--explanations", tmp_path / "e.npz", "--out", tmp_path / "out")


def test_the_layout_of_street_is_written(tmp_path: Path) -> None:
    labels, predictions = write_street(tmp_path, items=20)
    for path in (labels, predictions):
        header, *rows = csv.reader(path.open())
        assert header[:3] == ["image", "Happiness_1", "Happiness_2"]
        assert (len(header), len(rows)) == (51, 20)
        assert {cell for row in rows for cell in row[1:]} <= {"-1", *"012345"}


def test_the_votes_of_crema_d_agree_as_scikit_learn_says(shared: Callable[[str], Path], tmp_path: Path) -> None:
    table = shared(CREMA_D)
    raters = [part for mode in MODES for part in ("--rater", mode)]
    run(table, "--item", "FileName", *raters, "--out", tmp_path / "out")
    (task,) = content_of(tmp_path / "out")["tasks"]
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 7442
    ties = sum(":" in row[mode] for row in rows for mode in MODES)
    assert {note["text"]: note["count"] for note in task["notes"]}["labels that are ties, taken as missing"] == ties
    assert ties == 1534
    kappa, items = task["structures"]["kappa"]["value"], task["structures"]["kappa"]["items"]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = [(row[MODES[i]], row[MODES[j]]) for row in rows if ":" not in row[MODES[i]] + row[MODES[j]]]
        assert kappa[i][j] == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))
        assert items[i][j] == len(both)
    run(table, "--item", "FileName", *raters, "--ties", "label", "--out", tmp_path / "ties")
    (task,) = content_of(tmp_path / "ties")["tasks"]
    both = [(row["VoiceVote"], row["FaceVote"]) for row in rows]
    assert task["structures"]["kappa"]["value"][0][1] == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))
    assert len(both) == task["items"] == 7442


def test_the_docs_name_options_that_there_are() -> None:
    named = set(re.findall(r"--[a-z][a-z-]+", DOCS.read_text()))
    options = set(re.findall(r"--[a-z][a-z-]+", CliRunner().invoke(app, ["annotators", "--help"]).output))
    assert named <= options


@pytest.mark.slow
def test_the_commands_of_the_docs_run_as_written(shared: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text(LONG)
    (tmp_path / "summaryTable.csv").symlink_to(shared(CREMA_D).resolve())
    blocks = re.findall(r"(?:^    .*\n)+", DOCS.read_text(), re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", "").splitlines()]
    programs = {"emocap": [sys.executable, "-m", "emocap"], "python": [sys.executable]}
    commands = [shlex.split(line, comments=True) for line in lines if not line.startswith("curl ")]
    assert len(commands) == 6
    for program, *arguments in commands:
        done = subprocess.run(
            [*programs[program], *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("annotators.json"))) == 4
