"""One page from any mixture of builds, runs and results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.core.version import __version__
from emocap.reports.section import SECTIONS, FolderKind, Page, asset, template


@dataclass(frozen=True)
class Highlight:
    """A number that the page begins with."""

    value: str
    label: str
    note: str


def write_report(
    folders: Sequence[Path],
    page: Path,
    title: str = "emocap report",
    intro: str = "",
    highlights: Sequence[Highlight] = (),
    pictures: bool = False,
) -> Path:
    """Write ``page``, self-contained HTML, over folders that build, train, eval, rank and annotators have made.

    Returns ``page``. Where there are results, results.md and results.tex are written beside it. ``pictures``: the page
    shows those on which models failed; the licences of most benchmarks forbid to publish such a page. Raises UserError
    for a folder that no section knows.
    """
    content = Page(_read(folders), pictures)
    body = content.render("page")
    html = template(
        "page.html",
        title=title,
        intro=intro,
        highlights=highlights,
        body=body,
        styles=[asset("style.css"), *dict.fromkeys(content.styles)],
        scripts=list(dict.fromkeys(content.scripts)),
        version=__version__,
    )
    written = {page: html}
    for section in SECTIONS:
        written |= {page.parent / name: text for name, text in section.files(content).items()}
    for path, text in written.items():
        with replacing(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    return page


def _read(folders: Sequence[Path]) -> dict[str, Any]:
    """Name of a section → the combined content of its folders. Raises UserError for a folder of no section."""
    kinds = {section.name: section.folders for section in sorted(SECTIONS, key=lambda s: s.order) if section.folders}
    found: dict[str, list[Any]] = {name: [] for name in kinds}
    for folder, name in zip(folders, _names(folders), strict=True):
        section = _section_of(folder, kinds)
        found[section].append(kinds[section].read(folder, name))
    return {section: kinds[section].combine(parts) for section, parts in found.items()}


def _section_of(folder: Path, kinds: dict[str, FolderKind]) -> str:
    for section, kind in kinds.items():
        if (folder / kind.file).is_file():
            return section
    raise UserError(f"{folder} is none of these: {', '.join(kind.noun for kind in kinds.values())}")


def _names(folders: Sequence[Path]) -> list[str]:
    """What the page calls each folder: its own name, with the one above where two have the same."""
    paths = [folder.resolve() for folder in folders]
    own = [path.name for path in paths]
    return ["/".join(path.parts[-2:]) if own.count(path.name) > 1 else path.name for path in paths]
