"""Files of a source that are no inputs: counted by their endings."""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

from emocap.io.images import HEIF_SUFFIXES

_THUMBNAILS = {"@eadir", ".@__thumb", ".thumbnails", ".thumbs", ".thumb", "thumbnails.lrdata", "__macosx"}
"""Folders, in small letters, in which network disks, desktops, Lightroom and macOS keep small copies and the like."""
_LITTER = {"thumbs.db", "desktop.ini", "ehthumbs.db"}
_MOST_ENDINGS = 100
_SHOWN = 8
_PREFIX = "passed over: "

IN_THUMBNAILS = "in thumbnail folders"
HEIF_HINT = "pip install 'emocap[heif]'"


def in_thumbnails(below: str) -> bool:
    """Whether a file lies in a folder of thumbnails, somewhere below the source's own folder."""
    return any(part.lower() in _THUMBNAILS for part in PurePosixPath(below).parts[:-1])


class PassedOver:
    """Counts files by their endings, in small letters; ``IN_THUMBNAILS`` is one of its keys too."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self.counts = Counter(counts or {})

    @classmethod
    def of_counts(cls, counts: Mapping[str, int]) -> "PassedOver":
        """From what ``to_counts`` gave, among other counts."""
        return cls({name.removeprefix(_PREFIX): count for name, count in counts.items() if name.startswith(_PREFIX)})

    def to_counts(self) -> dict[str, int]:
        """As counts of a :class:`emocap.io.parquet.TableWriter`."""
        return {f"{_PREFIX}{name}": count for name, count in sorted(self.counts.items())}

    def add(self, below: str) -> None:
        """One file, by its path below the source's folder. What systems strew about is not counted."""
        name = PurePosixPath(below).name.lower()
        if in_thumbnails(below):
            self.counts[IN_THUMBNAILS] += 1
        elif name not in _LITTER and not name.startswith("."):
            ending = _ending(name)
            self.counts[ending if ending in self.counts or len(self.counts) < _MOST_ENDINGS else "others"] += 1

    def in_words(self) -> str:
        """The most frequent endings in words, and what would read them."""
        most = self.counts.most_common()
        named = [f"{count:,} {name}{self.hint(name)}" for name, count in most[:_SHOWN]]
        rest = sum(count for _, count in most[_SHOWN:])
        return ", ".join([*named, f"{rest:,} others"] if rest else named)

    @staticmethod
    def hint(name: str) -> str:
        """What would read a file or an ending, where something would."""
        return f" ({HEIF_HINT} reads HEIC)" if name.lower().endswith(HEIF_SUFFIXES) else ""


def _ending(name: str) -> str:
    suffixes = PurePosixPath(name).suffixes
    if not suffixes:
        return "without an ending"
    packed = "".join(suffixes[-2:])
    return packed if packed.startswith(".tar.") else suffixes[-1][:12]
