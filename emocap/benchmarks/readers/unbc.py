"""UNBC-McMaster Shoulder Pain Expression Archive: pain, as PSPI, of every frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of, natural
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import lines_of

_TOP = 16


class UNBC(Layout):
    """``Images/<person>/<sequence>/<frame>.png`` and, of the same folders, ``Frame_Labels/PSPI/.../<frame>_facs.txt``
    with one number. Where there is no PSPI it is computed from ``Frame_Labels/FACS``, whose lines are unit, intensity
    and two numbers that are not used; an empty file is a frame that shows no unit.
    """

    reader: Literal["unbc"]

    def read(self, root: Path) -> Iterator[Example]:
        """From the files of labels, by person, sequence and frame."""
        labels = folder_of(root, "Frame_Labels", "Frame_Labels/Frame_Labels")
        labels = folder_of(labels, "PSPI", "FACS", "Frame_Labels/PSPI", "Frame_Labels/FACS")
        intensity = _written if labels.name == "PSPI" else _computed
        images = "Images/Images" if (root / "Images" / "Images").is_dir() else "Images"
        files = [path for path in labels.glob("*/*/*_facs.txt") if not path.name.startswith("._")]
        if not files:
            raise UserError(f"{labels} has no labels such as 042-ll042/ll042t1aaaff/ll042t1aaaff001_facs.txt")
        for path in sorted(files, key=lambda path: natural(path.relative_to(labels).as_posix())):
            person, sequence, file = path.relative_to(labels).parts
            name = f"{images}/{person}/{sequence}/{file.removesuffix('_facs.txt')}.png"
            yield Example(name, Picture(root / name), values={"pspi": intensity(path)}, subject=person)


def _written(path: Path) -> float:
    lines = lines_of(path)
    try:
        (value,) = map(float, lines)
    except ValueError:
        raise UserError(f"{path}: {' '.join(lines)!r} is not one number") from None
    if not 0 <= value <= _TOP:
        raise UserError(f"{path}: a PSPI of {value:g} lies outside 0 to {_TOP}")
    return value


def _computed(path: Path) -> float:
    """The Prkachin and Solomon Pain Intensity: AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43, which is 0 or 1."""
    shown: dict[int, float] = {}
    for line in lines_of(path):
        try:
            unit, intensity = map(float, line.split()[:2])
        except ValueError:
            raise UserError(f"{path}: {line!r} is not a unit and its intensity") from None
        if not 0 <= intensity <= 5:
            raise UserError(f"{path}: an intensity of {intensity:g} lies outside 0 to 5")
        shown[int(unit)] = max(intensity, shown.get(int(unit), 0.0))

    def strongest(*units: int) -> float:
        return max(shown.get(unit, 0.0) for unit in units)

    return strongest(4) + strongest(6, 7) + strongest(9, 10) + float(43 in shown)


READER = UNBC
