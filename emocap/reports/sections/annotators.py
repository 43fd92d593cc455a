"""What emocap annotators leaves, as a page shows it: measures, structures as heat maps and maps, people, counts."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError
from emocap.reports.heat import Drawing, Values, heat_map, span
from emocap.reports.numbers import fraction
from emocap.reports.plane import plane
from emocap.reports.section import FolderKind, Page, Part, Section, asset, template

FILE = "annotators.json"


@dataclass(frozen=True)
class Figure:
    """A picture with what is said above and below it."""

    title: str
    drawing: Drawing
    note: str


@dataclass(frozen=True)
class Structures:
    """Figures that belong together."""

    title: str
    note: str
    figures: list[Figure]


@dataclass(frozen=True)
class AnnotatedTask:
    """A task of a folder: a section of the page."""

    key: str
    title: str
    lead: str
    """How many labels of whom, and how they were measured."""
    measures: list[dict[str, Any]]
    annotators: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    structures: list[Structures]

    @property
    def predicts(self) -> bool:
        """Whether there is a model beside the annotators."""
        return any("accuracy" in one for one in self.annotators)

    @property
    def compares(self) -> bool:
        """Whether there is a second structure, so that DIC or BAE is shown."""
        return len(self.structures) > 1

    def measure(self, key: str) -> dict[str, Any] | None:
        """One of its measures; None where there is none."""
        return next((one for one in self.measures if one["key"] == key), None)


def read_annotators(folder: Path, name: str) -> list[AnnotatedTask]:
    """The tasks in a folder's annotators.json. Raises UserError where it is not what emocap annotators writes."""
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        key = "annotators-" + re.sub(r"\W+", "-", name)
        return [
            _task(f"{key}-{number}", name, content["method"], task) for number, task in enumerate(content["tasks"])
        ]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}: {error}); measure again with emocap annotators"
        ) from None


def compared(tasks: Sequence[AnnotatedTask]) -> list[tuple[str, str]]:
    """Key and name of every measure that some task has, in their order."""
    return list(dict.fromkeys((one["key"], one["name"]) for task in tasks for one in task.measures))


def _task(key: str, name: str, method: Mapping[str, Any], task: Mapping[str, Any]) -> AnnotatedTask:
    names = [one["name"] for one in task["annotators"]]
    labels = sum(task["labels"].values())
    lead = (
        f"{labels:,} labels of {task['items']:,} items by {len(names)} annotators: "
        + ", ".join(f"{label} {count:,}" for label, count in task["labels"].items())
        + f". {_methods(method, task['structures'])}"
    )
    return AnnotatedTask(
        key=key,
        title=f"{name}: {task['name']}" if task["name"] else name,
        lead=lead,
        measures=task["measures"],
        annotators=task["annotators"],
        notes=task["notes"],
        structures=list(_structures(names, task)),
    )


def _methods(method: Mapping[str, Any], structures: Mapping[str, Any]) -> str:
    chance = {"marginals": "from the marginals", "uniform": "uniform, 1/C"}[method["chance"]]
    weights = "" if method["weights"] == "none" else f" with {method['weights']} weights"
    text = f"Labels are {method['level']}; κ{weights}, chance agreement {chance}."
    if method["missing"]:
        text += f" What stands for no label: {', '.join(method['missing'])}."
    if method["clip_negative"]:
        text += " κ below 0 counts as 0 where structures are compared."
    if "predicted" in structures:
        norm = {"none": "the Frobenius norm", "rms": "the root mean square of entries"}[method["normalize"]]
        text += f" DIC is {norm}{' off the diagonal' if method['off_diagonal_only'] else ''}."
    maps = f", of BAE {method['map_rounds']:,}" if "explained" in structures else ""
    return f"{text} Intervals are of {method['rounds']:,} resamples{maps}."


def _structures(names: Sequence[str], task: Mapping[str, Any]) -> Iterator[Structures]:
    own = task["structures"]["kappa"]
    figures = [_heat(names, own, "Labels", span(own["value"]))]
    if found := task["maps"].get("kappa"):
        drawn = plane(found["annotators"], found["point"], None, "map of the annotators")
        figures.append(
            Figure("Map", drawn, f"Who labels alike lies close together.{_left_out(names, found)} {_stress(found)}")
        )
    figures.append(_overlaps(names, own["items"]))
    yield Structures("Who labels alike", f"{own['reading']}.", figures)
    for kind, title in (
        ("predicted", "Predictions beside the labels"),
        ("explained", "Explanations beside the labels"),
    ):
        if kind in task["structures"]:
            yield _pair(names, task, kind, title)


def _pair(names: Sequence[str], task: Mapping[str, Any], kind: str, title: str) -> Structures:
    truth, second = task["structures"][f"truth_{kind}"], task["structures"][kind]
    together = span(truth["value"], second["value"])
    # DIC compares levels, so both have one scale of colours; BAE compares shapes, and cosines are not κ.
    scales = (together, together) if kind == "predicted" else (span(truth["value"]), span(second["value"]))
    whose = {"predicted": "Predictions", "explained": "Explanations"}[kind]
    figures = [_heat(names, truth, "Labels", scales[0]), _heat(names, second, whose, scales[1])]
    if found := task["maps"].get(kind):
        drawn = plane(
            found["annotators"], found["truth"]["point"], found["model"]["point"], f"maps of labels and {whose}"
        )
        note = (
            f"Dots: labels. Diamonds: {whose.lower()}, turned and scaled to fit (Procrustes: disparity "
            f"{fraction(found['disparity'])}).{_left_out(names, found)} "
            f"Labels: {_stress(found['truth']).lower()} {whose}: {_stress(found['model']).lower()}"
        )
        figures.append(Figure("Both on one map", drawn, note))
    return Structures(title, f"{truth['reading']}. {second['reading']}.", figures)


def _heat(names: Sequence[str], structure: Mapping[str, Any], title: str, ends: tuple[float, float]) -> Figure:
    def tip(i: int, j: int) -> str:
        value, low, high = (structure[part][i][j] for part in ("value", "low", "high"))
        number = "undefined" if value is None else fraction(value)
        interval = "" if low is None else f", 95% {fraction(low)} to {fraction(high)}"
        return f"{names[i]}, {names[j]}: {number}{interval}; {structure['items'][i][j]:,} items"

    drawn = heat_map(names, structure["value"], title, ends, tip)
    return Figure(title, drawn, f"Palest: {fraction(ends[0])}. Deepest: {fraction(ends[1])}.")


def _overlaps(names: Sequence[str], shared: Values) -> Figure:
    def tip(i: int, j: int) -> str:
        return f"{names[i]}, {names[j]}: {shared[i][j] or 0:,.0f} items"

    # Up to half of the depth: counts are mostly alike, and no more than a hint is wanted of where there are few.
    ends = (0.0, 2 * span(shared)[1])
    drawn = heat_map(names, shared, "items that two share", ends, tip, _count)
    return Figure("Items in common", drawn, "How many both have labelled.")


def _count(value: float) -> str:
    """A count as it fits a cell: 987, 7.4k, 12k."""
    if value < 1000:
        return f"{value:.0f}"
    return f"{value / 1000:.1f}k" if value < 9950 else f"{value / 1000:.0f}k"


def _left_out(names: Sequence[str], maps: Mapping[str, Any]) -> str:
    absent = [name for name in names if name not in maps["annotators"]]
    return f" Not on it, for want of a κ with everybody: {', '.join(absent)}." if absent else ""


def _stress(maps: Mapping[str, Any]) -> str:
    stress = maps["stress"]
    bands = ((0.025, "excellent"), (0.05, "good"), (0.1, "fair"))
    word = next((word for most, word in bands if stress <= most), "poor: two dimensions do not show all")
    return f"Stress {fraction(stress)}, {word}."


def _combine(folders: Sequence[list[AnnotatedTask]]) -> list[AnnotatedTask]:
    return [task for tasks in folders for task in tasks]


def _show(page: Page, subject: object) -> Part | None:
    tasks: list[AnnotatedTask] = page.content["annotators"]
    if not tasks:
        return None
    html = template("annotators.html", annotators=tasks, compared=compared(tasks))
    return Part(html, asset("annotators.css"))


SECTION = Section(
    "annotators",
    60,
    _show,
    folders=FolderKind(FILE, "results of emocap annotators", read_annotators, _combine),
)
