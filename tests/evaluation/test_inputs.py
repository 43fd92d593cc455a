import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from emocap.cli.main import app
from emocap.core.errors import UserError
from emocap.evaluation.inputs import gather, used
from emocap.evaluation.registry import load_card
from emocap.evaluation.suite import choose
from emocap.reports.page import write_report
from tests.support.measuring import measure
from tests.support.rows import flat_rows

DEAD_LINKS = "cases/eval/emotionet-dead-links"
COUNTS = {"train": {"calm": 4, "happy": 4}, "test": {"calm": 3, "happy": 3}}


@pytest.fixture
def card(tmp_path: Path) -> str:
    """A card, and its data below ``data``: pictures in a list of two official folds, which change sides."""
    random = np.random.default_rng(0)
    lists: dict[str, list[str]] = {"train": [], "test": []}
    for split, counts in COUNTS.items():
        for label, number in counts.items():
            for place in range(number):
                folder = tmp_path / "data" / "clips" / f"{split}-{label}-{place}"
                folder.mkdir(parents=True)
                for frame in range(2):
                    pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{frame}.png")
                lists[split].append(f"{folder.name},{label}")
    for fold in (1, 2):
        for split, rows in lists.items():
            (tmp_path / "data" / f"{split}{fold}.csv").write_text("\n".join(rows))
    layout = {"reader": "lists", "train": "train{fold}.csv", "test": "test{fold}.csv", "folds": 2}
    content: dict[str, Any] = {
        "title": "Clips",
        "task": "emotion",
        "layout": {**layout, "separator": "comma", "media": ["clips/{clip}"]},
        "classes": {"calm": ["calm"], "happy": ["happy"]},
        "prompts": ["A {c} face."],
        "counts": COUNTS,
    }
    path = tmp_path / "clips.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def measured(card: str, model: str, out: Path, protocols: list[str], **options: Any) -> list[str]:
    return measure(choose([card]), [model], protocols, Path(card).parent / "data", out, **options)


def test_what_is_missing_is_left_out_and_counted(card: str, untaught: str, tmp_path: Path) -> None:
    clips = tmp_path / "data" / "clips"
    shutil.rmtree(clips / "test-calm-0")
    (clips / "test-happy-1" / "0.png").unlink()
    (clips / "test-happy-1" / "1.png").unlink()
    (clips / "test-happy-2" / "1.png").write_bytes(b"<html>404</html>")
    shutil.rmtree(clips / "train-calm-3")
    (failed,) = measured(card, untaught, tmp_path / "out", ["zeroshot", "probe"])
    assert failed.startswith("clips: 3 of 14 examples have nothing to look at, such as clips/train-calm-3")
    assert "allow_missing leaves such examples out" in failed
    assert measured(card, untaught, tmp_path / "out", ["zeroshot", "probe"], allow_missing=True) == []
    rows = flat_rows(tmp_path / "out")
    assert [row["fold"] for row in rows] == [1, 2, "mean"] * 2
    test = {"missing_file": 2, "not_an_image": 1}
    for row in rows:
        mean = row["fold"] == "mean"
        once = {"train": {"missing_file": 1}, "test": test}
        assert row["missing"] == ({"test": {"missing_file": 4, "not_an_image": 2}} if mean else once)
        assert row["counts"]["test"] == ({"calm": 4, "happy": 2} if mean else {"calm": 2, "happy": 1})
        assert row["counts_expected"] is (False if row["fold"] == 1 else None)
    page = write_report([tmp_path / "out"], tmp_path / "page.html").read_text()
    assert "left out: 6 of 12 test examples (4 missing file, 2 not an image)" in page


def test_nothing_is_left_out_of_what_is_there(card: str, untaught: str, tmp_path: Path) -> None:
    for name, options in (("plain", {}), ("switch", {"allow_missing": True})):
        assert measured(card, untaught, tmp_path / name, ["zeroshot"], **options) == []
    plain, switch = ([{**row, "seconds": 0} for row in flat_rows(tmp_path / name)] for name in ("plain", "switch"))
    assert plain == switch
    assert {json.dumps(row["missing"]) for row in plain} == {"{}"}


def test_a_class_that_is_left_without_a_test_is_refused_unless_counts_may_differ(
    card: str, untaught: str, tmp_path: Path
) -> None:
    for place in range(3):
        shutil.rmtree(tmp_path / "data" / "clips" / f"test-calm-{place}")
    (failed,) = measured(card, untaught, tmp_path / "out", ["zeroshot"], allow_missing=True)
    assert failed.startswith("clips: no test examples of calm")
    options = {"allow_missing": True, "allow_counts": True}
    assert measured(card, untaught, tmp_path / "out", ["zeroshot"], **options) == []
    assert flat_rows(tmp_path / "out")[0]["absent_classes"] == ["calm"]
    shutil.rmtree(tmp_path / "data" / "clips")
    (failed,) = measured(card, untaught, tmp_path / "out", ["zeroshot"], **options)
    assert failed.startswith("clips: nothing is left to be tested: 14 of 14 examples")


def test_only_what_is_looked_at_is_decoded(card: str, tmp_path: Path) -> None:
    for name in ("train-calm-0", "test-calm-0"):
        for frame in range(2):
            (tmp_path / "data" / "clips" / name / f"{frame}.png").write_bytes(b"no picture")
    for taught, names in ((False, ["test-calm-0"]), (True, ["train-calm-0", "test-calm-0"])):
        found = gather(
            "clips",
            load_card(card),
            tmp_path / "data",
            exact=True,
            allow_missing=True,
            looked_at=lambda examples, folds, taught=taught: used(examples, folds, taught),  # type: ignore[misc]
        )
        assert [(example.name, reason) for example, reason in found.left_out] == [
            (f"clips/{name}", "not_an_image") for name in names
        ]
        assert len(found.examples) == len(found.contents) == 14 - len(names)


def test_people_take_turns_without_those_who_are_left_out(tmp_path: Path) -> None:
    content = {
        **{"title": "People", "task": "emotion", "split": {"by": "subjects"}},
        "classes": {"calm": ["calm"], "happy": ["happy"]},
        "layout": {"reader": "paths", "pattern": r"^(?P<subject>\w)/(?P<label>calm)"},
    }
    (tmp_path / "people.yaml").write_text(yaml.safe_dump(content))
    for person in "abc":
        (tmp_path / "data" / person).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "data" / person / "calm.png")
    (tmp_path / "data" / "b" / "calm.png").write_bytes(b"")
    card = load_card(str(tmp_path / "people.yaml"))
    options: dict[str, Any] = {"exact": False, "looked_at": lambda examples, folds: used(examples, folds, False)}
    found = gather("people", card, tmp_path / "data", allow_missing=True, **options)
    assert [example.subject for example in found.examples] == ["a", "c"]
    assert len(found.folds[0]) == 2
    assert found.missing(0) == {"test": {"empty_file": 1}}
    (tmp_path / "data" / "b" / "calm.png").unlink()
    (tmp_path / "data" / "b" / "calm.png").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"1 of 3 examples have nothing to look at, such as b/calm\.png: missing_file"):
        gather("people", card, tmp_path / "data", allow_missing=False, **options)


def test_dead_links_of_emotionet_are_said(shared: Callable[[str], Path], untaught: str, tmp_path: Path) -> None:
    arguments = ["eval", "emotionet", "--model", untaught, "--protocol", "zeroshot", "--allow-counts", "cache=false"]
    arguments += ["--data", str(shared(DEAD_LINKS)), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, UserError)
    assert "6 of 60 examples have nothing to look at" in str(done.exception)
    done = CliRunner().invoke(app, [*arguments, "--allow-missing"])
    assert done.exception is None
    (row,) = flat_rows(tmp_path)
    left_out = sum(number for reasons in row["missing"].values() for number in reasons.values())
    assert (sum(map(len, row["missing"].values())), left_out) == (len(row["missing"]), 6)
    assert sum(number for counts in row["counts"].values() for number in counts.values()) == 54
    assert row["metrics"]["f1"]["value"] is not None
    told = [
        f"{sum(reasons.values())} of {sum(reasons.values()) + sum(row['counts'][split].values())} {split} left out"
        for split, reasons in row["missing"].items()
    ]
    assert "; ".join(told) in done.output
    assert "examples (6 missing file)" in (tmp_path / "report.html").read_text()
