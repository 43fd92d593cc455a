"""Where a source's files lie, on this machine or on a file system that Arrow or fsspec reaches: list, open, copy."""

import contextlib
import functools
import glob
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from emocap.core.errors import UserError

_WAITS = (0.5, 2.0, 8.0)
"""Seconds before each further attempt to read from a network that failed."""


@dataclass(frozen=True)
class Found:
    """A file: its path, a full URI where it is remote, and its size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True)
class _Entry:
    name: str
    path: str
    folder: bool
    bytes: int


@dataclass(frozen=True)
class Place:
    """A path of a recipe. ``filesystem`` is None on this machine; ``prefix`` + a path inside it is that path's URI."""

    filesystem: Any
    prefix: str
    inside: str

    @property
    def path(self) -> str:
        """The path itself, a full URI where it is remote, without what its credentials and options were."""
        return self.prefix + self.inside

    def files(self) -> Iterator[Found]:
        """All files that the path means, a folder being searched to its bottom, in the order of their paths.

        One folder's names are held in memory at a time, and those of the folders above it. Links to folders are
        followed, but never around in a circle. Raises UserError for what does not exist or cannot be listed.
        """
        try:
            kind, size = self._status()
            if kind == "file":
                yield Found(self.path, size)
            elif kind == "folder":
                folder = self.inside if self.filesystem else str(PurePosixPath(self.inside))
                yield from self._walk(folder, ("**",), frozenset({0, 1}), (self._real(folder),))
            elif glob.has_magic(self.inside):
                folder, pattern = _fixed(self.inside), PurePosixPath(self.inside).parts
                pattern = pattern[len(PurePosixPath(folder).parts) :]
                above = (self._real(folder),)
                yield from self._walk(folder, pattern, _past_stars(pattern, {0}), above)
            else:
                raise UserError(f"sources: there is no {self.path}")
        except OSError as error:
            message = " ".join(str(error).split())
            raise UserError(f"sources: {self.path} cannot be listed: {message}") from None

    def below(self, path: str) -> str:
        """A file's path below the source's folder, as label tables and patterns name it."""
        inner = PurePosixPath(path.removeprefix(self.prefix))
        if inner.is_relative_to(self.inside) and inner != PurePosixPath(self.inside):
            return inner.relative_to(self.inside).as_posix()
        root = _fixed(self.inside) if glob.has_magic(self.inside) else str(PurePosixPath(self.inside).parent)
        return inner.relative_to(root).as_posix()

    def folder(self) -> str:
        """The name of the folder below which :meth:`below` names files; empty where it has none."""
        inside = self.inside if self.filesystem else os.path.abspath(self.inside)  # noqa: PTH100  # ".." may be a link's
        if glob.has_magic(inside):
            return PurePosixPath(_fixed(inside)).name
        kind, _ = self._status()
        return PurePosixPath(inside).name if kind != "file" else PurePosixPath(inside).parent.name

    def open(self, path: str) -> BinaryIO:
        """A file for reading. Raises OSError; a network that fails for a moment is tried again."""
        if self.filesystem is None:
            return Path(path).open("rb")
        inner = path.removeprefix(self.prefix)
        return io.BufferedReader(_Steady(lambda: self.filesystem.open_input_file(inner)), 1 << 20)

    @contextlib.contextmanager
    def local_copy(self, path: str) -> Iterator[tuple[Path, str]]:
        """The file on this machine, while the block runs, and its sha256. Raises OSError."""
        if self.filesystem is None:
            with Path(path).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            yield Path(path), sha256
            return
        digest = hashlib.sha256()
        with tempfile.TemporaryDirectory(prefix="emocap-") as folder:
            copy = Path(folder) / f"copy{PurePosixPath(path).suffix}"
            with self.open(path) as file, copy.open("wb") as out:
                while block := file.read(1 << 20):
                    digest.update(block)
                    out.write(block)
            yield copy, digest.hexdigest()

    def _status(self) -> tuple[str | None, int]:
        """Whether the path is a file or a folder, and a file's size."""
        if self.filesystem is None:
            path = Path(self.inside)
            return ("folder", 0) if path.is_dir() else ("file", path.stat().st_size) if path.exists() else (None, 0)
        (info,) = _checked(lambda: self.filesystem.get_file_info([self.inside]))
        if info.type == fs.FileType.Directory:
            return "folder", 0
        return ("file", info.size or 0) if info.type == fs.FileType.File else (None, 0)

    def _real(self, folder: str) -> str:
        return os.path.realpath(folder) if self.filesystem is None else folder

    def _walk(
        self, folder: str, pattern: tuple[str, ...], reached: frozenset[int], above: tuple[str, ...]
    ) -> Iterator[Found]:
        """The files below a folder that a pattern leads to; ``reached``: how many of its parts may be used up here."""
        for entry in self._entries(folder):
            if entry.name.startswith("._"):  # what macOS leaves beside a file on foreign disks
                continue
            stays = {part for part in reached if part < len(pattern) and pattern[part] == "**"}
            goes = {part + 1 for part in reached if part < len(pattern) and fnmatchcase(entry.name, pattern[part])}
            after = _past_stars(pattern, stays | goes)
            if not entry.folder and len(pattern) in goes:
                yield Found(self.prefix + entry.path, entry.bytes)
            elif entry.folder and any(part < len(pattern) for part in after):
                real = self._real(entry.path)
                if real not in above:
                    yield from self._walk(entry.path, pattern, after, (*above, real))

    def _entries(self, folder: str) -> list[_Entry]:
        if self.filesystem is None:
            if not Path(folder).is_dir():
                return []
            with os.scandir(folder) as found:
                return sorted(map(_local_entry, filter(_readable, found)), key=lambda entry: entry.name)
        infos = _checked(lambda: self.filesystem.get_file_info(fs.FileSelector(folder, allow_not_found=True)))
        entries = [
            _Entry(info.base_name, info.path, info.type == fs.FileType.Directory, info.size or 0) for info in infos
        ]
        return sorted(entries, key=lambda entry: entry.name)


@functools.lru_cache(maxsize=64)
def place(path: str) -> Place:
    """The place that a path or URI of a recipe names. Raises UserError where its file system is not to be had."""
    if "://" not in path:
        return Place(None, "", path)
    scheme, _, rest = path.partition("://")
    rest, question, query = rest.partition("?")
    if scheme == "file":
        return Place(None, "", rest)
    folder = _fixed(rest) if glob.has_magic(rest) else rest
    try:
        filesystem, inside = _connect(
            f"{scheme}://{quote(folder, safe='/%:@')}{question}{query}", f"{scheme}://{folder}"
        )
    except (OSError, ValueError, ImportError) as error:
        # Credentials may stand before an @ and after a question mark; neither is repeated.
        message = " ".join(str(error).split()).replace(path, f"{scheme}://...")
        raise UserError(f"sources: {scheme}:// cannot be used: {message}") from None
    inside = inside.rstrip("/") or inside
    prefix = _prefix(scheme, folder.rstrip("/"), inside)
    return Place(filesystem, prefix, inside + rest.removeprefix(folder).rstrip("/"))


def _connect(uri: str, plain: str) -> tuple[Any, str]:
    """A file system and the path in it: Arrow's own, else one of fsspec's."""
    try:
        filesystem, inside = fs.FileSystem.from_uri(uri)
        return filesystem, inside
    except pa.ArrowInvalid as error:
        if "Unrecognized filesystem type" not in str(error):
            raise
    from fsspec.core import url_to_fs

    found, inside = url_to_fs(plain)
    return fs.PyFileSystem(fs.FSSpecHandler(found)), inside


def _prefix(scheme: str, rest: str, inside: str) -> str:
    """What to put before a path inside a file system for a full URI, without a password."""
    if inside.startswith(f"{scheme}://"):
        return ""
    host = urlsplit(f"{scheme}://{rest}").netloc
    user, _, _ = host.rpartition("@")
    public = f"{scheme}://" + unquote(rest.removeprefix(f"{user}@") if ":" in user else rest)
    return public.removesuffix(inside) if public.endswith(inside) else f"{scheme}://"


def _fixed(pattern: str) -> str:
    """The folder above the first part of a glob that is a pattern."""
    parts = PurePosixPath(pattern).parts
    return str(PurePosixPath(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))]))


def _past_stars(pattern: tuple[str, ...], reached: set[int]) -> frozenset[int]:
    """Parts of a pattern that may be used up, where ``**`` may also stand for no folder at all."""
    every = set(reached)
    for part in sorted(reached):
        while part < len(pattern) and pattern[part] == "**":
            part += 1
            every.add(part)
    return frozenset(every)


def _readable(entry: os.DirEntry[str]) -> bool:
    """Files, folders and broken links, which are reported when they are read; neither pipes nor devices."""
    return entry.is_file() or entry.is_dir() or entry.is_symlink()


def _local_entry(entry: os.DirEntry[str]) -> _Entry:
    folder = entry.is_dir()
    size = entry.stat().st_size if not folder and entry.is_file() else 0
    path = entry.path.removeprefix("./")
    # A name that is not UTF-8 has no place in a table; spelt out, it is found unreadable, and reported.
    return _Entry(entry.name, os.fsencode(path).decode(errors="backslashreplace"), folder, size)


class Unreachable(OSError):
    """A remote file system did not answer, although it was asked again and again."""


class _Steady(io.RawIOBase):
    """A remote file that, when the network fails, is opened again where it was left."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect, self._file, self._at = connect, None, 0
        self._size: int = self._try(lambda: self._opened().size())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        data: bytes = self._try(lambda: self._read(len(buffer)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    def _opened(self) -> Any:
        if self._file is None:
            self._file = self._connect()
        return self._file

    def _read(self, size: int) -> Any:
        file = self._opened()
        file.seek(self._at)
        return file.read(size)

    def _try(self, action: Callable[[], Any]) -> Any:
        for wait in (*_WAITS, None):
            try:
                return _checked(action)
            except (FileNotFoundError, PermissionError, IsADirectoryError):
                raise
            except OSError as error:
                self._file = None
                if wait is None:
                    raise Unreachable(str(error)) from error
                time.sleep(wait)


def _checked(action: Callable[[], Any]) -> Any:
    """What an action on a remote file system returns. Raises OSError, where fsspec's drivers each have their own."""
    try:
        return action()
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
