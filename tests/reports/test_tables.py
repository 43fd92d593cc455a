import re
from pathlib import Path

import pytest

from emocap.core.errors import UserError
from emocap.evaluation.results import to_line
from emocap.reports.page import write_report
from emocap.reports.tables import latex, markdown, write_table
from tests.support.leaderboard import leaderboard, row

PUBLISHED = [
    {"model": "P|1_*", "protocol": "zeroshot", "metrics": {"uar": 0.7}, "source": "50% & #1_a", "error": 0.003}
]


def test_markdown() -> None:
    rows = [
        row(model="runs/a_b", published=PUBLISHED),
        row(model="runs/<c>|d", value=0.628),
        row("other_1", value=0.41),
    ]
    assert markdown(leaderboard(*rows)).splitlines() == [
        "### Emotion, static, zero-shot",
        "",
        "| model | RAF-DB (UAR) | OTHER\\_1 (UAR) |",
        "|---|--:|--:|",
        "| a\\_b | 50.0 | – |",
        "| &lt;c&gt;\\|d | **62.8** | – |",
        "| a | – | **41.0** |",
        "| P\\|1\\_\\* † | ≈70.0 †1 | – |",
        "",
        "Numbers are × 100; bold: the best measured here.  ",
        "≈ Read from a figure.  ",
        "† Published, not measured here.  ",
        "†1: 50% &amp; \\#1\\_a  ",
    ]


def test_what_was_left_out_is_noted() -> None:
    text = markdown(leaderboard(row(missing={"train": {"missing_file": 9}, "test": {"missing_file": 2}})))
    wanted = "RAF-DB 9 of 9 train examples (9 missing file); 2 of 9 test examples (2 missing file)"
    assert f"Left out, as they are missing or cannot be read: {wanted}." in text
    assert "Changed in the cards: RAF-DB layout.x=1." in markdown(leaderboard(row(overrides=["layout.x=1"])))
    assert "left out" not in markdown(leaderboard(row())).lower()


def test_latex() -> None:
    rows = [row(title="RAF_DB & more", published=PUBLISHED), row(model="[100%]#{x}\\~^", value=0.628)]
    lines = latex(leaderboard(*rows)).splitlines()
    assert r"Model & RAF\_DB \& more \\" in lines
    assert r"a & 50.0 \\" in lines
    assert r"{[}100\%]\#\{x\}\textbackslash{}\textasciitilde{}\textasciicircum{} & \textbf{62.8} \\" in lines
    assert r"P\textbar{}1\_{*}$^{\dagger}$ & $\approx$70.0$^{\dagger 1}$ \\" in lines
    assert r"{\footnotesize $^{\dagger 1}$~50\% \& \#1\_a\par}" in lines
    assert [line for line in lines if "rule" in line] == [r"\toprule", r"\midrule", r"\midrule", r"\bottomrule"]


def test_latex_is_balanced() -> None:
    rows = [row(f"b{i}", f"m{j}{{", published=PUBLISHED) for i in range(12) for j in range(3)]
    text = re.sub(r"\\[\\{}$&#_%]", "", re.sub("(?m)^%.*", "", latex(leaderboard(*rows))))
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0
    assert re.findall(r"\\begin{(\w+)}", text) == ["table", "tabular"] * 2
    widths = [len(columns) for columns in re.findall(r"\\begin{tabular}{l(c+)}", text)]
    assert widths == [6, 6]
    assert {line.count("&") for line in text.splitlines() if "&" in line} == {6}


def test_intervals_are_written_where_they_are_wanted() -> None:
    made = leaderboard(row(value=-0.052))
    assert "[" not in markdown(made).split("RAF-DB")[1]
    assert r"| a | **−5.2** \[40.0, 60.0\] |" in markdown(made, intervals=True)
    assert r"a & \textbf{$-$5.2}\,{\scriptsize {[}40.0, 60.0]} \\" in latex(made, intervals=True)


def test_errors_are_not_multiplied_and_deviations_stand_beside() -> None:
    errors = row(task="rating", protocol="probe", metrics={"mae": {"value": 0.628}})
    assert "| a | **0.628** |" in markdown(leaderboard(errors))
    assert "MAE in units of the scale" in markdown(leaderboard(errors))
    spoofed = markdown(leaderboard(row(task="spoofing", metrics={"eer": {"value": 0.0184}})))
    assert "| a | **1.8** |" in spoofed
    assert "in units of the scale" not in spoofed
    few = row(protocol="fewshot", shots=16, metrics={"uar": {"value": 0.5, "sd": 0.021}})
    assert "| a | **50.0** ± 2.1 |" in markdown(leaderboard(few))
    assert "RAF-DB (UAR, 16 shots)" in markdown(leaderboard(few))


def test_differing_counts_are_marked() -> None:
    text = markdown(leaderboard(row(counts_expected=False), row("other")))
    assert "| a | **50.0** ⚠ | **50.0** |" in text
    assert "⚠ The counts of the data differ" in text
    assert "⚠" not in markdown(leaderboard(row("other")))


def test_tables_are_files_of_their_own_and_beside_the_page(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "results.jsonl").write_text(to_line(row()))
    write_report([results], tmp_path / "report.html")
    assert write_table([results], tmp_path / "paper.md").read_text() == (tmp_path / "results.md").read_text()
    assert (
        write_table([tmp_path, results], tmp_path / "paper.tex").read_text() == (tmp_path / "results.tex").read_text()
    )
    with pytest.raises(UserError, match=r"ends in \.md or \.tex"):
        write_table([results], tmp_path / "paper.csv")
    with pytest.raises(UserError, match=r"none of the folders has a results\.jsonl"):
        write_table([tmp_path], tmp_path / "paper.md")
