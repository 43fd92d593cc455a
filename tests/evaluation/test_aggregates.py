"""Suites, and MME-Emotion as one of them."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocap.benchmarks.drawing import write_fixture
from emocap.benchmarks.readers.mme_emotion import MMEEmotion
from emocap.evaluation.aggregates import SUITES, Suite, add_suites, aggregate, weighted_mean
from emocap.evaluation.results import FILE, MetricValue, ResultRow, read_results, store
from emocap.evaluation.suite import choose
from emocap.evaluation.suites.mme_emotion import NAME, PARTS
from emocap.reports.page import write_report
from tests.support.leaderboard import row
from tests.support.measuring import measure


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[float] | None]]:
    """Results of all eight tasks, from made-up scores, and these scores; None for what cannot be read."""
    root, chance, every = tmp_path_factory.mktemp("pooled"), random.Random(3), []
    chosen = choose(["mme-emotion-*"])
    (root / "told").mkdir()
    for one in chosen:
        folder = write_fixture(one.name, one.card, root)
        assert isinstance(one.card.layout, MMEEmotion)
        task = one.card.layout.task
        rows: list[dict[str, Any]] = []
        for asked in json.loads((folder / task / "question" / f"{task.replace('-', '_')}.json").read_text()):
            scores = [chance.randint(0, 1) for _ in range(chance.randint(1, 4))] if chance.random() < 0.8 else None
            told = ", ".join(f"Step {n}: {score}/1" for n, score in enumerate(scores or [], start=1))
            rows.append(
                {
                    "video_id": asked["video_id"],
                    "ground_truth": asked["label"],
                    "model_response": "An answer.",
                    "step": "<step>Step 1: It is None.</step>",
                    "score": f"<score>{told}</score>",
                }
            )
            every.append(None if scores is None else [float(score) for score in scores])
        (root / "told" / f"{one.name}.json").write_text(json.dumps(rows))
    spec = f"predictions:mine={root / 'told'}"
    assert measure(chosen, [spec], None, root, root / "out", allow_counts=True) == []
    return root, every


def test_every_clip_counts_as_much_as_any_other(measured: tuple[Path, list[list[float] | None]]) -> None:
    root, every = measured
    rows = {row.benchmark: row for row in read_results(root / "out" / "results.jsonl")}
    assert set(rows) == {*PARTS, NAME}
    pooled = rows[NAME]
    scored = [scores for scores in every if scores]
    assert 0 < len(scored) < len(every) == pooled.responses.questions
    assert (pooled.details["scored"], pooled.responses.unparsable) == (len(scored), len(every) - len(scored))
    rec, rea = sum(s[-1] for s in scored), sum(np.mean(s[:-1]) if s[1:] else 0 for s in scored)
    for official, count in (("", len(every)), ("_official", len(scored))):
        expected = {"rec_s": rec / count, "rea_s": rea / count, "cot_s": (rec + rea) / 2 / count}
        for name, value in expected.items():
            assert pooled.metrics[name + official].value == pytest.approx(value, abs=1e-12)


def test_its_interval_is_that_of_a_mean(measured: tuple[Path, list[list[float] | None]]) -> None:
    root, every = measured
    row = next(row for row in read_results(root / "out" / "results.jsonl") if row.benchmark == NAME)
    rec = np.array([scores[-1] if scores else 0.0 for scores in every])
    reach = 1.96 * rec.std() / np.sqrt(len(rec))
    metric = row.metrics["rec_s"]
    assert ((metric.high or 0.0) - (metric.low or 0.0)) / 2 == pytest.approx(reach, rel=0.2)


def test_the_page_shows_it_beside_the_published_best(measured: tuple[Path, list[list[float] | None]]) -> None:
    root, _ = measured
    page = write_report([root / "out"], root / "report.html").read_text()
    assert "MME-Emotion, all tasks pooled" in page
    assert "best of 20 models" in page
    assert "abstract of arXiv 2508.09210" in page


def test_seven_tasks_are_no_whole(measured: tuple[Path, list[list[float] | None]], tmp_path: Path) -> None:
    root, _ = measured
    measure(choose(PARTS[:7]), [f"predictions:{root / 'told'}"], None, root, tmp_path, allow_counts=True)
    assert {row.benchmark for row in read_results(tmp_path / "results.jsonl")} == set(PARTS[:7])


def test_the_mean_of_independent_metrics_has_an_interval() -> None:
    values = [MetricValue(value=0.2, low=0.1, high=0.3), MetricValue(value=0.8, low=0.4, high=1.0)]
    mean = weighted_mean(values, [3, 1])
    assert mean.value == pytest.approx((3 * 0.2 + 0.8) / 4)
    assert mean.low == pytest.approx(0.35 - np.hypot(3 * 0.1, 0.3) / 4)
    assert mean.high == pytest.approx(0.35 + np.hypot(3 * 0.1, 0.3) / 4)
    assert weighted_mean(values, [0, 0]) == MetricValue(value=None)
    undefined = MetricValue(value=None)
    assert weighted_mean([values[0], undefined], [1, 0]).value == pytest.approx(0.2)
    assert weighted_mean([values[0], undefined], [1, 1]) == undefined


def test_a_suite_of_another_distribution_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def combine(rows: Sequence[ResultRow]) -> ResultRow:
        mean = weighted_mean([row.metrics["uar"] for row in rows], [1.0, 1.0])
        return aggregate(rows, benchmark="both", title="Both", metrics={"uar": mean})

    monkeypatch.setattr(SUITES, "_items", {})
    SUITES.register(Suite("both", ("a", "b"), combine, protocol="zeroshot"))
    store(tmp_path / FILE, [row("a", value=0.2), row("b", value=0.4, counts_expected=True), row("a", "runs/b")])
    (combined,) = add_suites(tmp_path, "runs/a")
    assert add_suites(tmp_path, "runs/b") == []
    assert read_results(tmp_path / FILE)[-1] == combined
    assert combined.parts == ["a", "b"]
    assert combined.metrics["uar"].value == pytest.approx(0.3)
    assert (combined.counts, combined.counts_expected) == ({"test": {"A": 7, "B": 7}}, None)
