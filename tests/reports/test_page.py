import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.results import to_line
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.reports.page import Highlight, write_report
from tests.support.leaderboard import changed, row


class Balance(HTMLParser):
    """Tags that are opened and closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "img", "br", "link", "input", "path", "use", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("path", "use", "rect"):
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def check(html: str) -> None:
    parser = Balance()
    parser.feed(html)
    assert parser.wrong == []
    assert parser.open == []


@pytest.fixture
def everything(drawn_build: Path, tiny_recipe: ClipRecipe, tmp_path: Path) -> list[Path]:
    train(tiny_recipe, tmp_path / "run")
    cards = {name: load(Card, "benchmarks", name) for name in ("synthetic-emotions", "synthetic-action-units")}
    evaluate(cards, str(tmp_path / "run"), ["zeroshot", "probe"], drawn_build, tmp_path / "results")
    return [drawn_build, tmp_path / "run", tmp_path / "results"]


def test_a_page_shows_builds_runs_and_results(everything: list[Path], tmp_path: Path) -> None:
    highlights = [Highlight("0.83", "UAR <of all>", "chance 0.14")]
    page = write_report(everything, tmp_path / "page.html", title="All & everything", highlights=highlights)
    html = page.read_text()
    check(html)
    assert "<h1>All &amp; everything</h1>" in html
    assert "UAR &lt;of all&gt;" in html
    assert html.count('<article class="card face"') == 120
    assert html.count("<svg") >= 8
    assert "Contrast of regions and local sentences" in html
    assert html.count('<table class="confusion">') == 2
    assert "Synthetic faces, 7 emotions, zero-shot: UAR" in html
    assert "Synthetic faces, action units, linear probe: macro F1" in html
    assert "chance 0.143" in html


def test_it_needs_nothing_from_elsewhere(everything: list[Path], tmp_path: Path) -> None:
    html = write_report(everything, tmp_path / "page.html").read_text()
    outside = re.findall(r"""(?:src|href)=["'](?!data:|#)([^"']+)|url\((?!#|data:)([^)]+)\)|@import""", html)
    assert outside == []


def test_a_page_without_builds_has_no_script(everything: list[Path], tmp_path: Path) -> None:
    html = write_report(everything[1:], tmp_path / "page.html").read_text()
    check(html)
    assert "<script" not in html
    assert "Faces with their captions" not in html


def test_one_model_on_two_benchmarks_is_shown_at_once(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    rows = [
        row("a", protocol="probe", confusion=[[1, 2], [3, 4]], prompts={"x": ["<b>"]}),
        row("b<i>", model="<m> & n"),
    ]
    (results / "results.jsonl").write_text("".join(to_line(changed(one, model="<m> & n")) for one in rows))
    html = write_report([results], tmp_path / "page.html").read_text()
    check(html)
    assert "<script" not in html
    assert html.count('<details class="bench"') == len(re.findall(r'<details class="bench"[^>]* open>', html)) == 2
    assert html.count('<table class="confusion">') == 1
    assert "A, linear probe: UAR" in html
    assert "chance 0.500" in html
    assert "&lt;m&gt; &amp; n" in html
    assert not re.search("<m>|<i>|<b>", html)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is none of these: a finished build, a training run, results"):
        write_report([tmp_path], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
