"""The same words for every face."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emocap.captioning.base import CaptionerType, Outcome
from emocap.captioning.recipe import CaptionerRecipe
from emocap.llm.reply_log import Usage
from emocap.schema.captions import Caption, LocalCaption
from emocap.schema.samples import Captioned, Sample


class Same:
    def caption(self, samples: Sequence[Sample], ledger: str) -> list[Outcome]:
        local = [LocalCaption(region="eyes", text="The eyes look ahead.")]
        made = Caption(**{"global": "The person looks ahead.", "summary": "A calm gaze.", "local": local})
        return [(made, Captioned(backend="same")) for _ in samples]

    def usage(self) -> Usage:
        return Usage()


def _make(recipe: CaptionerRecipe, prepared: Any, keys: Mapping[str, str], replies: Path) -> Same:
    return Same()


CAPTIONER = CaptionerType("same", _make)
