"""Which numbers stand where on the leaderboard."""

from pathlib import Path

import pytest

from emocap.reports.leaderboard import Cell, Group
from emocap.reports.leaderboard_builder import make_leaderboard
from emocap.reports.results import Result
from emocap.reports.tables import markdown
from tests.support.leaderboard import leaderboard, row


def cell(group: Group, line: str) -> Cell:
    (found,) = group.cells[line]
    return found


def test_tasks_have_tables_of_their_own_in_one_order() -> None:
    made = leaderboard(
        row("m", task="multiple_choice"),
        row("a", task="action_units"),
        row("d", media="clips"),
        row("c", compound=True, media="clips"),
        row("s"),
        row("r", task="rating", protocol="probe"),
        row("t", task="retrieval", protocol="retrieval"),
    )
    keys = [section.key for section in made.sections]
    assert keys == ["static", "dynamic", "compound", "action_units", "rating", "multiple_choice", "retrieval"]


def test_an_official_denominator_is_never_what_tables_show() -> None:
    metrics = {"accuracy_official": {"value": 0.9}, "accuracy": {"value": 0.5}}
    (group,) = leaderboard(row(metrics=metrics)).groups
    assert (group.metric, cell(group, "m0").measure.value) == ("accuracy", 0.5)


def test_encoders_and_models_that_write_are_read_across() -> None:
    rows = [row("f", "e"), row("f", "w", 0.4, protocol="generate"), row("g", "e"), row("h", "w", protocol="generate")]
    made = leaderboard(*rows)
    (section,) = made.sections
    assert [(view.protocol, view.beside, [g.benchmark for g in view.groups]) for view in section.views] == [
        ("beside", True, ["f", "f"]),
        ("zeroshot", False, ["f", "g"]),
        ("generate", False, ["f", "h"]),
    ]
    first, second = section.views[0].groups
    assert (cell(first, "m0").measure.value, cell(second, "m1").measure.value) == (0.5, 0.4)
    assert (list(first.cells), list(second.cells)) == (["m0"], ["m1"])
    # Each group is on the page once, and so are its details and its tables for a paper.
    assert [group.key for group in made.groups] == ["d0", "d2", "d1", "d3"]
    assert markdown(made).count("| e |") == 1
    assert [view.protocol for view in leaderboard(row("f"), row("g", protocol="generate")).sections[0].views] == [
        *("zeroshot", "generate"),
    ]


def test_the_best_is_the_best_that_was_measured() -> None:
    published = [{"model": "P", "protocol": "zeroshot", "metrics": {"uar": 0.99}, "source": "paper", "error": None}]
    made = leaderboard(row(model="runs/a", value=0.5, published=published), row(model="runs/b", value=0.6))
    (group,) = made.groups
    assert [cell(group, key).best for key in ("m0", "m1", "p0")] == [False, True, False]
    assert (made.sources, cell(group, "p0").source) == (["paper"], 1)


def test_the_least_error_is_the_best() -> None:
    rows = [row(model=f"runs/{m}", metrics={"mae": {"value": v}}) for m, v in (("a", 2.0), ("b", 1.5))]
    (group,) = leaderboard(*rows).groups
    assert [cell(group, key).best for key in ("m0", "m1")] == [False, True]
    assert (group.lower_is_better, leaderboard(row()).groups[0].lower_is_better) == (True, False)


def test_of_equal_error_rates_the_least_is_the_best() -> None:
    rows = [
        row(model=f"runs/{m}", task="spoofing", metrics={"eer": {"value": v}}) for m, v in (("a", 0.2), ("b", 0.1))
    ]
    made = leaderboard(*rows)
    assert [section.key for section in made.sections] == ["spoofing"]
    assert [cell(made.groups[0], key).best for key in ("m0", "m1")] == [False, True]


def test_a_published_number_in_another_measure_is_named_so() -> None:
    published = [{"model": "P", "protocol": "zeroshot", "metrics": {"war": 0.7}, "source": "paper"}]
    (group,) = leaderboard(row(published=published)).groups
    assert cell(group, "p0").metric == "war"


def test_published_protocols_without_measurements_are_tables_after_those_with() -> None:
    published = [
        {"model": "P", "protocol": p, "metrics": {"uar": 0.9}, "source": "paper"} for p in ("zeroshot", "finetuned")
    ]
    (section,) = leaderboard(row(protocol="probe", published=published)).sections
    assert [view.protocol for view in section.views] == ["probe", "zeroshot", "finetuned"]


def test_a_number_that_several_rows_carry_is_shown_once() -> None:
    published = [{"model": "P", "protocol": "zeroshot", "metrics": {"uar": 0.7}, "source": "paper"}]
    (group,) = leaderboard(row(published=published), row(model="runs/b", published=published)).groups
    assert len(group.cells["p0"]) == 1
    other = [{**published[0], "source": "another paper", "metrics": {"uar": 0.72}}]
    (group,) = leaderboard(row(published=published), row(model="runs/b", published=other)).groups
    assert [(one.measure.value, one.source) for one in group.cells["p0"]] == [(0.7, 1), (0.72, 2)]


def test_of_folds_the_mean_is_shown() -> None:
    (group,) = leaderboard(*(row(fold=k, value=0.1 * k) for k in (1, 2, 3)), row(fold="mean", value=0.2)).groups
    (entry,) = group.entries
    assert (entry.result.row.fold, [fold.row.fold for fold in entry.folds], entry.tags) == ("mean", [1, 2, 3], [])


def test_a_fold_without_the_others_says_so_and_is_not_the_best() -> None:
    made = leaderboard(row(fold=2, value=0.9), row(model="runs/b", fold="mean", value=0.2))
    (group,) = made.groups
    assert group.entries[0].tags == [("fold 2 alone", "fold 2 alone")]
    assert [cell(group, key).best for key in ("m0", "m1")] == [False, True]


def test_of_shots_the_most_are_shown() -> None:
    rows = [row(protocol="fewshot", shots=k, metrics={"uar": {"value": k / 20, "sd": 0.01}}) for k in (16, 1, 4)]
    (group,) = leaderboard(*rows).groups
    assert (group.shots, cell(group, "m0").measure.value, [one.row.shots for one in group.entries[0].shots]) == (
        16,
        0.8,
        [1, 4, 16],
    )


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_number_that_is_missing_is_not_made_up(value: float | None) -> None:
    (group,) = leaderboard(row(value=value, metrics={"uar": {"value": value}}), row(model="runs/b")).groups
    assert "m0" not in group.cells
    assert cell(group, "m1").best


def test_counts_that_differ_are_told() -> None:
    (group,) = leaderboard(row(counts_expected=False), row(model="runs/b", counts_expected=None)).groups
    assert group.differs
    assert [entry.tags for entry in group.entries] == [[("counts differ", "counts differ from the card")], []]


def test_what_is_not_significantly_worse_has_its_p() -> None:
    paired = {name: {"test": "uar_bootstrap", "p": p} for name, p in (("runs/b", 0.31), ("runs/c", 0.01))}
    rows = [row(value=0.6, paired=paired), row(model="runs/b"), row(model="runs/c")]
    (group,) = leaderboard(*rows).groups
    assert [cell(group, key).p for key in ("m0", "m1", "m2")] == [None, 0.31, None]


def test_models_of_one_name_and_one_model_in_two_folders_are_told_apart() -> None:
    assert [line.name for line in leaderboard(row(model="x/run"), row(model="y/run")).measured] == ["x/run", "y/run"]
    twice = [Result(row(value=value), Path(folder)) for folder, value in (("first", 0.1), ("second", 0.2))]
    made = make_leaderboard(twice)
    assert [line.name for line in made.measured] == ["a (first)", "a (second)"]
    assert [cell(made.groups[0], key).measure.value for key in ("m0", "m1")] == [0.1, 0.2]


def test_the_mean_of_folds_whose_counts_differ_is_marked() -> None:
    folds = [row(fold=1, counts_expected=False), row(fold=2), row(fold="mean", counts_expected=None)]
    (group,) = leaderboard(*folds).groups
    assert group.entries[0].tags == [("counts differ", "counts differ from the card")]
