import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocap.annotators.run import Sources, measure
from emocap.annotators.task import Method
from emocap.core.errors import UserError
from emocap.reports.heat import Values, heat_map, short, shortened, span
from emocap.reports.page import write_report
from emocap.reports.plane import plane
from emocap.reports.sections.annotators import FILE, compared, read_annotators
from tests.reports.test_page import check


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four annotators of whom two share no item, with predictions and explanations; names that are no HTML."""
    out = tmp_path_factory.mktemp("annotators") / "a<b>"
    random = np.random.default_rng(0)
    names = ["Ann & Bob", "<i>", "A rather long name of an annotator", "d"]
    rows = ["item,annotator,label,prediction"]
    for item in range(40):
        for place, name in enumerate(names):
            if (place, item % 2) not in ((0, 0), (1, 1)):
                said = random.choice(["<b>", "sad"], 2)
                rows.append(f"{item},{name},{said[0]},{said[1]}")
    rows.append("40,d,sad:<b>,sad")
    (out.parent / "votes.csv").write_text("\n".join(rows))
    vectors = random.normal(size=(40, 4, 3))
    np.savez(out.parent / "e.npz", items=np.arange(40), annotators=names, vectors=vectors)
    measure(Sources(out.parent / "votes.csv", explanations=out.parent / "e.npz"), Method(), out, lambda task: None)
    return out


def content_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / FILE).read_text())
    return content


def test_a_page_shows_measures_structures_people_and_counts(folder: Path, tmp_path: Path) -> None:
    html = write_report([folder], tmp_path / "page.html").read_text()
    check(html)
    assert not re.search("<i>\\W|<b>sad|<b> \\d", html)
    assert "Ann &amp; Bob" in html
    assert html.count("<svg") == 3 + 3 + 3
    for told in ("is our inference", "weighted F1", "Our reading of BAE", "Krippendorff&#39;s α", "Items in common"):
        assert told in html
    assert "Not on it, for want of a κ with everybody: &lt;i&gt;." in html
    assert "<td>1</td><td>labels that are ties, taken as missing" in html
    assert html.count('stroke-dasharray="3 3"') == 2 * 4  # no κ of two, twice in every structure of κ
    (task,) = content_of(folder)["tasks"]
    accuracy = task["annotators"][0]["accuracy"]
    assert f"<td>{accuracy['value']:.3f}<small>{accuracy['low']:.3f} to {accuracy['high']:.3f}</small></td>" in html
    assert 'class="people"' in html


def test_several_folders_are_compared_in_a_table(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "labels alone"
    content = content_of(folder)
    (task,) = content["tasks"]
    task["measures"] = [one for one in task["measures"] if one["key"] in ("alpha", "kappa_mean")]
    other.mkdir()
    (other / FILE).write_text(json.dumps(content | {"tasks": [task | {"name": "Safe"}, task | {"name": "Lively"}]}))
    tasks = [*read_annotators(folder, "first"), *read_annotators(other, "second")]
    assert [task.title for task in tasks] == ["first", "second: Safe", "second: Lively"]
    assert [key for key, _ in compared(tasks)][:3] == ["alpha", "kappa_mean", "dic"]
    html = write_report([folder, other], tmp_path / "page.html").read_text()
    check(html)
    assert html.count('<a href="#annotators-labels-alone-') == 2
    assert html.count('<details class="task"') == 3
    assert not re.search(r'<details class="task"[^>]* open', html)


def test_an_undefined_number_is_a_dash(folder: Path, tmp_path: Path) -> None:
    content = content_of(folder)
    for one in content["tasks"][0]["measures"]:
        one |= {"value": None, "low": None, "high": None}
    (tmp_path / FILE).write_text(json.dumps(content))
    html = write_report([tmp_path], tmp_path / "page.html").read_text()
    assert html.count('<dd class="value"><span class="soft">–</span>') == len(content["tasks"][0]["measures"])


@pytest.mark.parametrize("content", ["", "{}", '{"method": {}, "tasks": [{}]}', "[1]"])
def test_what_is_damaged_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UserError, match=r"annotators\.json is damaged .*; measure again with emocap annotators"):
        write_report([tmp_path], tmp_path / "page.html")


def colours(svg: str) -> list[tuple[int, ...]]:
    return [tuple(map(int, found)) for found in re.findall(r"rgb\((\d+),(\d+),(\d+)\)", svg)]


def test_a_heat_map_is_deeper_where_two_are_more_alike() -> None:
    value: Values = [[1.0, 0.1, 0.9], [0.1, 1.0, None], [0.9, None, 1.0]]
    assert span(value) == (0.1, 0.9)
    svg = heat_map(["a", "b", "c"], value, "t", span(value), lambda i, j: f"{i} and {j}").svg
    assert colours(svg) == [(244, 240, 232), (47, 111, 143), (244, 240, 232), (47, 111, 143)]
    assert re.findall(r'font-size="10"[^>]*>([^<]*)<', svg) == [".10", ".90", ".10", ".90"]
    assert svg.count("stroke-dasharray") == 2
    assert "<title>0 and 2</title>" in svg


def test_numbers_of_a_heat_map_are_short_and_left_out_of_a_large_one() -> None:
    assert [short(value) for value in (0.123, -0.456, 1.0, -0.001, 0.999)] == [".12", "−.46", "1.00", ".00", "1.00"]
    many = [[0.5] * 17 for _ in range(17)]
    assert 'font-size="10"' not in heat_map([str(i) for i in range(17)], many, "t", (0, 1), lambda i, j: "").svg
    assert span([[1.0, None], [None, 1.0]]) == (0.0, 1.0)
    assert shortened("a" * 30) == "a" * 15 + "…"


def test_a_plane_keeps_the_shape_of_a_map() -> None:
    truth = [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)]
    told = [(0.0, 0.5), (2.0, 0.5), (1.0, 1.0)]
    svg = plane(["a", "<b>", "c"], truth, told, "t").svg
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]
    unit = math.dist(dots[0], dots[1]) / 2
    assert math.dist(dots[1], dots[2]) == pytest.approx(unit, abs=0.2)
    assert dots[2][1] < dots[1][1]  # up is up
    assert svg.count('stroke="#b8432f"') == 3
    assert "&lt;b&gt;" in svg
    assert all(0 <= x <= 360 and 0 <= y <= 300 for x, y in dots)
    alone = plane(["a", "b"], truth[:2], None, "t").svg
    assert "#b8432f" not in alone


def test_names_do_not_cover_each_other_or_leave_the_picture() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(13, 2)).tolist()
    svg = plane([f"annotator {i}" for i in range(13)], points, None, "t").svg
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<text x="([\d.-]+)" y="([\d.-]+)"', svg)]
    assert len(boxes) == 13
    width = 6.2 * len("annotator 12")
    assert all(-1 <= x <= 360 - 0.8 * width and 5 <= y <= 300 for x, y in boxes)
    near = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if abs(a[1] - b[1]) < 10 and abs(a[0] - b[0]) < 0.8 * width
    ]
    assert len(near) <= 1
