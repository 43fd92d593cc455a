"""Rows of results for tests: single ones, and a folder as a long evaluation leaves it; all numbers are drawn."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from emocap.evaluation.results import FILE, Responses, ResultRow, to_line
from emocap.reports.leaderboard import Leaderboard
from emocap.reports.leaderboard_builder import make_leaderboard
from emocap.reports.results import Result

SEVEN = ["neutral", "happiness", "sadness", "anger", "fear", "surprise", "disgust"]
MODELS = [
    "runs/emocapclip-vit-b-32",
    "runs/global_only & <plain>",
    "open_clip:ViT-B-32/openai",
    "open_clip:ViT-L-14/openai",
    "timm:vit_base_patch16_224",
    "runs/100%_#1",
]
FIGURE = {"source": "read from Fig. 1e of the EmoCapCLIP paper", "error": 0.003}
TABLE = {"source": "Exp-CLIP, table 1 & README <b>", "error": None}
PUBLISHED: dict[str, dict[str, Any]] = {
    "EmoCapCLIP B/32": FIGURE,
    "Exp-CLIP B/32": TABLE,
    "CLIP B/32": TABLE,
    "EmoCLIP": FIGURE,
}
STATIC = [
    *("RAF-DB", "AffectNet-7", "AffectNet-8", "FERPlus", "SFEW 2.0", "CK+", "JAFFE", "FER2013", "ExpW", "CAER-S"),
    *("FABA-Bench emotion", "SMIC"),
]
DYNAMIC = [
    *("DFEW", "FERV39k", "MAFW", "AFEW", "CREMA-D", "RAVDESS", "eNTERFACE05", "CAER", "Oulu-CASIA", "CASME II"),
    *("SAMM", "MMEW"),
]
UNITS = ["BP4D", "DISFA", "EmotioNet", "Aff-Wild2 AU", "RAF-AU", "FABA-Bench AU"]
RATED = ["AFEW-VA", "Aff-Wild2 VA", "UNBC-McMaster", "AffectNet VA"]
CHOICE = ["Face-Human-Bench", "FaceXBench"]
COMPOUND = ["RAF-DB compound", "MAFW compound"]
FORTY_THREE = [*SEVEN, *(f"{a}_{b}" for a, b in itertools.combinations([*SEVEN, "contempt", "anxiety"], 2))][:43]


def row(benchmark: str = "raf-db", model: str = "runs/a", value: float | None = 0.5, **fields: Any) -> ResultRow:
    """One row; ``fields`` replace its own, go into its responses, or into its details."""
    content: dict[str, Any] = {
        **{"benchmark": benchmark, "title": benchmark.upper(), "protocol": "zeroshot", "fold": 0, "model": model},
        **{"metrics": {"uar": {"value": value, "low": 0.4, "high": 0.6}, "war": {"value": 0.9}}},
        **{"labels": ["x", "y"], "task": "emotion", "media": "pictures", "counts": {"test": {"x": 3, "y": 4}}},
        **{"data": "data", "data_sha256": "0" * 64, "versions": {"emocap": "0.2.0"}, "seconds": 1.5},
        **fields,
    }
    responses = {name: content.pop(name) for name in list(content) if name in Responses.model_fields}
    details = {name: content.pop(name) for name in list(content) if name not in ResultRow.model_fields}
    return ResultRow.model_validate({**content, "responses": responses, "details": details})


def changed(one: ResultRow, **fields: Any) -> ResultRow:
    """A row with some other fields."""
    return ResultRow.model_validate(one.model_dump() | fields)


def leaderboard(*rows: ResultRow, folder: str = "results") -> Leaderboard:
    """The leaderboard of rows of one folder."""
    return make_leaderboard([Result(one, Path(folder)) for one in rows])


def write_leaderboard(folder: Path, models: Sequence[str] = MODELS, predictions: bool = True) -> Path:
    """results.jsonl and predictions of every benchmark, and the pictures of RAF-DB in ``folder/data``."""
    random = np.random.default_rng(0)
    (folder / "predictions").mkdir(parents=True)
    write_pictures(folder / "data")
    rows: list[dict[str, Any]] = []
    named = {"static": STATIC, "dynamic": DYNAMIC, "compound": COMPOUND, "action_units": UNITS, "rating": RATED}
    for task, names in {**named, "multiple_choice": CHOICE}.items():
        for place, title in enumerate(names):
            rows += benchmark(random, folder, task, title, place, models, predictions)
    lines = [to_line(ResultRow.model_validate(one)) for one in rows]
    (folder / FILE).write_text("".join(lines), encoding="utf-8")
    return folder


def write_pictures(data: Path) -> None:
    """Twenty pictures of RAF-DB, a folder of frames for DFEW, and one file that is no picture."""
    (data / "raf-db").mkdir(parents=True)
    for number in range(20):
        Image.new("RGB", (100, 100), (250, 10 * number, 60)).save(data / "raf-db" / f"{number}.jpg")
    (data / "raf-db" / "19.jpg").write_bytes(b"no picture")
    for number in range(20):
        (data / "dfew" / f"{number}").mkdir(parents=True)
        for frame, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
            Image.new("RGB", (64, 64), colour).save(data / "dfew" / f"{number}" / f"{frame}.png")


def benchmark(
    random: np.random.Generator,
    folder: Path,
    task: str,
    title: str,
    place: int,
    models: Sequence[str],
    predictions: bool,
) -> list[dict[str, Any]]:
    """Its rows: models × protocols × folds and shots."""
    name = title.lower().replace(" ", "-")
    labels = {"action_units": [f"AU{n}" for n in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)], "rating": []}.get(
        task, FORTY_THREE if title == "MAFW compound" else [*SEVEN, "contempt", *FORTY_THREE[7:10]][: 7 + place % 4]
    )
    if task == "multiple_choice":
        labels = []
    metrics = {
        "action_units": ["macro_f1", "map"], "rating": ["ccc", "pcc", "rmse"], "multiple_choice": ["accuracy"],
    }.get(task, ["uar", "war", "macro_f1"])  # fmt: skip
    metrics = ["mae", "pcc", "icc"] if title == "UNBC-McMaster" else metrics
    protocols = ["probe"] if task == "rating" else ["zeroshot"] if task == "multiple_choice" else ["zeroshot", "probe"]
    protocols += ["fewshot"] if task in ("static", "dynamic") and place < 3 else []
    level = random.uniform(0.2, 0.6)
    common: dict[str, Any] = {
        **{"benchmark": name, "title": title, "labels": labels, "segments": 16},
        **{"task": "emotion" if task in ("static", "dynamic", "compound") else task, "compound": task == "compound"},
        **{"media": "clips" if task == "dynamic" else "pictures", "data_sha256": f"{place:064x}"},
        "data": str(folder / "data"),
        "published": [
            {**told, "model": model, "protocol": "zeroshot", "metrics": {metrics[0]: level - 0.03 * i}}
            for i, (model, told) in enumerate(PUBLISHED.items())
            if task != "rating" and (model != "EmoCLIP" or task == "dynamic")
        ],
    }  # fmt: skip
    rows = []
    for number, model in enumerate(models):
        for protocol in protocols:
            if model.startswith("timm") and protocol == "zeroshot":
                continue
            value = level + 0.02 * number + (0.1 if protocol == "probe" else 0)
            if task == "rating" and number == 1:
                value = -0.052
            for fold in [*range(1, 6), "mean"] if title == "DFEW" else [0]:
                for shots in (1, 2, 4, 8, 16) if protocol == "fewshot" else (None,):
                    row = {**common, "model": model, "protocol": protocol, "fold": fold, "shots": shots}
                    row["metrics"] = {
                        metric: measured(value + 0.03 * np.log2(shots or 1) - 0.01 * i, few=shots is not None)
                        for i, metric in enumerate(metrics)
                    }
                    row |= rest(random, labels, task, number)
                    rows.append(row)
            if predictions and protocol != "fewshot" and task in ("static", "dynamic", "compound"):
                rows[-1]["predictions"] = written(random, folder, name, protocol, number, labels)
    rows[0]["counts_expected"] = title != "FERPlus"
    return rows


def measured(value: float, few: bool) -> dict[str, float]:
    """With an interval, few-shot with a standard deviation."""
    more = {"sd": 0.02} if few else {"low": value - 0.02, "high": value + 0.021}
    return {"value": value, **more}


def rest(random: np.random.Generator, labels: list[str], task: str, number: int) -> dict[str, Any]:
    """What a row has besides its numbers."""
    told: dict[str, Any] = {
        "preprocess": f"Compose(Resize({224 + number}), CenterCrop(224), Normalize(mean=(0.48, 0.46, 0.41)))",
        "model_sha256": f"{number:064x}",
        "pooling": "mean",
        "versions": {"emocap": "0.2.0", "torch": "2.11.0", "open_clip_torch": "3.3.0"},
        "seconds": 12.5 + number,
        "test_subjects": 30,
        "subgroups": {"gender": {"female": {"n": 60, "metrics": {"uar": 0.4}}}},
    }
    if task == "action_units":
        told |= {"f1": [0.5] * len(labels), "present": [20] * len(labels), "chance": {"macro_f1": 0.4}}
        told["counts"] = {"train": {"unlabelled": 1000}, "test": {"unlabelled": 1234}}
    elif labels:
        confusion = random.poisson(3, (len(labels), len(labels))) * (random.random((len(labels), len(labels))) < 0.5)
        confusion += np.diag(random.integers(20, 90, len(labels)))
        told["confusion"] = confusion.tolist()
        told["counts"] = {"test": dict(zip(labels, confusion.sum(1).tolist(), strict=True))}
        told["prompts"] = {label: [f"an expression of {label}.", f"a photo of a face, {label}."] for label in labels}
    else:
        told["counts"] = {"test": {"unlabelled": 999}}
    return told


def written(
    random: np.random.Generator, folder: Path, name: str, protocol: str, number: int, labels: list[str]
) -> str:
    """The predictions of twenty examples, a third of them right; the path is relative to the folder."""
    true = [labels[i % len(labels)] for i in range(20)]
    predicted = [labels[(i + i % 3) % len(labels)] for i in range(20)]
    table = {
        "name": [f"{name} {i}" for i in range(20)],
        "path": [f"{name}/{i}" if name == "dfew" else f"{name}/{i}.jpg" for i in range(20)],
        "subject": [None] * 20,
        "true": true,
        "predicted": predicted,
        "score": (np.arange(20) / 20).tolist(),
    }
    path = f"predictions/{name}-{protocol}-{number}.parquet"
    pq.write_table(pa.table(table), folder / path)
    return path
