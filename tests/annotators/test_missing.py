import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocap.annotators.annotations import Reading
from emocap.annotators.missing import is_missing
from emocap.annotators.run import Sources, measure
from emocap.annotators.task import Method
from emocap.core.errors import UserError

RATINGS = (-3, -2, -1, 1, 2, 3)
HEADER = ["name", *(f"{perspective}_{who}" for who in (1, 2, 3) for perspective in ("Safe", "Lively"))]


def measured(tmp_path: Path, labels: Any, predictions: Any = None, **reading: Any) -> dict[str, Any]:
    """annotators.json of tables like STREET's, N × 6."""
    paths = {"labels": tmp_path / "labels.csv", "predictions": tmp_path / "predictions.csv"}
    for path, rows in zip(paths.values(), (labels, predictions), strict=True):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(
                [HEADER, *([f"{n}.jpg", *row] for n, row in enumerate([] if rows is None else rows))]
            )
    sources = Sources(paths["labels"], paths["predictions"] if predictions is not None else None)
    measure(sources, Method(reading=Reading(**reading)), tmp_path / "out", lambda task: None)
    content: dict[str, Any] = json.loads((tmp_path / "out" / "annotators.json").read_text())
    return content


def test_minus_one_is_a_rating_in_the_annotators_own_table(tmp_path: Path) -> None:
    rating = np.random.default_rng(0).choice(RATINGS, (250, 6))
    content = measured(tmp_path, rating)
    assert content["method"]["missing"] == []
    for place, task in enumerate(content["tasks"]):
        own = rating[:, place::2]
        assert task["labels"] == {str(value): int((own == value).sum()) for value in RATINGS}
        assert sum(task["labels"].values()) == 750
        assert task["notes"] == []


def test_minus_one_is_no_label_in_the_table_of_places(tmp_path: Path) -> None:
    place = np.random.default_rng(0).integers(-1, 6, (50, 6))
    content = measured(tmp_path, place)
    assert content["method"]["missing"] == ["-1"]
    for number, task in enumerate(content["tasks"]):
        own = place[:, number::2]
        assert task["labels"] == {str(value): int((own == value).sum()) for value in range(6)}
        assert {"count": int((own == -1).sum()), "text": "labels that are missing", "examples": []} in task["notes"]


def test_predictions_are_read_as_the_labels_are(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rating = random.choice(RATINGS, (40, 6))
    # A model that has collapsed to −1 and 1 says nothing of the scale; the labels do.
    content = measured(tmp_path, rating, random.choice((-1, 1), (40, 6)))
    assert content["tasks"][0]["annotators"][0]["accuracy"]["value"] < 0.5
    assert not any("prediction" in note["text"] for task in content["tasks"] for note in task["notes"])
    # Labels without a gap say nothing of −1, which the predictions have.
    content = measured(tmp_path, random.integers(0, 6, (40, 6)), random.integers(-1, 6, (40, 6)))
    assert content["method"]["missing"] == ["-1"]
    assert "-1" not in content["tasks"][0]["labels"]


@pytest.mark.parametrize(
    ("texts", "reading", "wanted"),
    [
        (["-3", "-1", "2"], {}, False),
        (["-2.0", "-1.0"], {}, False),
        (["0", "-1", "5"], {}, True),
        (["0", "5"], {}, False),
        (["calm", "-1", "sad"], {}, True),
        (["-1", ""], {}, True),
        (["-1", "0", "1"], {"labels": ["-1", "0", "1"]}, False),
        (["-1", "0", "1"], {"labels": ["0", "1"]}, True),
        (["-1", "0", "1"], {"missing": ["-1"]}, False),  # named already
    ],
)
def test_what_else_there_is_says_what_minus_one_is(texts: list[str], reading: dict[str, Any], wanted: bool) -> None:
    assert is_missing(texts, Reading(**reading)) is wanted


@pytest.mark.parametrize("texts", [["-1", "0", "1"], ["-1", "1", "2", "3"], ["-1", "1"], ["-1", "0"]])
def test_what_could_be_either_has_to_be_named(texts: list[str]) -> None:
    told = ", ".join(sorted(set(texts) - {"-1"}))
    with pytest.raises(UserError, match=re.escape(f"the other ratings ({told}) do not say which")):
        is_missing(texts, Reading())
