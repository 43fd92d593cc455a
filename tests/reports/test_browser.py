"""The page as a browser shows it: Debian's chromium, headless."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from emocap.reports.page import write_report

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
        named = {"drawn-retrieval/retrieval/global_image_to_text_r1": 0.1 * number}
        logged.append({"step": 49, "eval": named})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in logged))
    names = [f"{p}_{w}_r{k}" for p in ("global", "local") for w in ("image_to_text", "text_to_image") for k in (1, 5)]
    row = {
        **{"benchmark": "drawn-retrieval", "title": "Drawn faces, captions", "protocol": "retrieval"},
        **{"model": "runs/a-run-with-a-rather-long-name", "counts": {"test": {"fear": 9}}, "test_subjects": 3},
        "metrics": {name: {"value": 0.2, "low": 0.1, "high": 0.3} for name in names},
        "chance": dict.fromkeys(names, 0.01),
    }
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "results.jsonl").write_text(json.dumps(row) + "\n")
    folders = [path for path in sorted(tmp_path.iterdir()) if path.is_dir()]
    return write_report(folders, tmp_path / "training.html")


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("which", ["page", "training_page"])
def test_nothing_is_wider_than_the_window(
    browse: Open, request: pytest.FixtureRequest, which: str, tmp_path: Path, width: int
) -> None:
    page = request.getfixturevalue(which)
    script = """<script>
    const { clientWidth, scrollWidth } = document.documentElement;
    parent.postMessage(`${innerWidth} wide, ${scrollWidth - clientWidth} over`, "*");
    </script></body>"""
    inner, outer = tmp_path / "inner.html", tmp_path / "outer.html"
    opened = page.read_text().replace("<details>", "<details open>").replace("content-visibility: auto;", "")
    inner.write_text(opened.replace("</body>", script))
    # Chromium makes no window narrower than 500 pixels, but frames.
    outer.write_text(
        "<script>addEventListener('message', (event) => { document.body.dataset.told = event.data })</script>"
        f"<body><iframe src=inner.html width={width} height=900 style='border: 0'></iframe></body>"
    )
    assert f'data-told="{width} wide, 0 over"' in browse(outer)[0]
