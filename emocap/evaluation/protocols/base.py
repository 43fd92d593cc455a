"""What every protocol for encoders shares: its settings, and the linear probes of several tasks."""

# Tested in tests/evaluation/protocols/test_zeroshot.py.

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Fold, Rows
from emocap.core.errors import UserError
from emocap.metrics.arrays import Labels, Numbers

if TYPE_CHECKING:
    from emocap.encoders import Encoder, Matrix


@dataclass(frozen=True)
class Protocol:
    """A way to measure a model, as the registry holds it; one for each file in ``emocap.evaluation.protocols``."""

    name: str
    title: str
    """For pages."""
    order: int
    """Protocols with the least come first."""
    trains: bool = False
    """Whether it needs training examples."""
    reads_texts: bool = False
    """Whether it needs an encoder with a text tower."""
    generates: bool = False
    """Whether it measures generative models; the others measure encoders."""


@dataclass(frozen=True)
class Setting:
    """What a protocol measures, and how."""

    encoder: "Encoder"
    card: Card
    examples: Sequence[Example]
    folds: Sequence[Fold]
    """Measured together."""
    features: Mapping[str, npt.NDArray[np.float32]]
    """By name, of the examples that the protocol looks at."""
    shots: Sequence[int]
    seeds: int

    def matrix(self, rows: Rows) -> "Matrix":
        """Features, rows × D."""
        return np.stack([self.features[self.examples[row].name] for row in rows])

    def groups(self, rows: Rows) -> list[str]:
        """The person of each row, or else the example: folds keep them together."""
        return [self.examples[row].subject or self.examples[row].name for row in rows]

    @property
    def tested(self) -> Rows:
        """Rows that are tested in any of the folds, each once."""
        return np.unique(np.concatenate([fold.test for fold in self.folds]))


def training_rows(setting: Setting, fold: Fold, protocol: str) -> tuple[Rows, Rows, Rows]:
    """Rows of train, val and test. Raises UserError where there is nobody to learn from."""
    if not len(fold.train):
        raise UserError(f"{setting.card.title} has no training pictures, and {protocol} needs some")
    return fold.train, fold.val, fold.test


def probe_folds(
    setting: Setting, target: Labels, fit: Callable[..., Any], rate: Callable[[Labels, Labels], float]
) -> tuple[Labels, Numbers, Any]:
    """Predictions and scores, each of the shape of ``target``, and C: one number, or one for each fold."""
    predicted, score, chosen = np.zeros_like(target), np.zeros(target.shape), []
    for fold in setting.folds:
        train, val, test = training_rows(setting, fold, "probe")
        known = (setting.matrix(val), target[val]) if len(val) else None
        probed = fit(setting.matrix(train), target[train], setting.groups(train), setting.matrix(test), rate, known)
        predicted[test], score[test] = probed.predicted, probed.score
        # Nothing is chosen where train is of one class.
        chosen.append(probed.c if np.isfinite(probed.c) else None)
    return predicted, score, chosen[0] if len(chosen) == 1 else chosen
