"""Features that were extracted before, on a disk: blocks that are written once, whole, and never changed.

A folder per encoder, transform and pooling holds npz files of up to some thousand rows: ``keys`` N×32 (sha256 of a
picture's or clip's content) and ``rows`` N×D, float32. Both have a checksum, as every member of a zip has. Processes
that write at the same time write files of their own; a row that is there twice is the same row.
"""

import logging
import os
import uuid
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emocap.core.errors import UserError
from emocap.core.files import replacing

log = logging.getLogger(__name__)

Row = npt.NDArray[np.float32]
_DAMAGED = (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError, RuntimeError)


def default_folder() -> Path:
    """``emocap/features`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "emocap" / "features"


class Store:
    """Rows by kind and key, both sha256 in hexadecimal. Without a folder they are kept in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[str, dict[str, Row]] = defaultdict(dict)
        self._places: dict[Path, list[str]] = {}

    def find(self, kind: str, keys: Sequence[str]) -> dict[str, Row]:
        """The rows that are there. Damaged files are logged, deleted and treated as absent."""
        wanted = set(keys)
        if self._folder is None:
            return {key: self._kept[kind][key] for key in wanted & self._kept[kind].keys()}
        found: dict[str, Row] = {}
        for path in sorted((self._folder / kind).glob("*.npz")):
            try:
                if path not in self._places:
                    self._places[path] = _keys(path)
                here = [(row, key) for row, key in enumerate(self._places[path]) if key in wanted]
                if here:
                    rows_ND = _member(path, "rows")
                    if len(rows_ND) != len(self._places[path]):
                        raise ValueError(f"{len(rows_ND)} rows for {len(self._places[path])} keys")
                    found |= {key: rows_ND[row].copy() for row, key in here}
                    wanted.difference_update(key for _, key in here)
            except FileNotFoundError:
                continue  # another process has found it damaged
            except _DAMAGED as error:
                log.warning("%s is damaged (%s) and will be made anew", path, error)
                self._places.pop(path, None)
                path.unlink(missing_ok=True)
        return found

    def keep(self, kind: str, rows: Mapping[str, Row]) -> None:
        """Add rows of one width, key → D. Raises UserError where the folder cannot be written."""
        if not rows:
            return
        if self._folder is None:
            self._kept[kind] |= rows
            return
        path = self._folder / kind / f"{uuid.uuid4().hex}.npz"
        keys_N32 = np.frombuffer(bytes.fromhex("".join(rows)), dtype=np.uint8).reshape(-1, 32)
        try:
            with replacing(path) as scratch, scratch.open("wb") as file:
                np.savez(file, keys=keys_N32, rows=np.stack(list(rows.values())).astype(np.float32))
        except OSError as error:
            raise UserError(
                f"cache: {path.parent} cannot be written ({error.strerror}); choose another folder, or cache=false"
            ) from None
        self._places[path] = list(rows)

    def bytes(self, kind: str) -> int:
        """What the rows of a kind take on the disk, or in memory."""
        if self._folder is None:
            return sum(row.nbytes for row in self._kept[kind].values())
        return sum(path.stat().st_size for path in (self._folder / kind).glob("*.npz"))


def _keys(path: Path) -> list[str]:
    keys_N32 = _member(path, "keys")
    if keys_N32.dtype != np.uint8 or keys_N32.shape[1:] != (32,):
        raise ValueError(f"keys of {keys_N32.dtype} {keys_N32.shape}")
    text = keys_N32.tobytes().hex()
    return [text[first : first + 64] for first in range(0, len(text), 64)]


def _member(path: Path, name: str) -> npt.NDArray[np.generic]:
    """One array of a file; reading it to its end checks its checksum."""
    with np.load(path, allow_pickle=False) as archive:
        member: npt.NDArray[np.generic] = archive[name]
    return member
