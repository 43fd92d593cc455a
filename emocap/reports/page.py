"""One page from any mixture of builds, runs and results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from emocap import __version__
from emocap.errors import UserError
from emocap.reports.builds import read_build
from emocap.reports.gallery import read_gallery
from emocap.reports.runs import curves, group_results, read_results, read_run
from emocap.shards import replacing


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
) -> Path:
    """Write ``page``, self-contained HTML, over folders that build, train and eval have made; returns ``page``.

    Raises UserError for a folder that is none of these.
    """
    builds, runs, results = [], [], []
    for folder, name in zip(folders, _names(folders), strict=True):
        if (folder / "manifest.json").is_file():
            builds.append(read_build(folder, name))
        elif (folder / "metrics.jsonl").is_file():
            runs.append(read_run(folder, name))
        elif (folder / "results.jsonl").is_file():
            results += read_results(folder)
        else:
            raise UserError(f"{folder} is neither a finished build nor a training run nor results of eval")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("emocap.reports", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.2f}%"
    html = environment.get_template("page.html").render(
        title=title,
        intro=intro,
        highlights=highlights,
        builds=builds,
        gallery=read_gallery(builds),
        curves=curves(runs) if runs else None,
        results=group_results(results),
        version=__version__,
        short=_short,
    )
    with replacing(page) as scratch:
        scratch.write_text(html, encoding="utf-8")
    return page


def _names(folders: Sequence[Path]) -> list[str]:
    """What the page calls each folder: its own name, with the one above where two are called the same."""
    paths = [folder.resolve() for folder in folders]
    own = [path.name for path in paths]
    return ["/".join(path.parts[-2:]) if own.count(path.name) > 1 else path.name for path in paths]


def _short(model: str) -> str:
    """What a table calls a model: the last part of a run folder's path, anything else as it is."""
    return model if ":" in model else Path(model).name
