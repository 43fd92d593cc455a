"""What lies behind a number."""

import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emocap.evaluation.results import ResultRow
from emocap.reports.failures import failures
from emocap.reports.results import Result
from emocap.reports.sections.details import Detail, detail
from tests.support.leaderboard import changed, leaderboard, row, write_pictures


def without_origin(facts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The facts without those that every row has: where the numbers come from."""
    return [fact for fact in facts if fact[0] not in ("data, SHA-256", "versions", "seconds of work")]


def made(*rows: ResultRow, pictures: bool = False) -> Detail:
    (group,) = leaderboard(*rows).groups
    return detail(group, pictures)


def test_what_models_share_is_said_once() -> None:
    prompts = {"x": ["a face, x"], "y": ["a face, y"]}
    first = row(preprocess="resize", model_sha256="1", prompts=prompts, pooling=None)
    second = row(model="runs/b", preprocess="resize", model_sha256="2", prompts=prompts, pooling=None)
    told = made(first, second)
    assert without_origin(told.facts) == [("preprocessing", "resize")]
    assert [model.facts for model in told.models] == [[("weights, SHA-256", "1")], [("weights, SHA-256", "2")]]
    assert (told.prompts, [model.prompts for model in told.models]) == (prompts, [{}, {}])
    told = made(first, changed(second, prompts={"x": ["x"], "y": ["y"]}))
    assert (told.prompts, told.models[0].prompts) == ({}, prompts)


def test_confusion_is_percent_of_the_row_with_counts() -> None:
    (model,) = made(row(confusion=[[3, 1], [0, 0]])).models
    assert model.matrix
    assert [[(s.shade, s.percent, s.count) for s in line] for line in model.matrix.rows] == [
        [("d15", 75, 3), ("k5", 25, 1)],
        [("k0", 0, 0), ("d0", 0, 0)],
    ]


def test_the_matrix_of_folds_is_their_sum_where_the_mean_has_none() -> None:
    folds = [row(fold=k, confusion=[[k, 0], [1, 2]]) for k in (1, 2)]
    (model,) = made(*folds, row(fold="mean")).models
    assert model.matrix
    assert [[square.count for square in line] for line in model.matrix.rows] == [[3, 0], [2, 4]]
    assert [table.title for table in model.tables] == ["Folds"]


def test_answers_that_are_no_class_have_a_column_of_their_own() -> None:
    (model,) = made(row(confusion=[[3, 0, 1], [0, 2, 2]])).models
    assert model.matrix
    assert (model.matrix.labels, model.matrix.columns) == (["x", "y"], ["x", "y", "none"])
    assert [[(s.shade, s.count) for s in line] for line in model.matrix.rows] == [
        [("d15", 3), ("k0", 0), ("k5", 1)],
        [("k0", 0), ("d10", 2), ("k10", 2)],
    ]
    # Of folds of which one has such answers.
    folds = [row(fold=1, confusion=[[1, 0], [0, 1]]), row(fold=2, confusion=[[0, 0, 1], [0, 1, 0]]), row(fold="mean")]
    (model,) = made(*folds).models
    assert model.matrix
    assert [[square.count for square in line] for line in model.matrix.rows] == [[1, 0, 1], [0, 2, 0]]


def test_what_a_model_that_writes_was_asked_is_told_in_order() -> None:
    told: dict[str, Any] = {
        **{"usage": {"prompt_tokens": 41133, "completion_tokens": 6396, "cost": 0.0334}, "temperature": 0.0},
        **{"judge": "openai:j", "extractor": "openai:e", "match": "one class", "unparsable": 7},
        **{"unanswered": {"empty": 1, "missing_file": 1200}, "questions": 2100},
    }
    (model,) = made(row(protocol="generate", **told)).models
    assert model.responses == [
        ("questions asked", "2,100"),
        ("unanswered", "1,201: missing file 1,200, empty 1"),
        ("replies that could not be read", "7"),
        ("what counts of a reply", "the one class that it names"),
        ("extractor", "openai:e"),
        ("judge", "openai:j"),
        ("temperature", "0"),
        ("tokens, all runs into the folder", "41,133 in, 6,396 out"),
        ("cost, all runs into the folder", "0.0334"),
    ]
    assert without_origin(made(row(protocol="generate", **told)).facts) == []
    (model,) = made(row(protocol="generate", questions=3, unanswered={}, unparsable=0)).models
    assert model.responses == [
        *[("questions asked", "3"), ("unanswered", "none"), ("replies that could not be read", "none")],
    ]
    assert made(row()).models[0].responses == []


def test_bars_begin_at_zero_also_where_values_are_negative() -> None:
    bars = made(row(metrics={"uar": {"value": -0.25, "low": -0.25, "high": 0.0}}), row(model="runs/b", value=0.5)).bars
    # The track is −0.25 to 1: zero is at 20%.
    assert [place for bar in bars for place in (bar.left, bar.width)] == pytest.approx([0, 20, 20, 40])
    assert bars[0].interval
    assert list(bars[0].interval) == pytest.approx([0, 20])
    assert bars[0].chance == pytest.approx(60)


def test_errors_above_one_stay_on_the_track() -> None:
    bars = made(*(row(model=m, metrics={"mae": {"value": v}}) for m, v in (("a", 2.0), ("b", 4.0)))).bars
    assert [bar.left + bar.width < 100 for bar in bars] == [True, True]
    assert bars[1].width == pytest.approx(2 * bars[0].width)


def test_prompts_of_any_shape_are_shown() -> None:
    assert made(row(prompts={"question": "a"})).prompts == {"question": ["a"]}
    assert made(row(prompts={"1": [["brow up"], ["no brow up"]]})).prompts == {"1": ["brow up", "no brow up"]}
    told = made(row(prompts={"x": ["x."]}, descriptions={"x": ["a face like x"]}, by_prompt={"{c}.": {"uar": 0.25}}))
    assert told.prompts == {"x": ["x."], "x, descriptions": ["a face like x"]}
    assert without_origin(told.facts) == []
    assert told.models[0].tables[0].rows == [["{c}.", "0.250"]]


def test_subgroups_have_a_table_per_attribute() -> None:
    groups = {
        "gender": {
            "female": {"n": 1234, "metrics": {"uar": 0.4}},
            "male": {"n": 2, "metrics": {"uar": 0.3}},
        }
    }
    (model,) = made(row(subgroups=groups)).models
    (table,) = model.tables
    assert (table.title, table.head) == ("By gender", ["gender", "n", "UAR"])
    assert table.rows == [["female", "1,234", "0.400"], ["male", "2", "0.300"]]


def told(
    folder: Path, columns: dict[str, list[Any]], task: str = "emotion", pictures: bool = False
) -> list[tuple[Any, ...]]:
    """What failures says of predictions in a file of their own; the data is in ``folder/data``."""
    table = {"name": [f"n{i}" for i in range(len(columns["true"]))], **columns}
    pq.write_table(pa.table(table), folder / "p.parquet")
    result = Result(row(predictions="p.parquet", data=str(folder / "data"), task=task), folder)
    return [(f.name, f.true, f.predicted, f.score, bool(f.picture)) for f in failures([result], pictures)]


def test_the_surest_errors_come_first(tmp_path: Path) -> None:
    found = told(
        tmp_path, {"true": ["x", "x", "y", "y"], "predicted": ["y", "x", "x", "x"], "score": [0.5, 0.99, 0.9, None]}
    )
    assert found == [("n2", "y", "x", 0.9, False), ("n0", "x", "y", 0.5, False), ("n3", "y", "x", None, False)]


def test_replies_are_shown_shortened(tmp_path: Path) -> None:
    replies = ["happy <b>", "word " * 100, None, "x" * 400]
    table = {"name": list("abcd"), "true": ["x"] * 4, "predicted": ["y", None, None, None], "reply": replies}
    pq.write_table(pa.table(table), tmp_path / "p.parquet")
    found = failures([Result(row(predictions="p.parquet"), tmp_path)], False)
    assert [(one.predicted, len(one.reply)) for one in found] == [("y", 9), ("none", 161), ("none", 0), ("none", 162)]
    assert (found[0].reply, found[1].reply[-6:], found[3].reply[-3:]) == ("happy <b>", "word …", "x …")


def test_no_more_than_twelve(tmp_path: Path) -> None:
    found = told(tmp_path, {"true": ["x"] * 40, "predicted": ["y"] * 40, "score": [i / 40 for i in range(40)]})
    assert [name for name, *_ in found] == [f"n{i}" for i in range(39, 27, -1)]


def test_of_ratings_the_farthest_off(tmp_path: Path) -> None:
    true = ["valence=0.1 arousal=0", "valence=-0.5 arousal=0.5", "valence=1", ""]
    predicted = ["valence=0.1 arousal=0.1", "valence=0.5 arousal=-0.25", "valence=0.5 arousal=9", "valence=0.5"]
    found = told(tmp_path, {"true": true, "predicted": predicted, "score": [None] * 4}, "rating")
    assert [one[0] for one in found] == ["n1", "n2", "n0", "n3"]
    assert found[3][1:4] == ("none", "valence=0.5", None)


def test_of_voices_the_surest_of_either_side(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "true": ["fake", "real", "real"],
        "predicted": ["real", "fake", None],
        "score": [1.5, -4.0, None],
    }
    found = told(tmp_path, columns, "spoofing")
    assert found == [
        ("n1", "real", "fake", -4.0, False),
        ("n0", "fake", "real", 1.5, False),
        ("n2", "real", "none", None, False),
    ]


def test_of_action_units_the_most_wrong(tmp_path: Path) -> None:
    found = told(tmp_path, {"true": ["1+2", "1+2", "12"], "predicted": ["1+4", "1+2", "1+2"]}, "action_units")
    assert [one[:3] for one in found] == [("n2", "12", "1+2"), ("n0", "1+2", "1+4")]


def test_predictions_that_are_gone_have_no_failures(tmp_path: Path) -> None:
    assert failures([Result(row(predictions="gone.parquet"), tmp_path), Result(row(), tmp_path)], True) == []


def test_pictures_only_where_asked_for_and_below_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_pictures(data)
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.jpg")
    paths = ["raf-db/0.jpg", "dfew/3", "raf-db/19.jpg", "gone.jpg", None, "../secret.jpg", f"{tmp_path}/secret.jpg"]
    columns: dict[str, list[Any]] = {
        **{"true": ["x"] * 7, "predicted": ["y"] * 7, "score": [1 - i / 10 for i in range(7)], "path": paths}
    }
    seen = [one[4] for one in told(tmp_path, columns, pictures=True)]
    assert seen == [True, True, False, False, False, False, False]
    assert not any(one[4] for one in told(tmp_path, columns))
    data.rename(tmp_path / "elsewhere")
    assert not any(one[4] for one in told(tmp_path, columns, pictures=True))


def test_of_frames_the_middle_one(tmp_path: Path) -> None:
    write_pictures(tmp_path / "data")
    table = {"name": ["n"], "true": ["x"], "predicted": ["y"], "path": ["dfew/0"]}
    pq.write_table(pa.table(table), tmp_path / "p.parquet")
    (found,) = failures([Result(row(predictions="p.parquet", data=str(tmp_path / "data")), tmp_path)], True)
    picture = Image.open(io.BytesIO(b64decode(found.picture.split(",")[1])))
    red, green, blue = picture.getpixel((32, 32))  # type: ignore[misc]
    assert green > 200 > 50 > max(red, blue)
