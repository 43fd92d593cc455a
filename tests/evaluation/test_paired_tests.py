from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emocap.evaluation.paired_tests import compare
from emocap.evaluation.results import ResultRow, read_results, store
from emocap.metrics.intervals import mcnemar, uar_difference

LABELS = ["calm", "happy", "sad"]
RANDOM = np.random.default_rng(0)
TRUE = RANDOM.integers(0, 3, 200)
GOOD = np.where(RANDOM.random(200) < 0.7, TRUE, (TRUE + 1) % 3)
POOR = np.where(RANDOM.random(200) < 0.4, TRUE, (TRUE + 1) % 3)


def row(out: Path, model: str, told: np.ndarray, order: np.ndarray | None = None, **parts: Any) -> ResultRow:
    """A row with its predictions, whose lines stand in some order."""
    order = np.arange(len(told)) if order is None else order
    columns = {
        "name": [f"{place:04d}" for place in order],
        "true": [LABELS[number] for number in TRUE[order]],
        "predicted": [LABELS[number] if number < 3 else None for number in told[order]],
    }
    content: dict[str, Any] = {
        "benchmark": "toy",
        "title": "Toy",
        "protocol": "zeroshot",
        "task": "emotion",
        "labels": LABELS,
    }
    content |= {"media": "pictures", "counts": {}, "metrics": {}, "data": "", "versions": {}, "seconds": 0.0}
    content |= {"model": model, "data_sha256": "0", "predictions": f"{model}.parquet", **parts}
    pq.write_table(pa.table(columns), out / str(content["predictions"]))
    return ResultRow.model_validate(content)


def paired(out: Path, rows: list[ResultRow]) -> dict[str, dict[str, float]]:
    """Model → other model → p."""
    store(out / "results.jsonl", rows)
    compare(out)
    return {
        row.model: {other: test.p for other, test in row.paired.items()} for row in read_results(out / "results.jsonl")
    }


def test_emotions_are_compared_by_uar_and_by_name(tmp_path: Path) -> None:
    rows = [row(tmp_path, "good", GOOD), row(tmp_path, "poor", POOR, RANDOM.permutation(200))]
    told = paired(tmp_path, rows)
    assert told == {"good": {"poor": 0.002}, "poor": {"good": 0.002}}
    near = [row(tmp_path, "good", GOOD), row(tmp_path, "same", np.where(np.arange(200) < 1, (GOOD + 1) % 3, GOOD))]
    expected = uar_difference(TRUE, GOOD, np.where(np.arange(200) < 1, (GOOD + 1) % 3, GOOD), 3).p
    assert paired(tmp_path, near)["same"] == {"good": pytest.approx(expected), "poor": 0.002}
    moved = row(tmp_path, "same", GOOD, data_sha256="1")
    assert paired(tmp_path, [moved]) == {"good": {"poor": 0.002}, "poor": {"good": 0.002}, "same": {}}


def test_answers_that_are_no_class_are_wrong(tmp_path: Path) -> None:
    silent = np.where(GOOD == TRUE, GOOD, 3)
    told = paired(tmp_path, [row(tmp_path, "good", GOOD), row(tmp_path, "silent", silent)])
    assert told["good"] == {"silent": 1.0}  # wrong is wrong, whether it names another class or none
    mute = np.where(np.arange(200) < 120, 3, GOOD)
    told = paired(tmp_path, [row(tmp_path, "good", GOOD), row(tmp_path, "mute", mute)])
    assert told["good"]["mute"] == uar_difference(TRUE, GOOD, mute, 3).p < 0.05


def test_questions_are_compared_by_mcnemar(tmp_path: Path) -> None:
    rows = [row(tmp_path, name, told, task="multiple_choice") for name, told in (("good", GOOD), ("poor", POOR))]
    assert paired(tmp_path, rows)["good"] == {"poor": pytest.approx(mcnemar(GOOD == TRUE, POOR == TRUE))}


@pytest.mark.parametrize(
    "parts", [{"data_sha256": "1"}, {"fold": 1}, {"protocol": "probe"}, {"benchmark": "other"}, {"task": "rating"}]
)
def test_what_is_not_the_same_is_not_compared(tmp_path: Path, parts: dict[str, Any]) -> None:
    assert paired(tmp_path, [row(tmp_path, "good", GOOD), row(tmp_path, "poor", POOR, **parts)]) == {
        "good": {},
        "poor": {},
    }


def test_predictions_of_other_examples_are_not_compared(tmp_path: Path) -> None:
    rows = [row(tmp_path, "good", GOOD), row(tmp_path, "poor", POOR, np.arange(150))]
    assert paired(tmp_path, rows)["good"] == {}
