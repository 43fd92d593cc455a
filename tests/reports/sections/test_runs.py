import json
import re
from pathlib import Path
from typing import Any

from emocap.reports.page import write_report
from emocap.reports.sections.runs import Run, curves


def run(name: str, *rows: dict[str, Any]) -> Run:
    return Run(name, list(rows))


def points(svg: str) -> list[int]:
    """How many points each line of a chart has."""
    lines = re.findall(r'<path d="([^"]*)"[^>]*style="fill: none; stroke: #(?:b8432f|2f6f8f)', svg)
    return [len(re.findall("[ML]", line)) for line in lines]


def test_benchmarks_on_the_way_are_charts_and_come_first() -> None:
    shown = curves(
        [
            run("a", {"step": 10, "loss": 3.0}, {"step": 10, "eval": {"drawn/zeroshot/uar": 0.3}}),
            run("b", {"step": 10, "loss": 2.0, "mined_recall": 0.1}, {"step": 20, "loss": 1.0}),
        ]
    )
    assert [name for name, _ in shown.outcome] == [
        "drawn · zeroshot · uar",
        "Loss, the weighted sum",
        "Pairs of the same label: share that is mined",
    ]
    assert shown.course == []
    assert points(shown.outcome[1][1]) == [1, 2]


def test_what_a_run_did_not_log_has_no_chart() -> None:
    shown = curves([run("a", {"step": 1, "loss": 1.0, "gradient_norm": 3.0, "samples_per_second": 9.0, "other": 1.0})])
    assert [name for name, _ in shown.outcome] == ["Loss, the weighted sum"]
    assert [name for name, _ in shown.course] == ["Norm of the gradient, before it is clipped", "Samples per second"]


def test_long_runs_are_averaged_into_few_points() -> None:
    rows = [{"step": step, "loss": float(step % 2)} for step in range(1, 5001)]
    (count,) = points(curves([run("a", *rows)]).outcome[0][1])
    assert 100 < count < 250


def test_every_run_has_a_line_of_its_own() -> None:
    lines = curves([run(f"{n}", {"step": 1, "loss": 1.0}) for n in range(14)]).lines
    assert [name for name, _, _ in lines] == [str(n) for n in range(14)]
    assert len({(colour, dash) for _, colour, dash in lines}) == 14


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for place in ("x", "y"):
        (tmp_path / place / "run").mkdir(parents=True)
        (tmp_path / place / "run" / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": 1.0}) + "\n")
    html = write_report([tmp_path / "x" / "run", tmp_path / "y" / "run"], tmp_path / "page.html").read_text()
    assert re.findall(r"<li><i[^>]*></i>(.*?)</li>", html) == ["x/run", "y/run"]
