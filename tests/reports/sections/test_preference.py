import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from emocap.core.errors import UserError
from emocap.preference.comparison_data import gather
from emocap.preference.pairs import Answer, Pair, Verdict
from emocap.preference.run import rank_by_judge, rank_by_people
from emocap.reports.page import write_report
from tests.reports.test_page import check
from tests.support.asked import asked


class Fond:
    """A judge that prefers the longer description, and the first of two that are as long."""

    name = "the <longer> one"
    both_orders = True
    details: ClassVar[dict[str, Any]] = {
        "openai:fond": {"temperature": 0, "usage": {"prompt_tokens": 9000, "cost": 0.5}}
    }

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [Verdict(_longer(pair), f"{_longer(pair)}, as it is <b>longer</b>") for pair in pairs]


def _longer(pair: Pair) -> Answer:
    return "a1" if len(pair.a1) >= len(pair.a2) else "a2"


def write_people(path: Path, pairs: list[Pair]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "a1", "a2", "model1", "model2", "preference"])
        for place, pair in enumerate(pairs):
            answer = ("a1", "a2", "same")[place % 3]
            table.writerow([pair.name, pair.a1, pair.a2, pair.model1, pair.model2, answer])
    return path


@pytest.fixture(scope="session")
def rankings(labelled_build: Path, asked_build: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three builds ranked by a judge; the same judge held against people; people alone, of two that never met."""
    folder = tmp_path_factory.mktemp("rankings")
    third = asked(folder / "a-model-with-quite-a-long-name-7b-instruct", "a-model-with-quite-a-long-name-7b-instruct")
    data = gather([labelled_build, asked_build, third])
    rank_by_judge(data, Fond(), folder / "builds")
    names = list(data.shared("openai:qwen", "annotations"))[:40]
    pairs = [data.pair(name, "openai:qwen", "annotations") for name in names]
    table = write_people(folder / "people.csv", pairs)
    rank_by_judge(gather([labelled_build, asked_build, table]), Fond(), folder / "held")
    apart = [Pair("x", "One.", "Two.", "a", "b"), Pair("y", "Three.", "Four.", "c", "d")]
    rank_by_people(gather([write_people(folder / "apart.csv", apart)]), "people:apart.csv", folder / "apart")
    return [folder / "builds", folder / "held", folder / "apart"]


def test_a_page_of_rankings(rankings: list[Path], tmp_path: Path) -> None:
    html = write_report(rankings, tmp_path / "page.html").read_text()
    check(html)
    assert html.count("Ranking of captioners: ") == 3
    assert "the &lt;longer&gt; one" in html
    assert "as it is &lt;b&gt;longer&lt;/b&gt;" in html
    assert not re.search("<longer>|<b>longer", html)
    assert len(re.findall(r'<td class="chart"><svg', html)) == 3 + 2 + 4
    assert html.count('<img src="data:image/jpeg') == 9
    assert "288 of 288" in html
    assert "never compared with each other" in html
    assert "are regularised by 0.1" in html
    assert "WAF, two-class, halves" in html
    assert "swap consistency" in html
    assert "people: a2" in html
    assert "<script" not in html


def test_one_ranking_has_no_name_and_needs_no_builds(rankings: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    told = json.loads((rankings[0] / "ranking.json").read_text())
    (copy / "ranking.json").write_text(json.dumps(told | {"sources": {"openai:qwen": "gone"}}))
    html = write_report([copy], tmp_path / "page.html").read_text()
    check(html)
    assert "<h2>Ranking of captioners</h2>" in html
    assert "<img" not in html


def test_shares_of_wins_are_those_of_the_ranking(rankings: list[Path], tmp_path: Path) -> None:
    html = write_report([rankings[0]], tmp_path / "page.html").read_text()
    told = json.loads((rankings[0] / "ranking.json").read_text())["ranking"]
    names = [one["name"] for one in told["entries"]]
    won, lost = told["wins"][0][1], told["wins"][1][0]
    title = f"{names[0]} was preferred to {names[1]} {won:g} times of {won + lost:g}"
    assert re.search(rf'title="{re.escape(title)}"[^>]*>{won / (won + lost):.0%}<', html)


def test_a_damaged_ranking_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ranking.json").write_text('{"by": "x"}')
    with pytest.raises(UserError, match=r"ranking.json is damaged \(KeyError: 'ranking'\)"):
        write_report([tmp_path], tmp_path / "page.html")
