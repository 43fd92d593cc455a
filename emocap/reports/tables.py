"""The tables of a leaderboard for the paper that one is writing: Markdown and LaTeX, numbers × 100."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.evaluation.registry import metric_display
from emocap.evaluation.results import FILE
from emocap.reports.leaderboard import Cell, Group, Leaderboard, Line, left_out
from emocap.reports.leaderboard_builder import make_leaderboard
from emocap.reports.numbers import hundredfold, metric_label
from emocap.reports.results import read_results

_WIDEST = 10
"""Columns of benchmarks in one table; more are divided among several."""
_LATEX = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    **{"→": r"$\rightarrow$", "−": "$-$", "×": r"$\times$", "±": r"$\pm$", "≈": r"$\approx$"},
    **{"⚠": r"$^{\ddagger}$", "†": r"$^{\dagger}$"},
    **{"[": "{[}", "*": "{*}"},  # after the end of a line they would be its arguments
    **{one: rf"\{one}" for one in "{}$&#_%"},
}


@dataclass(frozen=True)
class _PaperTable:
    """One table, its texts not yet escaped; of a published number the source follows its text."""

    key: str
    title: str
    groups: list[Group]
    measured: list[Line]
    published: list[Line]

    def cells(self, line: Line) -> list[tuple[Group, list[Cell]]]:
        return [(group, group.cells.get(line.key, [])) for group in self.groups]

    @property
    def sources(self) -> list[int]:
        """Numbers of the sources that stand in it."""
        every = (cell for line in self.published for _, cells in self.cells(line) for cell in cells)
        return sorted({cell.source for cell in every if cell.source})

    @property
    def notes(self) -> list[str]:
        """What its marks mean."""
        every = [cell for line in (*self.measured, *self.published) for _, cells in self.cells(line) for cell in cells]
        errors = sorted({metric_label(cell.metric) for cell in every if metric_display(cell.metric).has_unit})
        units = f", {', '.join(errors)} in units of the scale" if errors else ""
        entries = [cell.entry for cell in every if cell.entry]
        notes = [f"Numbers are × 100{units}; bold: the best measured here."]
        if any(entry.counts_differ for entry in entries):
            notes.append("⚠ The counts of the data differ from those of the benchmark's card.")
        rows = [entry.result.row for entry in entries]
        if changed := sorted({f"{row.title} {one}" for row in rows for one in row.overrides}):
            notes.append(f"Changed in the cards: {'; '.join(changed)}.")
        if gone := sorted({f"{row.title} {left_out(row)}" for row in rows if row.left_out}):
            notes.append(f"Left out, as they are missing or cannot be read: {'; '.join(gone)}.")
        caveats = sorted({(one.caveat.kind, one.caveat.consequence) for one in entries if one.caveat})
        for kind, consequence in caveats:
            subjects = sorted({one.caveat.subject for one in entries if one.caveat and one.caveat.kind == kind})
            notes.append(f"{kind.capitalize()}: {'; '.join(subjects)}. {consequence}")
        if any(cell.error for cell in every):
            notes.append("≈ Read from a figure.")
        if self.published:
            notes.append("† Published, not measured here.")
        return notes


def write_table(folders: Sequence[Path], path: Path, intervals: bool = False) -> Path:
    """Write the results among ``folders`` to ``path``, .md or .tex; returns ``path``.

    Raises UserError for another ending, and where no folder has results.
    """
    writers = {".md": markdown, ".tex": latex}
    if path.suffix not in writers:
        raise UserError(f"{path}: a table is written to a file that ends in .md or .tex")
    having = [folder for folder in folders if (folder / FILE).is_file()]
    if not having:
        raise UserError("none of the folders has a results.jsonl: a table is made of the results of emocap eval")
    results = [result for folder in having for result in read_results(folder)]
    with replacing(path) as scratch:
        scratch.write_text(writers[path.suffix](make_leaderboard(results), intervals), encoding="utf-8")
    return path


def markdown(leaderboard: Leaderboard, intervals: bool = False) -> str:
    """A Markdown table per task and protocol; ``intervals``: with the 95% intervals."""
    parts = []
    for table in _tables(leaderboard):
        heads = [f"{group.title} ({_measure_name(group)})" for group in table.groups]
        lines = [f"### {_md(table.title)}", "", _md_row("model", *map(_md, heads)), "|---" + "|--:" * len(heads) + "|"]
        for line in (*table.measured, *table.published):
            numbers = [
                "; ".join(_md_cell(cell, group, intervals) for cell in cells) or "–"
                for group, cells in table.cells(line)
            ]
            lines.append(_md_row(_md(line.name) + " †" * line.published, *numbers))
        lines += ["", *(f"{_md(note)}  " for note in table.notes)]
        lines += [f"†{number}: {_md(leaderboard.sources[number - 1])}  " for number in table.sources]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def latex(leaderboard: Leaderboard, intervals: bool = False) -> str:
    """A ``table`` per task and protocol, for booktabs; ``intervals``: with the 95% intervals."""
    parts = ["% Made by emocap. Needs \\usepackage{booktabs}.\n"]
    for table in _tables(leaderboard):
        lines = [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{_tex(table.title)}. {_tex(' '.join(table.notes))}}}",
            rf"\label{{tab:{table.key}}}",
            rf"\begin{{tabular}}{{l{'c' * len(table.groups)}}}",
            r"\toprule",
            _tex_row("Model", *(_tex(group.title) for group in table.groups)),
            _tex_row("", *(_tex(_measure_name(group)) for group in table.groups)),
        ]
        for own in (table.measured, table.published):
            lines += [r"\midrule"] * bool(own)
            for line in own:
                numbers = [
                    "; ".join(_tex_cell(cell, group, intervals) for cell in cells) or "--"
                    for group, cells in table.cells(line)
                ]
                lines.append(_tex_row(_tex(line.name + "†" * line.published), *numbers))
        lines += [r"\bottomrule", r"\end{tabular}"]
        if table.sources:
            sources = [rf"$^{{\dagger {number}}}$~{_tex(leaderboard.sources[number - 1])}" for number in table.sources]
            lines += [r"\par\smallskip", rf"{{\footnotesize {'; '.join(sources)}\par}}"]
        parts.append("\n".join([*lines, r"\end{table}"]) + "\n")
    return "\n".join(parts)


def _tables(leaderboard: Leaderboard) -> Iterator[_PaperTable]:
    for section in leaderboard.sections:
        for view in [view for view in section.views if not view.beside]:
            count = -(-len(view.groups) // _WIDEST)
            for part in range(count):
                groups = view.groups[part * len(view.groups) // count : (part + 1) * len(view.groups) // count]
                having = {key for group in groups for key in group.cells}
                if having:
                    yield _PaperTable(
                        f"{section.key}-{view.protocol}" + f"-{part + 1}" * (part > 0),
                        f"{section.title}, {view.title}" + ", continued" * (part > 0),
                        groups,
                        [line for line in leaderboard.measured if line.key in having],
                        [line for line in leaderboard.published if line.key in having],
                    )


def _measure_name(group: Group) -> str:
    return metric_label(group.metric) + (f", {group.shots} shots" if group.shots else "")


def _number(cell: Cell, group: Group, intervals: bool) -> tuple[str, str]:
    """The number, and what stands after it; a measure that is not its column's is named."""
    m = cell.measure
    number = "≈" * bool(cell.error) + hundredfold(cell.metric, m.value)
    after = f" ± {hundredfold(cell.metric, m.sd)}" if m.sd is not None and group.shots else ""
    if intervals and m.low is not None and m.high is not None:
        after += f" [{hundredfold(cell.metric, m.low)}, {hundredfold(cell.metric, m.high)}]"
    if cell.entry and cell.entry.counts_differ:
        after += " ⚠"
    named = f" ({metric_label(cell.metric)})" if cell.metric != group.metric else ""
    return number.replace("-", "−"), after.replace("-", "−") + named


def _md_cell(cell: Cell, group: Group, intervals: bool) -> str:
    number, after = _number(cell, group, intervals)
    text = (f"**{number}**" if cell.best else number) + after.replace("[", r"\[").replace("]", r"\]")
    return text + (f" †{cell.source}" if cell.source else "")


def _tex_cell(cell: Cell, group: Group, intervals: bool) -> str:
    number, after = map(_tex, _number(cell, group, intervals))
    text = (rf"\textbf{{{number}}}" if cell.best else number) + (
        rf"\,{{\scriptsize {after.strip()}}}" if after else ""
    )
    return text + (rf"$^{{\dagger {cell.source}}}$" if cell.source else "")


def _md_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _tex_row(*cells: str) -> str:
    return f"{' & '.join(cells)} \\\\"


def _md(text: str) -> str:
    """Text that Markdown shows as it is, also inside a table and where it would be HTML."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~#])", r"\\\1", text)


def _tex(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))
