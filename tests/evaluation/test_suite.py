import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner

from emocap.cli.main import app
from emocap.core.errors import UserError
from emocap.evaluation.suite import choose, parted
from tests.support.measuring import measure
from tests.support.rows import flat_rows

RATES = {"train": {"calm": 4, "happy": 4}, "test": {"calm": 3, "happy": 2}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of two benchmarks, ``good`` and ``short``, and cards of these, and of two that have none here."""
    root = tmp_path_factory.mktemp("place")
    random = np.random.default_rng(0)
    for name in ("good", "short"):
        for split, counts in RATES.items():
            for label, number in counts.items():
                folder = root / "data" / name / split / label
                folder.mkdir(parents=True)
                for person in range(number):
                    pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{split}{person}_1.png")
    next((root / "data/short/test/calm").iterdir()).unlink()
    (root / "cards").mkdir()
    for name in ("good", "short", "absent"):
        card = {
            "title": name,
            "task": "emotion",
            "folder": name,
            "layout": {
                "reader": "paths",
                "pattern": r"^(?P<split>train|test)/(?P<label>[a-z]+)/(?P<subject>\w+)_\d",
                "splits": {"train": "train", "test": "test"},
            },
            "classes": {"calm": ["calm"], "happy": ["happy"]},
            "prompts": ["A {c} face."],
            "counts": RATES,
        }
        (root / "cards" / f"{name}.yaml").write_text(yaml.safe_dump(card))
    retrieval = {"title": "build", "task": "retrieval", "layout": {"reader": "build"}}
    (root / "cards" / "texts.yaml").write_text(yaml.safe_dump(retrieval))
    return root


def test_one_failing_card_does_not_lose_the_others(untaught: str, place: Path, tmp_path: Path) -> None:
    pattern = f"{place}/cards/*.yaml"
    done = CliRunner().invoke(
        app,
        ["eval", pattern, "--model", untaught, "--data", str(place / "data"), "--out", str(tmp_path), "cache=false"],
    )
    assert isinstance(done.exception, UserError)
    assert str(done.exception).startswith("short: test has 2 calm (card: 3)")
    assert "absent: skipped" in done.output
    assert "texts: skipped" in done.output
    assert [row["benchmark"] for row in flat_rows(tmp_path)] == ["good"]
    assert (tmp_path / "report.html").exists()


def test_wrong_counts_are_measured_where_that_is_asked_for(untaught: str, place: Path, tmp_path: Path) -> None:
    chosen = choose([f"{place}/cards/short.yaml", f"{place}/cards/good.yaml"])
    assert measure(chosen, [untaught], ["zeroshot"], place / "data", tmp_path, allow_counts=True) == []
    expected = {row["benchmark"]: row["counts_expected"] for row in flat_rows(tmp_path)}
    assert expected == {"short": False, "good": True}


def test_cards_and_what_changes_them_are_told_apart(place: Path) -> None:
    card = f"{place}/cards/good.yaml"
    arguments = ["raf-db", "layout.last=1", card, "folder=else/x.yaml", "classes.a={words: [b=c]}", "a=b/c.yaml"]
    assert parted(arguments) == (["raf-db", card], [arguments[1], *arguments[3:]])
    assert parted(["'*'"]) == (["'*'"], [])


def test_a_card_is_changed_by_keys_and_the_row_says_so(untaught: str, place: Path, tmp_path: Path) -> None:
    command = ["eval", f"{place}/cards/absent.yaml", "folder=good", "prompts=['{c}']", "--model", untaught]
    command += ["--data", str(place / "data"), "--out", str(tmp_path), "cache=false"]
    done = CliRunner().invoke(app, command)
    assert done.exception is None
    (row,) = flat_rows(tmp_path)
    assert (row["benchmark"], row["overrides"]) == ("absent", ["folder=good", "prompts=['{c}']"])
    assert row["prompts"] == {"calm": ["calm"], "happy": ["happy"]}
    assert "with folder=good, prompts=['{c}']: " in done.output
    assert "changed in the card: folder=good" in (tmp_path / "report.html").read_text()
    done = CliRunner().invoke(app, [*command[:2], "folder=good", "layout.patern=x", *command[4:]])
    assert isinstance(done.exception, UserError)
    assert "did you mean pattern" in str(done.exception) or "pattern" in str(done.exception)


def test_what_is_named_must_be_there(untaught: str, place: Path, tmp_path: Path) -> None:
    chosen = choose([f"{place}/cards/absent.yaml", f"{place}/cards/good.yaml"])
    failures = measure(chosen, [untaught], ["zeroshot"], place / "data", tmp_path)
    assert len(failures) == 1
    assert failures[0].startswith("absent: ")
    (failure,) = measure(choose([f"{place}/cards/good.yaml"]), [untaught], ["retrieval"], place / "data", tmp_path)
    assert "good is measured by zeroshot" in failure
    with pytest.raises(UserError, match="no card is named"):
        choose([], ["layout.last=1"])
    with pytest.raises(UserError, match="fits no file and no built-in card"):
        choose(["nothing-*"])
    with pytest.raises(UserError, match="none of these cards has its data"):
        measure(choose([f"{place}/cards/abs*.yaml"]), [untaught], None, place / "data", tmp_path)


def test_a_model_that_is_not_there_does_not_lose_the_others(untaught: str, place: Path, tmp_path: Path) -> None:
    chosen = choose([f"{place}/cards/good.yaml"])
    (failure,) = measure(chosen, ["nowhere", untaught], None, place / "data", tmp_path, shots=[1], seeds=2)
    assert "nowhere is neither a run" in failure
    rows = flat_rows(tmp_path)
    assert {row["protocol"] for row in rows} == {"zeroshot", "probe", "fewshot"}
    assert {row["model"] for row in rows} == {untaught}


def test_a_second_eval_does_no_forward_pass(
    untaught: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emocap.encoders import features

    looked: list[int] = []
    encode = features._encode

    def counting(encoder: Any, images: torch.Tensor, example: Any) -> torch.Tensor:
        looked.append(len(images))
        return encode(encoder, images, example)

    monkeypatch.setattr(features, "_encode", counting)
    arguments = ["eval", f"{place}/cards/good.yaml", "--model", untaught, "--protocol", "all", "seeds=2"]
    arguments += ["shots=[1]", "--data", str(place / "data"), f"cache={tmp_path / 'cache'}", "--out"]
    for out in ("one", "two"):
        done = CliRunner().invoke(app, [*arguments, str(tmp_path / out)])
        assert done.exception is None
        assert sum(looked) == 13
    one, two = (flat_rows(tmp_path / out) for out in ("one", "two"))
    assert [row["metrics"] for row in one] == [row["metrics"] for row in two]


def test_patterns_fit_built_in_cards() -> None:
    found = choose(["synthetic-*", "synthetic-emotions"])
    assert {one.name for one in found} >= {"synthetic-emotions", "synthetic-action-units", "synthetic-retrieval"}
    assert [one.named for one in found if one.name == "synthetic-emotions"] == [True]


def test_benchmarks_are_listed_with_their_data(labelled_build: Path) -> None:
    for arguments in (["benchmarks"], ["benchmarks", "list"]):
        told = CliRunner().invoke(app, arguments, env={"EMOCAP_DATA": str(labelled_build)}).output
        (line,) = [line for line in told.splitlines() if line.startswith("synthetic-emotions ")]
        assert "7 emotions" in line
        assert "found" in line
        assert "made by emocap" in line


def test_the_check_of_the_command_line(place: Path, tmp_path: Path) -> None:
    arguments = ["benchmarks", "check", f"{place}/cards/*.yaml", "--data", str(place / "data")]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "check.json")])
    assert str(done.exception) == "the data of short is not what it should be; see above"
    assert "WRONG counts: test has 2 calm (card: 3)" in done.output
    written = {one["benchmark"]: one for one in json.loads((tmp_path / "check.json").read_text())}
    assert written["short"]["wrong"]
    assert not written["good"]["wrong"]
    assert written["good"]["counts"] == RATES
