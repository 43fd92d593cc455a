"""What tests of the captioner share: faces that differ in a few bytes, and recipes that point at a mock server."""

from collections import Counter
from pathlib import Path
from typing import Any

from emocap.captioning.base import NoCaption, Outcome
from emocap.captioning.captioners.openai import OpenAICaptioner
from emocap.captioning.prompt import load_prompt
from emocap.captioning.recipe import CaptionerRecipe
from emocap.llm.reply_log import Reply, read_replies
from emocap.schema.samples import Face, Record, Sample, Source


def faces(count: int, first: int = 0) -> list[Sample]:
    face = Face(
        bbox=(0, 0, 9, 9), score=1, detector="none", crop=(0, 0, 9, 9), sharpness=99, brightness=99, contrast=9
    )
    source = Source(path="a.jpg", sha256="0" * 64)
    return [
        Sample(Record(key=f"face-{number}", source=source, face=face), b"\xff\xd8\xff" + str(number).encode())
        for number in range(first, first + count)
    ]


def recipe(*endpoints: str, **changes: Any) -> CaptionerRecipe:
    """A recipe for these base_urls; ``concurrency`` and the like go to every endpoint."""
    limits = {
        name: changes.pop(name)
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute", "key")
        if name in changes
    }
    content = {"backend": "openai", "model": "tiny", "endpoints": [{"base_url": url, **limits} for url in endpoints]}
    return CaptionerRecipe.model_validate(content | changes)


def captioner(recipe: CaptionerRecipe, folder: Path) -> OpenAICaptioner:
    """Waits a hundredth of what it otherwise would."""
    return OpenAICaptioner(recipe, load_prompt(recipe.prompt), {"TOKEN": "a-secret"}, folder, backoff=0.005)


def reasons(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(one.reason if isinstance(one, NoCaption) else "captioned" for one in outcomes)


def ledger(folder: Path) -> list[Reply]:
    return [reply for path in sorted(folder.glob("*.jsonl")) for reply in read_replies(path)]
