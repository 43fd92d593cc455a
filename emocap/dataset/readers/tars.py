"""WebDataset tars: their pictures, one after the other, with little memory."""

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from emocap.dataset.readers.base import MOST_BYTES, Frame, InputKind, InputReader, Member, guarded, too_many
from emocap.io.images import SUFFIXES, ImageError
from emocap.io.storage import Unreachable
from emocap.schema.shards import Reject


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    with reader.place.open(reader.item.path) as file:
        for member in guarded(read_tar(file)):
            yield from reader.decode(member)


def read_tar(file: BinaryIO) -> Iterator[Member]:
    """The pictures in a tar, by their suffix, in order; everything else in it is passed over.

    Nothing is unpacked, unpickled or run. Raises ImageError with reason broken_archive or no_pictures, the former
    after what was whole.
    """
    count = 0
    try:
        with tarfile.open(fileobj=file, mode="r|", encoding="utf-8", errors="backslashreplace") as archive:
            while (entry := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would remember all that went by
                name = PurePosixPath(entry.name)
                if not entry.isfile() or name.suffix.lower() not in SUFFIXES or name.name.startswith("._"):
                    continue
                count += 1
                if entry.size > MOST_BYTES:
                    yield Member(str(name), too_many(entry.size), {})
                    continue
                content = archive.extractfile(entry)
                data = content.read() if content else b""
                if len(data) < entry.size:
                    raise tarfile.ReadError(f"{name} is cut short")
                yield Member(str(name), data, {})
    except Unreachable:
        raise
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ImageError("broken_archive", f"after {count} pictures: {error}") from None
    if not count:
        raise ImageError("no_pictures", f"no member ends in {', '.join(SUFFIXES[:5])} ...")


KIND = InputKind("tar", _read, (".tar",), "tars without compression", brings_labels=False, has_members=True)
