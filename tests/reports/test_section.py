"""Sections of other distributions, and the order of all."""

from pathlib import Path

import pytest

from emocap.core.errors import UserError
from emocap.evaluation.results import to_line
from emocap.reports.page import write_report
from emocap.reports.section import SECTIONS, FolderKind, Page, Part, Section
from tests.support.leaderboard import row


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sections of another distribution: one with folders of its own, one inside the leaderboard."""
    SECTIONS.names()
    monkeypatch.setattr(SECTIONS, "_items", dict(SECTIONS._items))

    def read(folder: Path, name: str) -> str:
        text = (folder / "gaze.txt").read_text()
        if not text:
            raise UserError(f"{folder} is empty")
        return f"{name}: {text}"

    def show(page: Page, subject: object) -> Part | None:
        lines = page.content["gaze"]
        html = "".join(f"<p>{line}</p>" for line in lines)
        return Part(html, ".gaze { color: red; }", "console.log('gaze');") if lines else None

    folders = FolderKind("gaze.txt", "a gaze folder", read)
    SECTIONS.register(Section("gaze", 45, show, folders=folders, files=lambda page: {"gaze.md": "# Gaze\n"}))
    SECTIONS.register(Section("note", 5, lambda page, subject: Part("<p>a note</p>"), place="below tables"))


def test_a_section_of_another_distribution_is_shown(register: None, tmp_path: Path) -> None:
    gaze, results = tmp_path / "gaze", tmp_path / "results"
    gaze.mkdir()
    results.mkdir()
    (gaze / "gaze.txt").write_text("left")
    (results / "results.jsonl").write_text(to_line(row()) + to_line(row(model="runs/b")))
    html = write_report([gaze, results], tmp_path / "page.html").read_text()
    assert html.index("<p>a note</p>") < html.index("Behind the numbers") < html.index("<p>gaze: left</p>")
    assert html.count(".gaze { color: red; }") == html.count("console.log('gaze');") == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        *("gaze", "results", "page.html", "results.md", "results.tex", "gaze.md"),
    }


def test_what_a_section_does_not_show_leaves_no_style(register: None, tmp_path: Path) -> None:
    html = write_report([], tmp_path / "page.html").read_text()
    assert ".gaze" not in html
    assert "<section" not in html


def test_a_folder_of_no_section_is_refused_with_all_kinds(register: None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a finished build, a training run, results of emocap eval, a gaze folder, "):
        write_report([tmp_path], tmp_path / "page.html")
    (tmp_path / "gaze.txt").write_text("")
    with pytest.raises(UserError, match="is empty"):
        write_report([tmp_path], tmp_path / "page.html")


def test_sections_at_one_place_have_different_orders() -> None:
    places = [(section.place, section.order) for section in SECTIONS]
    assert len(set(places)) == len(places)
