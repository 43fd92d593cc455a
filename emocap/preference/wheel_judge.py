"""The emotion wheel as the judge: whose emotion words come closer to the true labels describes better.

Per input the higher wheel score of a sample wins, and equal scores are the same (our reading: EmoPrefer compares with
people and with models). It sees words and no sentences: a captioner that reasons better about the same emotion gains
nothing. Inputs without true labels, and those whose labels are on no wheel, such as neutral, tell nothing of anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from emocap.core.errors import UserError
from emocap.metrics.arrays import Numbers
from emocap.metrics.wheel.groups import groups
from emocap.metrics.wheel.overlaps import overlap
from emocap.metrics.wheel.resources import load, small
from emocap.metrics.wheel.rewards import of_overlap
from emocap.preference.comparison_data import ComparisonData, description_in
from emocap.preference.pairs import Pair, Verdict

_SAME = 1e-9
"""Scores that are closer are equal: the same fractions may be added up in another order."""


class Score(Protocol):
    """Of emotion words against true labels, sample by sample."""

    def __call__(self, true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Numbers:
        """N: from 0 to 1, nan where the true labels have no place in the metric."""
        ...


def make_wheel_judge(data: ComparisonData, folder: Path | None) -> "WheelJudge":
    """The judge by the wheels in a folder, or by the small ones that come with emocap. Raises UserError as they do."""
    if folder and not folder.is_dir():
        raise UserError(f"wheel: there is no folder {folder}")
    wheels = load(folder) if folder else small()
    level1 = groups(wheels)

    def score(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Numbers:
        return of_overlap(overlap(level1, true, predicted))

    return WheelJudge(data, score, f"{wheels.name}, {wheels.sha256[:8]}")


@dataclass(frozen=True)
class WheelJudge:
    """See :class:`emocap.preference.judges.Judge`."""

    data: ComparisonData
    score: Score
    wheels: str
    """Whose wheels they are."""
    both_orders: bool = False
    """The order cannot matter."""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """See Judge."""
        return f"wheel, {self.wheels}"

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """See Judge."""
        true = [self.data.true.get(pair.name, ()) for pair in pairs]
        predicted = [self._words(pair.name, *side) for pair in pairs for side in _sides(pair)]
        score_P2 = self.score([one for one in true for _ in range(2)], predicted).reshape(-1, 2)
        words = list(zip(predicted[::2], predicted[1::2], strict=True))
        return [_verdict(*scored) for scored in zip(score_P2, true, words, strict=True)]

    def _words(self, name: str, model: str | None, text: str) -> tuple[str, ...]:
        """What the captioner named as emotions where that is known, else what the text affirms."""
        known = self.data.descriptions.get(model or "", {}).get(name)
        return known.emotions if known and known.text == text else description_in(text).emotions


def _sides(pair: Pair) -> tuple[tuple[str | None, str], tuple[str | None, str]]:
    return (pair.model1, pair.a1), (pair.model2, pair.a2)


def _verdict(score_2: Numbers, true: tuple[str, ...], words: tuple[tuple[str, ...], tuple[str, ...]]) -> Verdict:
    if not true:
        return Verdict(None, "no true labels")
    if np.isnan(score_2).any():
        return Verdict(None, f"none of the true labels, {', '.join(true)}, is on a wheel")
    first, second = score_2
    detail = f"{', '.join(true)}: " + "; ".join(
        f"a{place} {score:.3f} ({', '.join(some) or 'no word'})"
        for place, (score, some) in enumerate(zip(score_2, words, strict=True), start=1)
    )
    return Verdict("same" if abs(first - second) < _SAME else "a1" if first > second else "a2", detail)
