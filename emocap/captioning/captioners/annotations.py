"""Captions worded from labels."""

# Tested in tests/dataset/test_run.py.

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emocap.captioning import annotations
from emocap.captioning.base import CaptionError, CaptionerType, NoCaption, Outcome
from emocap.captioning.recipe import CaptionerRecipe
from emocap.llm.reply_log import Usage
from emocap.schema.captions import lint
from emocap.schema.samples import Labels, Sample


class Annotations:
    """Captions worded from the labels."""

    def caption(self, samples: Sequence[Sample], ledger: str) -> list[Outcome]:
        """An outcome for every sample, in their order."""
        return [self._one(sample) for sample in samples]

    def usage(self) -> Usage:
        """Nothing."""
        return Usage()

    def _one(self, sample: Sample) -> Outcome:
        try:
            made = annotations.caption(sample.record.labels or Labels(), sample.record.key)
        except CaptionError as error:
            return NoCaption("no_caption", str(error))
        problems = lint(made[0])
        return NoCaption("lint", "; ".join(problems)) if problems else made


def _make(recipe: CaptionerRecipe, prepared: Any, keys: Mapping[str, str], replies: Path) -> Annotations:
    return Annotations()


CAPTIONER = CaptionerType("annotations", _make, from_labels=True, title="rules, from labels")
