"""The page as a browser shows it: Debian's chromium, headless."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from emocap.annotators.run import Sources, measure
from emocap.annotators.simulated import write_amer
from emocap.annotators.task import Method
from emocap.evaluation.results import to_line
from emocap.reports.page import write_report
from tests.reports.sections.test_preference import rankings as rankings
from tests.reports.test_page import check
from tests.support.leaderboard import row, write_leaderboard

Open = Callable[..., tuple[str, list[str]]]


@pytest.fixture(scope="session")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Page, and what stands behind its # → the DOM once its scripts have run, and what they said on the console."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("chromium is absent")

    def run(page: Path, behind: str = "") -> tuple[str, list[str]]:
        profile = tmp_path_factory.mktemp("profile")
        quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={profile}"]
        address = f"{page.as_uri()}{behind}"
        done = subprocess.run(
            [*command, "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", address],
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    return run


@pytest.fixture(scope="session")
def page(labelled_build: Path, asked_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([labelled_build, asked_build], tmp_path_factory.mktemp("page") / "report.html")


def shown(dom: str) -> tuple[list[str], list[str]]:
    """The cards that are seen and those that are hidden, without their pictures."""
    cards = re.findall(r'<article class="card face.*?</article>', re.sub(r'src="[^"]*"', "", dom), re.DOTALL)
    hidden = [card for card in cards if re.match(r"<article[^>]* hidden=", card)]
    return [card for card in cards if card not in hidden], hidden


def told(dom: str) -> str:
    found = re.search(r"<output[^>]*>(.*?)</output>", dom)
    assert found
    return found[1]


def test_all_faces_are_shown_at_first(browse: Open, page: Path) -> None:
    dom, console = browse(page)
    seen, hidden = shown(dom)
    assert (len(seen), len(hidden), told(dom)) == (104, 0, "104 of 104 faces")
    assert not re.search(r"<form[^>]* hidden", dom)
    assert console == []


def test_a_script_that_fails_would_be_noticed(browse: Open, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text("<script>nowhere()</script>")
    assert "nowhere is not defined" in browse(broken)[1][0]


@pytest.mark.parametrize(
    ("behind", "pattern"),
    [
        ("#emotion=fear", r'data-emotion="fear"'),
        ("#region=nose", r'data-regions="[^"]*\bnose\b'),
        ("#build=qwen", r"data-builds='[^']*\"qwen\"|data-builds=\"[^\"]*qwen"),
        ("#q=AU1", r"\bAU1\b"),
        (f"#q={quote('inner BROW')}", r"(?i)(?=.*\binner)(?=.*\bbrow)"),
        ("#q=AU12&emotion=happiness", r'(?=.*\bAU12\b)(?=.*data-emotion="happiness")'),
    ],
)
def test_what_does_not_fit_the_address_is_hidden(browse: Open, page: Path, behind: str, pattern: str) -> None:
    dom, console = browse(page, behind)
    seen, hidden = shown(dom)
    assert seen
    assert hidden
    assert all(re.search(pattern, card, re.DOTALL) for card in seen)
    assert not any(re.search(pattern, card, re.DOTALL) for card in hidden)
    assert told(dom) == f"{len(seen)} of 104 faces"
    assert console == []


def test_small_faces_are_hidden(browse: Open, page: Path) -> None:
    sizes = sorted(float(size) for size in re.findall(r'data-size="([\d.]+)"', page.read_text()))
    dom, _ = browse(page, f"#size={sizes[60]}")
    seen, hidden = shown(dom)
    assert hidden
    assert all(float(re.search(r'data-size="([\d.]+)"', card)[1]) >= sizes[60] for card in seen)  # type: ignore[index]
    assert shown(browse(page, "#score=1.5")[0])[0] == []


def test_what_is_typed_goes_into_the_address_and_back(browse: Open, page: Path, tmp_path: Path) -> None:
    script = """<script>
    const form = document.getElementById("filter");
    form.elements.q.value = "(a+b & <c>";
    form.elements.emotion.value = "fear";
    form.elements.q.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.dataset.after = location.hash + " " + form.querySelector("output").value;
    form.reset();
    setTimeout(() => {
      document.body.dataset.reset = location.hash + " " + form.querySelector("output").value;
      document.querySelector('.emotions a[href="#emotion=anger"]').click();
    }, 100);
    </script></body>"""
    typed = tmp_path / "typed.html"
    typed.write_text(page.read_text().replace("</body>", script))
    dom, console = browse(typed)
    assert console == []
    assert 'data-after="#q=%28a%2Bb+%26+%3Cc%3E&amp;emotion=fear 0 of 104 faces"' in dom
    assert 'data-reset=" 104 of 104 faces"' in dom
    assert {re.search(r'data-emotion="(\w+)"', card)[1] for card in shown(dom)[0]} == {"anger"}  # type: ignore[index]


@pytest.fixture
def training_page(tmp_path: Path) -> Path:
    """A page of thirteen runs and of a retrieval with its 18 metrics."""
    for number in range(13):
        folder = tmp_path / f"a-run-with-a-rather-long-name-{number}"
        folder.mkdir()
        logged: list[dict[str, Any]] = [
            {"step": step, "loss": 1 / step, "gradient_norm": 2.0, "lr": 1e-5} for step in range(1, 50)
        ]
        named = {"synthetic-retrieval/retrieval/global_image_to_text_r1": 0.1 * number}
        logged.append({"step": 49, "eval": named})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in logged))
    names = [f"{p}_{w}_r{k}" for p in ("global", "local") for w in ("image_to_text", "text_to_image") for k in (1, 5)]
    measured = row(
        "synthetic-retrieval",
        "runs/a-run-with-a-rather-long-name",
        title="Drawn faces, captions",
        protocol="retrieval",
        task="retrieval",
        labels=[],
        counts={"test": {"fear": 9}},
        test_subjects=3,
        chance=dict.fromkeys(names, 0.01),
        metrics={name: {"value": 0.2, "low": 0.1, "high": 0.3} for name in names},
    )
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "results.jsonl").write_text(to_line(measured))
    folders = [path for path in sorted(tmp_path.iterdir()) if path.is_dir()]
    return write_report(folders, tmp_path / "training.html")


@pytest.fixture(scope="session")
def leaderboard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of forty benchmarks and six models."""
    folder = tmp_path_factory.mktemp("leaderboard")
    return write_report([write_leaderboard(folder / "results")], folder / "report.html")


@pytest.fixture(scope="session")
def ranking_page(rankings: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three rankings."""
    return write_report(rankings, tmp_path_factory.mktemp("ranking") / "report.html")


@pytest.fixture(scope="session")
def annotators_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen annotators with a model that imitates them."""
    folder = tmp_path_factory.mktemp("annotators")
    labels, predictions, explanations = write_amer(folder, items=40)
    measure(Sources(labels, predictions, explanations), Method(), folder / "out", lambda task: None)
    return write_report([folder / "out"], folder / "report.html")


def test_a_long_leaderboard_is_a_small_page_without_complaints(browse: Open, leaderboard: Path) -> None:
    assert leaderboard.stat().st_size < 3e6
    check(leaderboard.read_text())
    dom, console = browse(leaderboard)
    assert console == []
    assert "global_only &amp; &lt;plain&gt;" in dom
    assert len(re.findall(r'<form class="lines".*?</form>', dom, re.DOTALL)[0].split("<label")) == 1 + 6 + 4 + 1


def test_models_and_published_rows_are_hidden_and_shown(browse: Open, leaderboard: Path, tmp_path: Path) -> None:
    script = """<script>
    const box = (name) => document.querySelector(`.lines [name="${name}"]`);
    const seen = (name) => [...document.querySelectorAll(`[data-line^="${name}"]`)]
      .filter((part) => getComputedStyle(part).display !== "none").length;
    const heads = () => [...document.querySelectorAll("tr.head")].filter((part) => !part.hidden).length;
    const told = [];
    const tell = () => told.push([seen("m0"), seen("m1"), seen("p"), heads()]);
    tell();
    box("m1").click(); tell();
    box("published").click(); tell();
    box("p0").click(); told.push(box("published").checked); tell();
    box("m1").click(); box("published").click(); box("published").click(); tell();
    document.body.dataset.told = JSON.stringify(told);
    </script></body>"""
    told = json.loads(after(browse, leaderboard, script, tmp_path))
    first, without, unpublished, ticked, one, last = told
    assert min(first) > 0
    assert without == [first[0], 0, *first[2:]]
    assert unpublished == [first[0], 0, 0, 0]
    assert (ticked, one[:2], 0 < one[2] < first[2], one[3] > 0) == (True, [first[0], 0], True, True)
    assert last == first


def test_a_table_changes_its_protocol_and_only_that_table(browse: Open, leaderboard: Path, tmp_path: Path) -> None:
    script = """<script>
    const seen = () => [...document.querySelectorAll("[data-view]")]
      .filter((part) => part.checkVisibility()).map((part) => part.dataset.view);
    const first = seen();
    document.querySelector('.tabs [name="static"][value="probe"]').click();
    document.body.dataset.told = JSON.stringify([first, seen()]);
    </script></body>"""
    first, then = json.loads(after(browse, leaderboard, script, tmp_path))
    assert first[0] == "static zeroshot"
    assert "rating probe" in first
    assert then == ["static probe", *first[1:]]


def test_a_click_on_a_number_opens_what_lies_behind(browse: Open, leaderboard: Path, tmp_path: Path) -> None:
    script = """<script>
    const link = document.querySelector('.leaderboard td[data-line="m2"] a');
    const wanted = document.querySelector(link.getAttribute("href"));
    const visible = () => wanted.querySelector(".confusion").checkVisibility();
    const before = visible();
    link.click();
    const place = wanted.getBoundingClientRect().top;
    document.body.dataset.told = JSON.stringify([before, visible(), Math.abs(place) < 50, location.hash]);
    </script></body>"""
    assert json.loads(after(browse, leaderboard, script, tmp_path)) == [False, True, True, ""]


def after(browse: Open, page: Path, script: str, folder: Path) -> str:
    """What a script has left in the body's data-told."""
    scripted = folder / "scripted.html"
    scripted.write_text(page.read_text().replace("</body>", script))
    dom, console = browse(scripted)
    assert console == []
    found = re.search(r'data-told="([^"]*)"', dom)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("which", ["page", "training_page", "leaderboard", "ranking_page", "annotators_page"])
def test_nothing_is_wider_than_the_window(
    browse: Open, request: pytest.FixtureRequest, which: str, tmp_path: Path, width: int
) -> None:
    page = request.getfixturevalue(which)
    script = """<script>
    const { clientWidth, scrollWidth } = document.documentElement;
    parent.postMessage(`${innerWidth} wide, ${scrollWidth - clientWidth} over`, "*");
    </script></body>"""
    inner, outer = tmp_path / "inner.html", tmp_path / "outer.html"
    opened = re.sub(r"<details(?![^>]* open)", "<details open", page.read_text()).replace(" hidden>", ">")
    opened = opened.replace("content-visibility: auto;", "")
    inner.write_text(opened.replace("</body>", script))
    # Chromium makes no window narrower than 500 pixels, but frames.
    outer.write_text(
        "<script>addEventListener('message', (event) => { document.body.dataset.told = event.data })</script>"
        f"<body><iframe src=inner.html width={width} height=900 style='border: 0'></iframe></body>"
    )
    assert f'data-told="{width} wide, 0 over"' in browse(outer)[0]
