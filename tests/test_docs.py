"""Links of the documents, and the guides for what can be added."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GUIDES = {
    "source": "KIND",
    "detector": "DETECTOR",
    "captioner": "CAPTIONER",
    "reader": "READER",
    "task": "TASK",
    "loss": "CONTRAST",
    "method": "METHOD",
    "report-section": "SECTION",
}
"""Guide → what the files export that it names."""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    targets = [link.partition("#")[0] for link in LINK.findall(path.read_text(encoding="utf-8"))]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize(("guide", "attribute"), GUIDES.items())
def test_a_guide_names_a_file_that_exists_and_exports_what_it_says(guide: str, attribute: str) -> None:
    path = ROOT / "docs" / "extending" / f"{guide}.md"
    text = path.read_text(encoding="utf-8")
    assert f"`{attribute}`" in text
    assert f"docs/extending/{guide}.md" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = [(path.parent / link).resolve() for link in LINK.findall(text) if link.endswith(".py")]
    modules = [file.relative_to(ROOT).with_suffix("") for file in files if file.is_relative_to(ROOT / "emocap")]
    names = [".".join(module.parts) for module in modules]
    exporting = [name for name in names if hasattr(importlib.import_module(name), attribute)]
    if guide == "method":
        exporting = (
            ["emocap.methods.clip"] if hasattr(importlib.import_module("emocap.methods.clip"), attribute) else []
        )
    assert exporting, f"{path} names no file with {attribute}"


def test_the_guides_are_all_there() -> None:
    assert {path.stem for path in (ROOT / "docs" / "extending").glob("*.md")} == set(GUIDES)
