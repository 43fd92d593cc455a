"""What a judge that sees is shown of an input: the face of a build, or a file by the name of the input."""

# Tested in tests/preference/test_model_judge.py.

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from emocap.benchmarks.readers.base import pictures_in, within
from emocap.core.errors import UserError
from emocap.io.images import SUFFIXES as PICTURES
from emocap.io.media import Film, Frames, Media, Picture, Sound, Stored
from emocap.io.video import SUFFIXES as FILMS
from emocap.preference.comparison_data import ComparisonData

SOUNDS = (".wav", ".mp3", ".flac", ".m4a", ".ogg")


class InputMedia:
    """Input → what is shown of it."""

    def __init__(self, data: ComparisonData, folder: Path | None) -> None:
        """folder: where files lie that are called as the inputs, with the ending of a picture, a film or a sound, or
        folders of frames; it is sought there first.
        """
        if folder is not None and not folder.is_dir():
            raise UserError(f"media: there is no folder {folder}")
        self._data, self._folder = data, folder
        self._found = lru_cache(maxsize=512)(self._find)

    def of(self, name: str) -> Media | None:
        """None where there is nothing by that name."""
        return self._found(name)

    def check(self, names: Sequence[str]) -> None:
        """Raises UserError where there is nothing to be shown of any of these inputs."""
        if names and not any(self._place(name) for name in names):
            where = f"in {self._folder}" if self._folder else "in a build; name the folder of media"
            raise UserError(f"none of {len(names):,} inputs, such as {', '.join(names[:3])}, is {where}")

    def _place(self, name: str) -> bool:
        return self._file(name) is not None or name in self._data.faces

    def _find(self, name: str) -> Media | None:
        path = self._file(name)
        if path is None:
            sample = self._data.picture(name)
            return Stored(sample.jpeg) if sample else None
        if path.is_dir():
            return Frames(pictures_in(path))
        kind = path.suffix.lower()
        return Picture(path) if kind in PICTURES else Film(path) if kind in FILMS else Sound(path)

    def _file(self, name: str) -> Path | None:
        """Films come before pictures, which may be their thumbnails, and sounds, which may be theirs."""
        if self._folder is None:
            return None
        path = within(self._folder, name, "the name of an input")
        endings = ("", *FILMS, *PICTURES, *SOUNDS)
        return next((one for ending in endings if (one := path.with_name(path.name + ending)).exists()), None)
