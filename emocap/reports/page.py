"""One page from any mixture of builds, runs and results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.core.version import __version__
from emocap.reports.annotators import compared, read_annotators
from emocap.reports.builds import read_build
from emocap.reports.details import detail
from emocap.reports.fewshot import shots_chart
from emocap.reports.gallery import read_gallery
from emocap.reports.measures import PROTOCOLS, called, fraction
from emocap.reports.radar import radar, symbol
from emocap.reports.ranking import read_ranking
from emocap.reports.results import read_results
from emocap.reports.runs import curves, read_run
from emocap.reports.standings import make_board
from emocap.reports.tables import latex, markdown
from emocap.reports.uni_bench import means


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
    for a folder that is none of these.
    """
    builds, runs, results, rankings, annotators = [], [], [], [], []
    for folder, name in zip(folders, _names(folders), strict=True):
        if (folder / "manifest.json").is_file():
            builds.append(read_build(folder, name))
        elif (folder / "metrics.jsonl").is_file():
            runs.append(read_run(folder, name))
        elif (folder / "results.jsonl").is_file():
            results += read_results(folder)
        elif (folder / "ranking.json").is_file():
            rankings.append(read_ranking(folder, name))
        elif (folder / "annotators.json").is_file():
            annotators += read_annotators(folder, name)
        else:
            raise UserError(
                f"{folder} is neither a finished build nor a training run nor results of eval, rank or annotators"
            )
    board = make_board(results)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("emocap.reports", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.2f}%"
    environment.filters["protocol"] = lambda name: PROTOCOLS.get(name, name)
    environment.filters |= {"called": called, "fraction": fraction, "shots_chart": shots_chart, "symbol": symbol}
    environment.filters["compared"] = compared
    html = environment.get_template("page.html").render(
        title=title,
        intro=intro,
        highlights=highlights,
        builds=builds,
        gallery=read_gallery(builds),
        curves=curves(runs) if runs else None,
        board=board,
        radar=radar(board),
        means=means(board),
        annotators=annotators,
        details=[detail(group, pictures) for group in board.groups if group.entries],
        rankings=rankings,
        pictures=pictures,
        version=__version__,
    )
    written = {page: html}
    if results:
        written |= {page.parent / "results.md": markdown(board), page.parent / "results.tex": latex(board)}
    for path, text in written.items():
        with replacing(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    return page


def _names(folders: Sequence[Path]) -> list[str]:
    """What the page calls each folder: its own name, with the one above where two are called the same."""
    paths = [folder.resolve() for folder in folders]
    own = [path.name for path in paths]
    return ["/".join(path.parts[-2:]) if own.count(path.name) > 1 else path.name for path in paths]
