"""Suites over several tasks on a page."""

from pathlib import Path
from typing import Any

from emocap.evaluation.results import to_line
from emocap.reports.leaderboard_builder import make_leaderboard
from emocap.reports.page import write_report
from emocap.reports.results import Result
from emocap.reports.sections.suites import summaries
from tests.support.leaderboard import row


def suite(model: str, value: float | None, **fields: Any) -> Result:
    published = [{"model": f"P{n}", "metrics": {"mean": 0.7 + n / 10}, "source": "a paper"} for n in (1, 2)]
    content: dict[str, Any] = {"task": None, "title": "Both", "parts": ["a", "b"], "published": published}
    return Result(row("both", model, metrics={"mean": {"value": value}}, **content, **fields), Path("results"))


def test_models_stand_in_the_order_of_the_leaderboard() -> None:
    rows = [Result(row(model=model), Path("results")) for model in ("runs/a", "runs/b")]
    rows += [suite("runs/b", 0.25), suite("runs/a", 0.5, wheel="mine", wheel_is_the_authors=False)]
    (found,) = summaries(rows, make_leaderboard(rows))
    assert [(mean.model, mean.value, mean.tags) for mean in found.means] == [
        ("a", 0.5, ["emotion wheels: mine"]),
        ("b", 0.25, []),
    ]
    assert (found.title, found.datasets, found.published) == ("Both", "two", "P1 0.800, P2 0.900 (a paper)")


def test_a_suite_is_in_no_table_and_without_a_mean_nowhere(tmp_path: Path) -> None:
    rows = [Result(row(model=model), Path("results")) for model in ("runs/a", "runs/b")]
    undefined = [*rows, suite("runs/a", None)]
    assert summaries(undefined, make_leaderboard(undefined)) == []
    defined = [*rows, suite("runs/a", 0.12345, counts_expected=False)]
    assert [group.benchmark for group in make_leaderboard(defined).groups] == ["raf-db"]
    (tmp_path / "results.jsonl").write_text("".join(to_line(result.row) for result in defined))
    html = write_report([tmp_path], tmp_path / "page.html").read_text()
    assert "Both, the mean of its two datasets: a <strong>0.123</strong> <small" in html
    assert "counts differ from the card" in html
