"""Rows of outcomes, and their means over folds."""

import numpy as np
import pytest

from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Fold
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.rows import of_outcome, over_folds
from emocap.io.media import Picture
from emocap.metrics.intervals import Weighted, of_mean
from tests.support.leaderboard import changed, row


def test_what_an_outcome_says_finds_its_field(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("pictures") / "a.jpg"
    examples = [Example(str(number), Picture(place), label="x", subject=f"s{number // 2}") for number in range(3)]
    none = np.array([], dtype=np.int64)
    told = {"labels": ["x"], "unparsable": 1, "match": "option", "novel": (1.0, float("nan"))}
    statistics = {"third": Weighted(lambda weight_RN: weight_RN @ np.array([1.0, 0.0, 0.0]) / weight_RN.sum(1))}
    outcome = Outcome(np.arange(3), statistics, ["x"] * 3, ["x"] * 3, [None] * 3, told)
    common = row().model_dump(include={"benchmark", "title", "task", "protocol", "model", "media", "data"})
    common |= {"data_sha256": "0", "versions": {}, "questions": 3, "predictions_file": "p.json"}
    made = of_outcome(common, examples, [Fold(none, none, np.arange(3))], outcome)
    assert made.metrics["third"].value == 1 / 3  # in full
    assert (made.labels, made.responses.questions, made.responses.unparsable, made.responses.match) == (
        *(["x"], 3, 1, "option"),
    )
    assert made.details == {"predictions_file": "p.json", "novel": [1.0, None]}
    assert (made.counts, made.test_subjects) == ({"train": {}, "val": {}, "test": {"x": 3}}, 2)


def test_the_mean_over_folds_is_of_full_numbers() -> None:
    values = [0.12344, 0.12344, 0.12349]
    folds = [
        row(fold=fold, value=value, confusion=[[1, 0], [0, fold]], regularisation_c=0.1, seeds=5, questions=fold)
        for fold, value in enumerate(values, start=1)
    ]
    (mean,) = over_folds(folds)
    low, high = of_mean(np.array(values))
    metric = mean.metrics["uar"]
    assert (metric.value, metric.low, metric.high) == (float(np.mean(values)), low, high)
    assert metric.sd == np.std(values, ddof=1)
    assert (mean.fold, mean.confusion, mean.responses.questions) == ("mean", [[3, 0], [0, 6]], 6)
    assert (mean.details, mean.counts, mean.seconds) == ({"seeds": 5}, {"test": {"x": 9, "y": 12}}, 4.5)


def test_a_fold_in_which_a_metric_is_undefined_does_not_count() -> None:
    folds = [row(fold=fold, value=value) for fold, value in enumerate((0.2, None, 0.4), start=1)]
    (mean,) = over_folds(folds)
    assert mean.metrics["uar"].value == pytest.approx(0.3)
    (mean,) = over_folds(folds[:2])
    assert mean.metrics["uar"].value is None


def test_shots_have_means_of_their_own_and_wider_matrices_add_up() -> None:
    folds = [row(fold=fold, shots=shots, confusion=[[1, 0], [0, 1]]) for shots in (1, 4) for fold in (1, 2)]
    folds[0] = changed(folds[0], confusion=[[0, 0, 1], [0, 1, 0]])
    means = over_folds(folds)
    assert [(mean.shots, mean.confusion) for mean in means] == [(1, [[1, 0, 1], [0, 2, 0]]), (4, [[2, 0], [0, 2]])]
