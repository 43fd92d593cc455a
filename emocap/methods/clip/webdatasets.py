"""WebDatasets that are no builds: streamed through webdataset once, checked, and laid down as shards with an index.

A tar can only be read from its beginning, wherever it lies; with an index beside it, on a disk, any sample can be
read at once, which an exact shuffle and an exact resume need. So webdataset does what it is good at, tars of any
origin, in any order of members, compressed or not, as one stream, and is done before training begins. Pictures and
records are taken as bytes: none of webdataset's decoders, some of which unpickle, has a part in it.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlparse

import webdataset as wds
from filelock import FileLock
from pydantic import ValidationError

from emocap.core import progress
from emocap.core.errors import UserError
from emocap.io.images import ImageError, decode
from emocap.methods.clip.datasets import MOST_BYTES
from emocap.schema.samples import Record, Sample
from emocap.schema.shards import ShardWriter

MOST_PIXELS = 2048 * 2048
"""Of a picture; a larger one is refused before memory is spent on it."""


def find_tars(path: str) -> list[str]:
    """The tars that a path means: a folder of them, one, a pattern such as ``faces-{000..041}.tar``, or their URLs.

    Empty where it means none. Raises UserError for a URL that webdataset cannot open, or would start a program for.
    """
    if Path(path).is_dir():
        return sorted(str(tar) for tar in Path(path).iterdir() if tar.name.endswith(_SUFFIXES))
    try:
        urls: list[str] = wds.shardlists.expand_urls(path)
    except (AssertionError, ValueError) as error:
        raise UserError(f"data.builds: {path} is no pattern: {error}") from None
    # One by one, as webdataset will open them: a pattern may hold several.
    for url in urls:
        if urlparse(url).scheme not in ("", *_SCHEMES):
            raise UserError(f"data.builds: {url} is not opened; give files, or URLs of {', '.join(_SCHEMES)}")
    return [url for url in urls if "://" in url or (url.endswith(_SUFFIXES) and Path(url).is_file())]


_SCHEMES = ("file", "http", "https", "ftps", "sftp", "scp", "gs", "hf", "ais")
"""Of URLs. Not among them: pipe, by which webdataset starts a program."""

_SUFFIXES = (".tar", ".tar.gz", ".tgz")


def bring(tars: list[str], cache: Path) -> Path:
    """The folder of ``shards/`` and ``index/`` that holds these tars; what of it is there already is not read again.

    Of a local tar, size and time of change count as well as its name. Processes that want the same tars wait for the
    first. Raises UserError, naming tar and key, for a tar that cannot be read and for what is no sample of ours.
    """
    folder = cache / hashlib.sha256("\n".join(map(_version, tars)).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"), progress.stage("fetching", len(tars)) as stage:
        for number, tar in enumerate(tars):
            index = folder / "index" / f"{number:06d}.parquet"
            if not index.exists():
                with ShardWriter(folder / "shards" / f"{number:06d}.tar", index) as writer:
                    for sample in _samples(tar):
                        writer.add(sample)
            stage.advance()
    return folder


def _version(tar: str) -> str:
    if "://" in tar:
        return tar
    stat = Path(tar).stat()
    return f"{Path(tar).resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _samples(tar: str) -> Iterator[Sample]:
    pipeline = wds.DataPipeline(
        wds.SimpleShardList([tar]), wds.tariterators.url_opener, _members, wds.tariterators.group_by_keys
    )
    try:
        for sample in pipeline:
            yield _check(sample, f"{tar}: {sample['__key__']}")
    # Beside its own errors, tarfile passes on those of the decompressors.
    except (OSError, ValueError, tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"data.builds: {tar} is not a tar that can be read to its end: {error}") from None


def _members(opened: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Name and bytes of every picture and record; webdataset's own stage takes members of any kind and size."""
    for shard in opened:
        stream = _Watched(shard["stream"])
        with tarfile.open(fileobj=stream, mode="r|*") as archive:  # type: ignore[call-overload]
            while (entry := archive.next()) is not None:
                archive.members.clear()  # it would remember all that went by
                if not entry.isfile() or not entry.name.lower().endswith((".jpg", ".jpeg", ".json")):
                    continue
                if entry.size > MOST_BYTES // 4:
                    raise ValueError(f"{entry.name} has {entry.size} bytes, at most {MOST_BYTES // 4} are read")
                content = archive.extractfile(entry)
                yield {"fname": entry.name, "data": content.read() if content else b"", "__url__": shard["url"]}
            while stream.read(1 << 20):
                pass
            # tarfile takes the end of a file for the end of the tar; a decompressor does not.
            if archive.fileobj.comptype == "tar" and any(stream.last):
                raise ValueError("it is cut short")


class _Watched:
    """A stream of which the last 512 bytes are remembered: of a whole tar they are zeros."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.last = stream, b""

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.last = (self.last + data)[-512:]
        return data


def _check(sample: dict[str, Any], name: str) -> Sample:
    jpeg, text = sample.get("jpg", sample.get("jpeg")), sample.get("json")
    if jpeg is None or text is None:
        raise UserError(f"data.builds: {name} has no {'.jpg' if jpeg is None else '.json'} member")
    try:
        decode(jpeg, MOST_PIXELS)
        record = Record.model_validate_json(text)
    except ImageError as error:
        raise UserError(f"data.builds: {name}.jpg is no picture: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"data.builds: {name}.json is not a record: {where}: {first['msg']}") from None
    if "." in record.key or len(record.key.encode()) > 90:
        raise UserError(f"data.builds: {name}.json: a key has no dots and at most 90 bytes, not {record.key!r}")
    return Sample(record, jpeg)
