"""What every row of results says, whatever the protocol."""

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap import __version__
from emocap.evaluate import outcomes
from emocap.evaluate.cards import Card
from emocap.evaluate.examples import Example, Film, Frames, Sound
from emocap.evaluate.layouts import data_sha256
from emocap.evaluate.splits import Fold

_PACKAGES = ("torch", "open_clip_torch", "scikit-learn", "pillow")


def of_card(name: str, card: Card, examples: Sequence[Example], contents: Sequence[str], data: Path) -> dict[str, Any]:
    """What all rows of a card have in common. contents: the sha256 of what each example shows."""
    kinds = {type(example.media) for example in examples}
    return {
        "benchmark": name,
        "title": card.title,
        "task": card.task,
        "media": "sounds" if Sound in kinds else "clips" if kinds & {Film, Frames} else "pictures",
        "compound": any(one.parts for one in card.classes.values()),
        "data": str(data),
        "data_sha256": data_sha256(examples, contents),
        "published": [one.model_dump(mode="json") for one in card.published],
        "versions": {"emocap": __version__, **{p: importlib.metadata.version(p) for p in _PACKAGES}},
    }


def of_outcome(examples: Sequence[Example], folds: Sequence[Fold], outcome: outcomes.Outcome) -> dict[str, Any]:
    """What a row says of its outcome and of the examples."""
    return {
        "metrics": outcomes.measured(outcome),
        **outcome.told,
        "counts": {side: _counted(examples, rows) for side, rows in _sides(folds).items()},
        "test_subjects": len({examples[row].subject for row in outcome.rows} - {None}),
        "subgroups": outcomes.subgroups(outcome, examples),
    }


def _sides(folds: Sequence[Fold]) -> dict[str, npt.NDArray[np.int64]]:
    """Of folds that are measured together: who teaches in one is tested in another, so all are tested."""
    if len(folds) > 1:
        none = np.array([], dtype=np.int64)
        return {"train": none, "val": none, "test": np.unique(np.concatenate([fold.test for fold in folds]))}
    return {"train": folds[0].train, "val": folds[0].val, "test": folds[0].test}


def _counted(examples: Sequence[Example], rows: npt.NDArray[np.int64]) -> dict[str, int]:
    return dict(Counter(examples[row].label or "unlabelled" for row in rows))
