"""Cards × protocols → results.jsonl, one row each."""

import importlib.metadata
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap import __version__
from emocap.errors import UserError
from emocap.evaluate import metrics, probe, retrieval, zeroshot
from emocap.evaluate.cards import Card
from emocap.evaluate.encoders import Encoder, Matrix, load
from emocap.evaluate.examples import Example
from emocap.evaluate.features import extract
from emocap.evaluate.layouts import data_sha256, read
from emocap.shards import replacing

Labels = npt.NDArray[np.int64]
Score = Callable[[npt.NDArray[np.int64]], float]

PROTOCOLS = ("zeroshot", "probe", "retrieval")
_PACKAGES = ("torch", "open_clip_torch", "scikit-learn", "pillow")


def evaluate(
    cards: dict[str, Card], model: str, protocols: Sequence[str], data: Path, out: Path
) -> list[dict[str, Any]]:
    """Measure ``model`` on every card with every protocol; write and return the rows of ``out/results.jsonl``.

    Rows of other models, cards or protocols that are there already stay; the same ones are replaced. A protocol is
    passed over on cards whose task does not have it. Raises UserError for a card without any, and as the readers and
    encoders do.
    """
    for name, card in cards.items():
        if not any((card.task, protocol) in _MEASURES for protocol in protocols):
            having = [protocol for task, protocol in _MEASURES if task == card.task]
            raise UserError(f"{name} is measured by --protocol {' or '.join(having)}")
    encoder = load(model)
    features: dict[str, npt.NDArray[np.float32]] = {}
    rows = []
    for name, card in cards.items():
        examples = read(card, data)
        sha256 = data_sha256(examples, [example.media.sha256() for example in examples])
        test = [example for example in examples if example.splits[0] == "test"]
        for protocol in protocols:
            if (card.task, protocol) not in _MEASURES:
                continue
            used = examples if protocol == "probe" else test
            if unseen := [example for example in used if example.name not in features]:
                features |= extract(encoder, unseen, card.segments)
            matrix = np.stack([features[example.name] for example in used])
            begun = time.monotonic()
            result = _MEASURES[card.task, protocol](encoder, card, used, matrix)
            rows.append(
                {
                    "benchmark": name,
                    "title": card.title,
                    "protocol": protocol,
                    "fold": 0,
                    "model": model,
                    **result,
                    "counts": {
                        split: dict(Counter(e.label or "unlabelled" for e in examples if e.splits[0] == split))
                        for split in ("train", "test")
                    },
                    "test_subjects": len({example.subject for example in test}),
                    "preprocess": encoder.preprocess_text,
                    "model_sha256": encoder.sha256,
                    "data_sha256": sha256,
                    "versions": {"emocap": __version__, **{p: importlib.metadata.version(p) for p in _PACKAGES}},
                    "seconds": round(time.monotonic() - begun, 2),
                }
            )
    _store(out / "results.jsonl", rows)
    return rows


def _store(path: Path, rows: list[dict[str, Any]]) -> None:
    def identity(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[part] for part in ("benchmark", "protocol", "fold", "model"))

    new = {identity(row) for row in rows}
    kept = [row for row in read_results(path) if identity(row) not in new]
    with replacing(path) as scratch:
        scratch.write_text("".join(json.dumps(row) + "\n" for row in kept + rows), encoding="utf-8")


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.jsonl; none where there is no such file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _split(examples: Sequence[Example]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row numbers of train and of test."""
    test = np.array([example.splits[0] == "test" for example in examples])
    return np.flatnonzero(~test), np.flatnonzero(test)


def _classes(card: Card, examples: Sequence[Example]) -> Labels:
    names = list(card.classes)
    return np.array([names.index(str(example.label)) for example in examples])


def _groups(examples: Sequence[Example]) -> npt.NDArray[np.str_]:
    return np.array([example.subject or example.name for example in examples])


def _train_rows(card: Card, train: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if not len(train):
        raise UserError(f"{card.title} has no training pictures: --protocol probe needs some")
    return train


def _zeroshot(encoder: Encoder, card: Card, examples: Sequence[Example], matrix: Matrix) -> dict[str, Any]:
    _, test = _split(examples)
    predicted = zeroshot.classify(encoder, card, matrix[test])
    return {**_classification(card, _classes(card, examples)[test], predicted), "prompts": zeroshot.prompts(card)}


def _probe(encoder: Encoder, card: Card, examples: Sequence[Example], matrix: Matrix) -> dict[str, Any]:
    train, test = _split(examples)
    train = _train_rows(card, train)
    labels = _classes(card, examples)
    predicted, c = probe.fit_predict(
        matrix[train],
        labels[train],
        _groups(examples)[train],
        matrix[test],
        lambda true, told: metrics.uar(metrics.confusion(true, told, len(card.classes))),
    )
    return {**_classification(card, labels[test], predicted), "regularisation_c": c}


def _classification(card: Card, true: Labels, predicted: Labels) -> dict[str, Any]:
    size = len(card.classes)

    def measured(rate: Callable[[npt.NDArray[np.int64]], float]) -> dict[str, float]:
        def score(rows: npt.NDArray[np.int64]) -> float:
            return rate(metrics.confusion(true[rows], predicted[rows], size))

        return _with_interval(score, len(true))

    return {
        "metrics": {
            "uar": measured(metrics.uar),
            "war": measured(metrics.war),
            "macro_f1": measured(metrics.macro_f1),
        },
        "labels": list(card.classes),
        "confusion": metrics.confusion(true, predicted, size).tolist(),
    }


def _probe_units(encoder: Encoder, card: Card, examples: Sequence[Example], matrix: Matrix) -> dict[str, Any]:
    train, test = _split(examples)
    train = _train_rows(card, train)
    present = np.array(
        [[(e.units or {}).get(unit, 0) >= card.present_from for unit in card.action_units] for e in examples]
    ).astype(np.int64)
    predicted = np.stack(
        [
            probe.fit_predict(
                matrix[train],
                present[train, unit],
                _groups(examples)[train],
                matrix[test],
                metrics.f1,
                balanced=True,
            )[0]
            for unit in range(len(card.action_units))
        ],
        axis=1,
    )
    true = present[test]

    def mean_f1(rows: npt.NDArray[np.int64]) -> float:
        return float(np.mean([metrics.f1(true[rows, u], predicted[rows, u]) for u in range(true.shape[1])]))

    # Whoever always says yes reaches 2p / (1 + p) on a unit of frequency p.
    rate = true.mean(0)
    return {
        "metrics": {"macro_f1": _with_interval(mean_f1, len(test))},
        "labels": [f"AU{number}" for number in card.action_units],
        "f1": [round(metrics.f1(true[:, u], predicted[:, u]), 4) for u in range(true.shape[1])],
        "present": true.sum(0).tolist(),
        "chance": {"macro_f1": round(float((2 * rate / (1 + rate)).mean()), 4)},
    }


def _retrieval(encoder: Encoder, card: Card, examples: Sequence[Example], matrix: Matrix) -> dict[str, Any]:
    found = retrieval.measure(encoder, [example.caption for example in examples if example.caption], matrix)
    named = [(f"{one.name}_r{k}", one, place) for one in found for place, k in enumerate(retrieval.RANKS)]
    return {
        # Pictures are drawn anew, each with all its queries: sentences about one face are not independent.
        "metrics": {name: _with_interval(partial(one.at, place), len(examples)) for name, one, place in named},
        "queries": {one.name: int(one.queries_N.sum()) for one in found},
        "chance": {name: round(float(one.chance_K[place]), 4) for name, one, place in named},
    }


def _with_interval(score: Score, size: int) -> dict[str, float]:
    low, high = metrics.bootstrap(score, size)
    return {"value": round(score(np.arange(size)), 4), "low": round(low, 4), "high": round(high, 4)}


_MEASURES: dict[tuple[str, str], Callable[[Encoder, Card, Sequence[Example], Matrix], dict[str, Any]]] = {
    ("emotion", "zeroshot"): _zeroshot,
    ("emotion", "probe"): _probe,
    ("action_units", "probe"): _probe_units,
    ("retrieval", "retrieval"): _retrieval,
}
