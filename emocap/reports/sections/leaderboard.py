"""The leaderboard: models × benchmarks in a table per task and protocol, with the sections that stand around it."""

# Tested in tests/reports/test_section.py.

from collections.abc import Mapping, Sequence
from pathlib import Path

from emocap.evaluation.results import FILE
from emocap.reports.leaderboard import Leaderboard
from emocap.reports.leaderboard_builder import make_leaderboard
from emocap.reports.results import Result, read_results
from emocap.reports.section import FolderKind, Page, Part, Section, asset, template
from emocap.reports.tables import latex, markdown


def _read(folder: Path, name: str) -> list[Result]:
    return read_results(folder)


def _combine(folders: Sequence[list[Result]]) -> Leaderboard:
    return make_leaderboard([result for results in folders for result in results])


def _show(page: Page, subject: object) -> Part | None:
    leaderboard: Leaderboard = page.content["leaderboard"]
    if not leaderboard.groups:
        return None
    script = asset("leaderboard.js") if leaderboard.compares else ""
    html = template("leaderboard.html", leaderboard=leaderboard, page=page)
    return Part(html, asset("leaderboard.css"), script)


def _files(page: Page) -> Mapping[str, str]:
    leaderboard: Leaderboard = page.content["leaderboard"]
    if not leaderboard.results:
        return {}
    return {"results.md": markdown(leaderboard), "results.tex": latex(leaderboard)}


SECTION = Section(
    "leaderboard",
    40,
    _show,
    folders=FolderKind(FILE, "results of emocap eval", _read, _combine),
    files=_files,
)
