"""Sections of a page: each shows one kind of thing, and says which folders it is about.

A section of another distribution is registered like one of :mod:`emocap.reports.sections`, through the entry points
of :mod:`emocap.core.registries`.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jinja2
from markupsafe import Markup

from emocap.core.registries import Registry
from emocap.reports import numbers
from emocap.reports.leaderboard import protocol_label
from emocap.reports.marks import symbol

Place = Literal["page", "above tables", "below table", "below tables", "details"]
"""Where a section stands: on the page by itself, or at a place of the leaderboard."""


@dataclass(frozen=True)
class Part:
    """What a section puts on a page."""

    html: str
    style: str = ""
    """CSS, which the page has once."""
    script: str = ""
    """JavaScript, which stands at the end of the page."""


@dataclass(frozen=True)
class FolderKind:
    """The folders that a section is about."""

    file: str
    """The file by which they are known, such as ``manifest.json``."""
    noun: str
    """What a folder of this kind is called in a message, with its article."""
    read: Callable[[Path, str], Any]
    """Folder and its name on the page → what the page shows of it. Raises UserError for damaged content."""
    combine: Callable[[Sequence[Any]], Any] = list
    """What was read of all folders → the content that sections get."""


@dataclass(frozen=True)
class Page:
    """What sections may show."""

    content: Mapping[str, Any]
    """Name of the section that has read it → its combined content."""
    pictures: bool = False
    """Whether pictures of benchmarks' data may be shown; the licences of most forbid to publish them."""
    styles: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def render(self, place: Place, subject: Any = None) -> Markup:
        """The HTML of the sections of a place, in their order; their styles and scripts are kept for the page.

        subject: what they are about; of "below table" the :class:`emocap.reports.leaderboard.View`.
        """
        parts = [
            part
            for section in sorted(SECTIONS, key=lambda section: section.order)
            if section.place == place and (part := section.show(self, subject))
        ]
        self.styles.extend(part.style for part in parts if part.style)
        self.scripts.extend(part.script for part in parts if part.script)
        return Markup("").join(Markup(part.html) for part in parts)


@dataclass(frozen=True)
class Section:
    """One kind of thing that is shown."""

    name: str
    order: int
    """Of two sections at one place, and of two that know the same folder, the one with the lower order is first."""
    show: Callable[[Page, Any], Part | None]
    """Page and subject (see :meth:`Page.render`) → HTML; None where there is nothing to show."""
    place: Place = "page"
    folders: FolderKind | None = None
    """None: it shows what another section has read."""
    files: Callable[[Page], Mapping[str, str]] = lambda page: {}
    """Further files that are written beside the page: name → text."""


SECTIONS = Registry[Section]("report section", "emocap.reports.sections", "SECTION")


def template(name: str, **values: Any) -> str:
    """A template of :mod:`emocap.reports`, filled."""
    return _environment().get_template(name).render(**values)


def asset(name: str) -> str:
    """The text of a style sheet or script beside the templates."""
    return (Path(__file__).with_name("templates") / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("emocap.reports", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "css_percent": lambda value: f"{100 * value:.2f}%",
        "decimal": numbers.decimal,
        "fraction": numbers.fraction,
        "metric_label": numbers.metric_label,
        "protocol_label": protocol_label,
        "symbol": symbol,
    }
    return environment
