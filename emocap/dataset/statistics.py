"""What the captions of a build are like, in the terms of the EmoCap100K paper."""

import hashlib
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emocap.schema.captions import Caption, named_emotions
from emocap.schema.facs import numbers
from emocap.schema.shards import read_records

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_END = re.compile(r"[.!?…]+(?=\s|$)")


@dataclass(frozen=True)
class Measure:
    """One line of a description; ``paper`` is what EmoCap100K has there, None where that is not known.

    Numbers of the paper: the mean length of a caption, and the shape of its one published sample.
    """

    name: str
    value: float
    paper: str | None = None

    def text(self) -> str:
        """The value as it is printed."""
        if isinstance(self.value, int):
            return f"{self.value:,}"
        digits = 1 if self.value >= 1 else 4 if self.value >= 0.001 else 6
        return f"{self.value:,.{digits}f}"


@dataclass
class CaptionStatistics:
    """Means over captions that are added one by one. What grows: the set of words, and 8 bytes for every sentence."""

    captions: int = 0
    global_words: int = 0
    global_sentences: int = 0
    local_words: int = 0
    local_sentences: int = 0
    summary_words: int = 0
    summary_sentences: int = 0
    regions: int = 0
    action_units: int = 0
    emotions: int = 0
    _words: set[str] = field(default_factory=set)
    _captions: "array[int]" = field(default_factory=lambda: array("Q"))
    _sentences: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, caption: Caption) -> None:
        """Count one caption."""
        local = [entry.text for entry in caption.local]
        self.captions += 1
        self.global_words += self._count(caption.global_)
        self.local_words += sum(map(self._count, local))
        self.summary_words += self._count(caption.summary)
        self.global_sentences += _sentences(caption.global_)
        self.local_sentences += sum(map(_sentences, local))
        self.summary_sentences += _sentences(caption.summary)
        self.regions += len({entry.region for entry in caption.local})
        self.action_units += len(numbers(code for entry in caption.local for code in entry.action_units))
        self.emotions += len(named_emotions(" ".join(caption.texts())))
        self._captions.append(_hash(caption.texts()))
        self._sentences.extend(_hash([text]) for text in caption.texts())

    def _count(self, text: str) -> int:
        words = _WORD.findall(text.lower())
        self._words.update(words)
        return len(words)

    def measures(self) -> list[Measure]:
        """Everything that was counted; empty where there was no caption."""
        if not (n := self.captions):
            return []
        words = self.global_words + self.local_words + self.summary_words
        return [
            Measure("captions", n, "107,134"),
            Measure("words per caption", words / n, "267"),
            Measure("global: words", self.global_words / n),
            Measure("global: sentences", self.global_sentences / n, "1"),
            Measure("local: words", self.local_words / n),
            Measure("local: sentences", self.local_sentences / n, "5"),
            Measure("local: words per sentence", self.local_words / self.local_sentences, "18 to 26"),
            Measure("summary: words", self.summary_words / n, "40"),
            Measure("summary: sentences", self.summary_sentences / n, "1"),
            Measure("regions per caption", self.regions / n, "5"),
            Measure("action units per caption", self.action_units / n),
            Measure("emotions named per caption", self.emotions / n),
            Measure("distinct captions", _distinct(self._captions)),
            Measure("distinct sentences", _distinct(self._sentences)),
            Measure("different words", len(self._words)),
            Measure("type/token ratio", len(self._words) / max(words, 1)),
        ]


def _sentences(text: str) -> int:
    return max(1, len(_END.findall(text)))


def _hash(texts: Iterable[str]) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(texts).encode()).digest()[:8])


def _distinct(hashes: "array[int]") -> int:
    return len(np.unique(np.frombuffer(hashes, dtype=np.uint64)))


def describe(folder: Path) -> dict[str, Measure]:
    """Name → measure over all captions of a build, read one by one; empty where it has none.

    Raises ValueError for a damaged shard.
    """
    statistics = CaptionStatistics()
    for tar in sorted((folder / "shards").glob("*.tar")):
        for record in read_records(tar):
            if record.caption:
                statistics.add(record.caption)
    return {measure.name: measure for measure in statistics.measures()}
