"""Whole rows of results, for pictures whose features are known, without a network."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example, Question
from emocap.core.errors import UserError
from emocap.encoders import Encoder
from emocap.evaluation.runner import evaluate
from emocap.io.media import Picture, Stored
from tests.support.rows import flat, flat_rows

WIDTH = 12


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((1, 1, 3), number % 256, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


class World:
    """Examples with given features in place of a benchmark on a disk, and an encoder that knows them."""

    def __init__(self, examples: Sequence[Example], features: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
        self.features = {e.name: row.astype(np.float32) for e, row in zip(examples, features, strict=True)}
        monkeypatch.setattr("emocap.evaluation.inputs.read_examples", lambda card, data: list(examples))
        monkeypatch.setattr("emocap.evaluation.runner.load", lambda model: self.encoder(model))
        monkeypatch.setattr("emocap.evaluation.runner.extract", self.extract)
        self.looked: list[str] = []

    def extract(self, encoder: Encoder, examples: Sequence[Example], *how: object) -> dict[str, np.ndarray]:
        self.looked += [example.name for example in examples]
        return {example.name: self.features[example.name] for example in examples}

    def encoder(self, model: str) -> Encoder:
        def texts(sentences: Sequence[str]) -> torch.Tensor:
            rows = [np.random.default_rng(list(text.encode())).normal(size=WIDTH) for text in sentences]
            return torch.nn.functional.normalize(torch.tensor(np.stack(rows), dtype=torch.float32), dim=1)

        def preprocess(image: Image.Image) -> torch.Tensor:
            raise NotImplementedError

        return Encoder(model, "0" * 64, preprocess, "none", lambda batch: batch, texts)


CLASSES = ("a", "b", "c", "never")


def card(**parts: Any) -> Card:
    base: dict[str, Any] = {
        "title": "T",
        "task": "emotion",
        "layout": {"reader": "build"},
        "classes": {name: [name] for name in CLASSES},
        "prompts": ["{c}", "a {c} face"],
    }
    return Card.model_validate({**base, **parts})


def people(
    monkeypatch: pytest.MonkeyPatch,
    splits: Sequence[tuple[str, ...]] = (("train",), ("test",)),
    root: Path = Path("r"),
) -> tuple[World, list[Example], np.ndarray]:
    """Six people with 20 pictures each, of three classes that features tell about; sides by person in turn."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 120)
    features = np.random.default_rng(1).normal(size=(3, WIDTH))[labels] + 1.8 * random.normal(size=(120, WIDTH))
    examples = [
        Example(
            f"{n}.png",
            Stored(png(n)),
            splits[n // 20 % len(splits)],
            CLASSES[labels[n]],
            subject=f"person {n // 20}",
            groups={"gender": "female" if n // 20 < 3 else "male"},
        )
        for n in range(120)
    ]
    return World(examples, features, monkeypatch), examples, labels


def measured(*args: Any, **settings: Any) -> list[dict[str, Any]]:
    return [flat(row) for row in evaluate(*args, **settings)]


def table(out: Path, row: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = pq.read_table(out / row["predictions"]).to_pydict()
    return found


def test_a_probe_leaves_metrics_that_its_predictions_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, examples, _ = people(monkeypatch)
    (row,) = measured({"x": card(metrics=["war", "uar", "uf1"])}, "m", ["probe"], tmp_path, tmp_path)
    assert list(row["metrics"]) == ["war", "uar", "uf1"]
    told = table(tmp_path, row)
    tested = [e for e in examples if e.splits == ("test",)]
    assert told["name"] == [e.name for e in tested]
    assert told["true"] == [e.label for e in tested]
    assert told["subject"] == [e.subject for e in tested]
    right = np.array(told["true"]) == np.array(told["predicted"])
    assert row["metrics"]["war"]["value"] == pytest.approx(right.mean(), abs=1e-4)
    assert right.mean() > 0.6
    assert row["absent_classes"] == ["never"]
    assert (row["fold"], row["shots"], row["test_subjects"], row["task"]) == (0, None, 3, "emotion")
    # Subgroups are the same predictions, counted apart.
    for value, own in row["subgroups"]["gender"].items():
        mask = np.array([e.groups["gender"] == value for e in tested])
        assert own["n"] == mask.sum()
        assert own["metrics"]["war"] == pytest.approx(right[mask].mean(), abs=1e-4)


def test_official_folds_have_a_row_each_and_one_of_their_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people(monkeypatch, [("train", "test"), ("test", "train"), ("train", "train")])
    rows = measured({"x": card()}, "m", ["zeroshot", "probe"], tmp_path, tmp_path)
    assert [(row["protocol"], row["fold"]) for row in rows] == [
        (protocol, fold) for protocol in ("zeroshot", "probe") for fold in (1, 2, "mean")
    ]
    first, second, mean = rows[3:]
    values = [row["metrics"]["uar"]["value"] for row in (first, second)]
    assert mean["metrics"]["uar"]["value"] == pytest.approx(np.mean(values), abs=1e-4)
    assert mean["metrics"]["uar"]["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-4)
    assert mean["confusion"] == (np.array(first["confusion"]) + second["confusion"]).tolist()
    assert mean["predictions"] is None
    assert rows == flat_rows(tmp_path)
    assert len({row["predictions"] for row in rows}) == 5


def test_folds_by_subject_are_measured_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, examples, _ = people(monkeypatch, [("test",)])
    by_subject = card(split={"by": "subjects"})
    zero, probe = measured({"x": by_subject}, "m", ["zeroshot", "probe"], tmp_path, tmp_path)
    for row in (zero, probe):
        assert table(tmp_path, row)["name"] == [e.name for e in examples]
        assert sum(map(sum, row["confusion"])) == 120
        assert (row["fold"], row["test_subjects"]) == (0, 6)
    assert probe["metrics"]["uar"]["value"] > 0.6
    assert len(probe["regularisation_c"]) == 6
    assert sorted(world.looked) == sorted(e.name for e in examples)


def test_every_prompt_is_measured_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people(monkeypatch)
    (row,) = measured({"x": card()}, "m", ["zeroshot"], tmp_path, tmp_path)
    assert list(row["by_prompt"]) == ["{c}", "a {c} face"]
    for template, rates in row["by_prompt"].items():
        (alone,) = measured({"y": card(prompts=[template])}, "m", ["zeroshot"], tmp_path, tmp_path)
        assert rates == {name: alone["metrics"][name]["value"] for name in ("uar", "war")}


def test_few_shots_have_a_row_for_each_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people(monkeypatch)
    rows = measured({"x": card()}, "m", ["fewshot"], tmp_path, tmp_path, shots=(1, 4, 30), seeds=5)
    assert [row["shots"] for row in rows] == [1, 4, 30]
    for row in rows:
        uar = row["metrics"]["uar"]
        assert uar["low"] <= uar["value"] <= uar["high"]
        assert uar["sd"] > 0 or row["shots"] == 30  # there, all draws are all of train
        assert sum(map(sum, row["confusion"])) == 5 * 60
        told = table(tmp_path, row)
        assert len(told["name"]) == 60
        assert set(told["predicted"]) <= {"a", "b", "c"}
    assert "never" in rows[0]["fewer_examples"]
    assert all(count < 30 for count in rows[2]["fewer_examples"].values())
    assert rows[2]["metrics"]["uar"]["value"] > rows[0]["metrics"]["uar"]["value"]
    with pytest.raises(UserError, match="two seeds at least"):
        evaluate({"x": card()}, "m", ["fewshot"], tmp_path, tmp_path, seeds=1)


def test_ratings_of_several_scales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(120, WIDTH))
    rated = np.clip(features[:, :2] / 3 + 0.1 * random.normal(size=(120, 2)), -1, 1)
    examples = [
        Example(
            f"{n}",
            Stored(png(n)),
            ("train",) if n < 60 else ("test",),
            values={"valence": rated[n, 0]} | ({"arousal": rated[n, 1]} if n % 3 else {}),
        )
        for n in range(120)
    ]
    World(examples, features, monkeypatch)
    scales = card(task="rating", classes={}, ratings={"valence": [-1, 1], "arousal": [-1, 1]}, metrics=["ccc", "sagr"])
    (row,) = measured({"x": scales}, "m", ["probe"], tmp_path, tmp_path)
    assert list(row["metrics"]) == ["ccc", "sagr", "ccc_valence", "sagr_valence", "ccc_arousal", "sagr_arousal"]
    told = table(tmp_path, row)
    assert told["true"][0].count("=") == 1  # arousal of this one was not rated
    read = [dict(pair.split("=") for pair in line.split()) for line in told["predicted"]]
    predicted = np.array([float(one["valence"]) for one in read])
    ccc = metrics.rating("ccc", rated[60:, 0], predicted, np.ones((1, 60)))[0]
    assert row["metrics"]["ccc_valence"]["value"] == pytest.approx(ccc, abs=1e-3)
    both = [row["metrics"][f"ccc_{name}"]["value"] for name in ("valence", "arousal")]
    assert row["metrics"]["ccc"]["value"] == pytest.approx(np.mean(both), abs=1e-4)
    assert min(both) > 0.8


def test_action_units_with_unknown_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(120, WIDTH))
    strong = 5 * (features[:, :3] > [0, 0.5, 99])
    examples = [
        Example(
            f"{n}",
            Stored(png(n)),
            ("train",) if n < 60 else ("test",),
            units={u: float(strong[n, place]) for place, u in enumerate((1, 12, 4)) if n % 4 or u != 12},
        )
        for n in range(120)
    ]
    World(examples, features, monkeypatch)
    units = card(task="action_units", classes={}, action_units=[1, 12, 4], prompts=[])
    zero, probe = measured({"x": units}, "m", ["zeroshot", "probe"], tmp_path, tmp_path)
    for row in (zero, probe):
        assert row["absent_classes"] == ["AU4"]
        assert row["unknown"] == [0, 15, 0]
        assert row["present"][0] == int((strong[60:, 0] > 0).sum())
        assert row["metrics"]["macro_f1"]["value"] == pytest.approx(np.mean(row["f1"][:2]), abs=1e-4)
        assert 0 < row["metrics"]["map"]["value"] <= 1
    assert probe["f1"][0] > 0.85
    assert zero["prompts"]["no AU12"] == [
        f"{start}no lip corner puller{end}"
        for start, end in (("a face with ", ""), ("The face shows ", "."), ("a photo of a person with ", ""))
    ]
    assert "12" not in table(tmp_path, probe)["true"][0]


def test_questions_are_scored_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    groups = [
        {"part": "basic", "picture": "original"},
        {"part": "basic", "picture": "cropped"},
        {"part": "compound", "picture": "cropped"},
    ]
    places = [0] * 10 + [1] * 20 + [2] * 30
    examples = [
        Example(f"{n}", Stored(png(n)), question=Question("?", ("joy", "grief", "rage", "awe"), 0), groups=groups[g])
        for n, g in enumerate(places)
    ]
    World(examples, random.normal(size=(60, WIDTH)), monkeypatch)
    asked = card(task="multiple_choice", classes={}, prompts=[], metrics=["accuracy", "grouped_accuracy"])
    (row,) = measured({"x": asked}, "m", ["zeroshot"], tmp_path, tmp_path)
    told = table(tmp_path, row)
    right = np.array(told["true"]) == np.array(told["predicted"])
    first, second, third = right[:10].mean(), right[10:30].mean(), right[30:].mean()
    assert row["metrics"]["accuracy"]["value"] == pytest.approx(right.mean(), abs=1e-4)
    assert row["metrics"]["grouped_accuracy"]["value"] == pytest.approx(((first + second) / 2 + third) / 2, abs=1e-4)
    assert row["chance"] == {"accuracy": 0.25}


def test_paths_and_counts_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.png").write_bytes(png(0))
    _, examples, _ = people(monkeypatch)
    media = Picture(tmp_path / "x.png")
    there = [Example(e.name, media, e.splits, e.label, subject=e.subject) for e in examples]
    World(there, np.random.default_rng(0).normal(size=(120, WIDTH)), monkeypatch)
    for expected, counts in ((True, {"test": 60}), (False, {"test": {"a": 1}}), (None, {})):
        (row,) = measured({"x": card(counts=counts)}, "m", ["zeroshot"], tmp_path, tmp_path / "out")
        assert row["counts_expected"] is expected
        assert sum(row["counts"]["test"].values()) == 60
        assert set(table(tmp_path / "out", row)["path"]) == {"x.png"}


def test_metrics_of_another_task_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people(monkeypatch)
    with pytest.raises(UserError, match="metrics of emotion are uar, war, macro_f1, uf1, accuracy, not ccc"):
        measured({"x": card(metrics=["uar", "ccc"])}, "m", ["zeroshot"], tmp_path, tmp_path)
