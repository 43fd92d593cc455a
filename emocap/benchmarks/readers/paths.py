"""Pictures and videos whose paths say what they show."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, natural
from emocap.core.errors import UserError
from emocap.io.images import SUFFIXES
from emocap.io.media import Film, Frames, Media, Picture
from emocap.io.video import SUFFIXES as FILMS
from emocap.schema.samples import side


class Paths(Layout):
    """Pictures and videos whose paths say what they show: class folders, or names that are put together of codes."""

    reader: Literal["paths"]
    pattern: str
    """A regular expression that is searched in the path below the data, written with /. Its groups say what is known:
    ``label``, and where the path has them ``split``, ``subject`` and ``clip``. Pictures that agree in ``clip`` are one
    clip. Files that it does not find are not of this benchmark."""
    splits: dict[str, str] = {}
    """What the group ``split`` finds → train, val or test; a file with another is left out."""
    test: float | None = Field(None, gt=0, lt=1)
    """Share of the subjects that are kept for testing, chosen by a hash of their names; null where the path says it,
    or all is for testing."""
    last: int | None = Field(None, ge=1)
    """Number of last frames of a clip that are an example each; null: the clip is one example."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(f"pattern: {error}") from None
        if unknown := set(groups) - {"label", "split", "subject", "clip"}:
            raise ValueError(f"pattern: groups are label, split, subject and clip, not {', '.join(sorted(unknown))}")
        if ("split" in groups) != bool(self.splits):
            raise ValueError("splits: what the group split of the pattern finds; one goes with the other")
        if self.last and "clip" not in groups:
            raise ValueError("last: the pattern has no group clip")
        return self

    def read(self, root: Path) -> Iterator[Example]:
        """From the paths below ``root`` alone."""
        clips: dict[str, list[tuple[str, dict[str, str | None]]]] = {}
        names = (path.relative_to(root).as_posix() for path in root.rglob("*") if _is_media(path))
        for name in sorted(names, key=natural):
            if found := re.search(self.pattern, name):
                known = found.groupdict()
                clips.setdefault(known.get("clip") or name, []).append((name, known))
        if not clips:
            raise UserError(f"data: no file below {root} has a path in which {self.pattern!r} is found")
        for clip, files in clips.items():
            known = files[0][1]
            split = self._split(known, clip)
            if split is None:
                continue
            paths = [root / name for name, _ in files]
            if "clip" not in known:
                shown: list[tuple[str, Media]] = [(clip, _single(paths[0]))]
            elif self.last:
                shown = [(name, Picture(root / name)) for name, _ in files[-self.last :]]
            else:
                shown = [(clip, Frames(paths))]
            for name, media in shown:
                yield Example(name, media, (split,), known.get("label"), subject=known.get("subject"))

    def _split(self, known: dict[str, str | None], name: str) -> str | None:
        if self.splits:
            return self.splits.get(known["split"] or "")
        return side(known.get("subject") or name, self.test) if self.test is not None else "test"


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in (*SUFFIXES, *FILMS) and not path.name.startswith("._")


def _single(path: Path) -> Media:
    return Film(path) if path.suffix.lower() in FILMS else Picture(path)


READER = Paths
