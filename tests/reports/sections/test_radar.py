import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from emocap.evaluation.results import ResultRow
from emocap.reports.sections.fewshot import shots_chart
from emocap.reports.sections.radar import radar, radar_groups
from tests.support.leaderboard import changed, leaderboard, row

PUBLISHED = [{"model": "P <1>", "protocol": "zeroshot", "metrics": {"uar": 0.4}, "source": "paper", "error": None}]


def rows(axes: int, model: str = "runs/a", value: float = 0.5) -> list[ResultRow]:
    return [row(f"b{i}", model, value, title=f"Benchmark & number {i} of a longer name") for i in range(axes)]


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def path(svg: str, line: str) -> str:
    found = re.search(rf'<g data-line="{line}" class="\w+"><path d="([^"]*)"', svg)
    assert found
    return found[1]


def test_fewer_than_three_benchmarks_have_no_radar() -> None:
    assert radar(leaderboard(*rows(2))) == ""


def test_only_what_was_measured_zero_shot_and_grows_has_an_axis() -> None:
    made = leaderboard(
        *rows(3),
        row("probe", protocol="probe"),
        row("error", metrics={"mae": {"value": 2.0}}),
        row("published", protocol="probe", published=PUBLISHED),
    )
    assert [group.benchmark for group in radar_groups(made)] == ["b0", "b1", "b2"]


def test_every_axis_runs_from_zero_to_the_best_of_all() -> None:
    values = (0.5, 0.25, 0.1)
    some = [row(f"b{i}", "runs/a", value) for i, value in enumerate(values)]
    best = [row(f"b{i}", "runs/b", 0.5) for i in range(3)]
    svg = radar(leaderboard(*some, *best))
    points = [tuple(map(float, pair.split())) for pair in path(svg, "m0").strip("MZ").split("L")]
    assert [math.hypot(*point) / 150 for point in points] == pytest.approx([1.0, 0.5, 0.2], abs=1e-3)
    assert [math.degrees(math.atan2(y, x)) for x, y in points] == pytest.approx([-90, 30, 150], abs=0.3)


def test_a_published_value_may_be_the_best_of_an_axis() -> None:
    svg = radar(leaderboard(*(changed(one, published=PUBLISHED) for one in rows(3, value=0.2))))
    assert re.findall(r'class="value">([\d.]+)<', svg) == ["0.400"] * 3


def test_negative_values_lie_in_the_centre() -> None:
    svg = radar(leaderboard(*rows(3), *rows(3, "runs/b", -0.052)))
    assert {abs(float(one)) for one in re.findall(r"[\d.]+", path(svg, "m1"))} == {0.0}


def test_a_missing_value_breaks_the_line() -> None:
    some = [one for i, one in enumerate(rows(6, "runs/b")) if i not in (1, 4)]
    svg = radar(leaderboard(*rows(6), *some))
    told = path(svg, "m1")
    assert "Z" not in told
    assert (told.count("M"), told.count("L")) == (2, 2)  # of 6 axes 2 are missing: two stretches of 2 points
    assert path(svg, "m0").endswith("Z")


def test_measured_lines_are_solid_and_published_ones_dashed_and_below() -> None:
    svg = radar(leaderboard(*(changed(one, published=PUBLISHED) for one in rows(5))))
    groups = re.findall(r'<g data-line="(\w\d)" class="(\w+)"><path [^>]*?(stroke-dasharray="[^"]+")?>', svg)
    assert [(line, kind, bool(dash)) for line, kind, dash in groups] == [
        ("p0", "published", True),
        ("m0", "measured", False),
    ]
    assert "P &lt;1&gt;, published" in svg


@pytest.mark.parametrize("axes", [3, 4, 7, 25, 40])
def test_labels_do_not_overlap_and_are_inside(axes: int) -> None:
    root = parsed(radar(leaderboard(*rows(axes))))
    _, top, width, height = map(float, root.attrib["viewBox"].split())
    sides: dict[str, list[tuple[float, float]]] = {"start": [], "end": []}
    for text in root.iter("text"):
        spans = [span for span in text if "y" in span.attrib]
        heights = [float(span.attrib["y"]) for span in spans]
        sides[text.attrib["text-anchor"]].append((min(heights), max(heights)))
        longest = max(len("".join(span.itertext())) for span in spans) * 6
        reach = abs(float(spans[0].attrib["x"])) + longest
        assert reach <= width / 2 + 2
        assert top <= min(heights) - 10
        assert max(heights) + 3 <= top + height
    assert sum(map(len, sides.values())) == axes
    for places in sides.values():
        places.sort()
        assert all(below[0] - above[1] >= 12 for above, below in pairwise(places))


def test_shots_have_points_and_a_band() -> None:
    few = [row(protocol="fewshot", shots=k, metrics={"uar": {"value": k / 20, "sd": 0.05}}) for k in (1, 4, 16)]
    few += [row(protocol="fewshot", model="runs/b", shots=4, metrics={"uar": {"value": 0.5, "sd": 0.1}})]
    root = parsed(shots_chart(leaderboard(*few).groups[0]))
    lines = [line.attrib["points"].split() for line in root.iter("polyline")]
    assert [len(line) for line in lines] == [3, 1]
    first, second = (next(group.iter("polygon")).attrib["points"].split() for group in root.iter("g"))
    assert (len(first), len(second)) == (6, 2)
    # 0.8 + 0.05 is the top of the chart, 0.05 − 0.05 its bottom.
    assert [min(float(p.split(",")[1]) for p in first), max(float(p.split(",")[1]) for p in first)] == [10.0, 122.0]
