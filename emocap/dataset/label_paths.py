"""When a path in a label table names an input: paths are written on other systems, from other folders, and without
suffixes.
"""

import re
import unicodedata
from pathlib import PurePosixPath


def plain(path: str) -> str:
    """A path in the one way in which all are compared: composed Unicode (NFC), ``/`` between its parts, no ``./``.

    The ``::`` before a member of an archive counts as one more ``/``.
    """
    parts = re.split(r"[/\\]+|::", unicodedata.normalize("NFC", path))
    return "/".join(part for place, part in enumerate(parts) if part != "." and (part or not place))


def after_folder(path: str, folder: str) -> list[str]:
    """What comes after the source's own folder in a plain path, for each of its parts that is called so."""
    folder = unicodedata.normalize("NFC", folder)
    parts = path.split("/")
    return ["/".join(parts[place + 1 :]) for place, part in enumerate(parts[:-1]) if folder and part == folder]


def names_of(below: str, archive: str = "") -> list[str]:
    """The plain paths that name an input, the most exact first: with its suffix, then without.

    archive: the path of the archive that ``below`` is a member of. In archives a key ends at the first dot, as in
    WebDataset.
    """
    full = plain(below)
    folder, _, name = full.rpartition("/")
    stem = name.split(".")[0] if archive else PurePosixPath(name).stem
    short = f"{folder}/{stem}" if folder else stem
    whole = [full, short] if stem and stem != name else [full]
    return [both for name in whole for both in ([f"{plain(archive)}/{name}", name] if archive else [name])]


def loose(path: str) -> str:
    """A plain path without what people get wrong most often, its case and its suffix."""
    folder, _, name = path.casefold().rpartition("/")
    return f"{folder}/{PurePosixPath(name).stem}"
