"""Sources: which inputs there are, and how each becomes pixels."""

import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emocap.build.labels import Known, Table, known_faces
from emocap.build.recipe import DrawnRecipe, SourceRecipe
from emocap.errors import UserError
from emocap.faces.detectors import Detection
from emocap.faces.images import SUFFIXES, ImageError, Pixels, decode
from emocap.samples import Labels


@dataclass(frozen=True)
class Input:
    """One picture: its path, or ``drawn://<seed>/<index>``; which entry of the recipe's sources; its size on disk."""

    path: str
    source: int
    bytes: int


@dataclass(frozen=True)
class Opened:
    """An input that was read: its pixels, the sha256 of its bytes, and the faces that the source knows of."""

    image: Pixels
    sha256: str
    known: list[Known]


def list_inputs(sources: Sequence[SourceRecipe]) -> list[Input]:
    """Every input of every source, source by source, in the order of their paths.

    Raises UserError for a source that does not exist or holds no pictures.
    """
    inputs: list[Input] = []
    for number, source in enumerate(sources):
        if source.drawn:
            names = (f"drawn://{source.drawn.seed}/{index}" for index in range(source.drawn.count))
            inputs.extend(Input(name, number, 0) for name in names)
            continue
        found = [Input(str(path), number, _bytes(path)) for path in sorted(_pictures(str(source.path)))]
        if not found:
            raise UserError(
                f"sources: no pictures in {source.path}; files that end in {', '.join(SUFFIXES[:5])} ... count"
            )
        inputs.extend(found)
    return inputs


def _pictures(path: str) -> Iterator[Path]:
    if Path(path).is_dir():
        yield from (p for p in Path(path).rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("._"))
    elif glob.has_magic(path):
        yield from (Path(p) for p in glob.iglob(path, recursive=True) if Path(p).suffix.lower() in SUFFIXES)
    elif Path(path).exists():
        yield Path(path)
    else:
        raise UserError(f"sources: there is no {path}")


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _root(path: str) -> Path:
    """The folder that the paths of a label table are relative to."""
    if glob.has_magic(path):
        parts = Path(path).parts
        return Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
    return Path(path) if Path(path).is_dir() else Path(path).parent


def open_input(item: Input, source: SourceRecipe, table: Table, max_pixels: int) -> Opened:
    """Read one input. Raises ImageError with the reason for its row in rejects."""
    if source.drawn:
        return _draw(int(item.path.rpartition("/")[2]), source.drawn)
    try:
        data = Path(item.path).read_bytes()
    except OSError as error:
        raise ImageError("unreadable", error.strerror or type(error).__name__) from None
    image = decode(data, max_pixels)
    below = Path(item.path).relative_to(_root(str(source.path))).as_posix()
    return Opened(image, hashlib.sha256(data).hexdigest(), known_faces(source, table, below))


def _draw(index: int, recipe: DrawnRecipe) -> Opened:
    from emocap.drawn import sample

    face = sample(recipe.seed, index, people=recipe.people, size=recipe.size, weights=recipe.weights)
    shown = face.expression
    labels = Labels(
        emotion=max(shown.emotions, key=lambda name: shown.emotions[name]),
        emotions=shown.emotions,
        action_units=shown.action_units,
        intensity=shown.intensity,
        valence=shown.valence,
        arousal=shown.arousal,
        subject=face.subject,
    )
    found = Detection(face.bbox, 1.0, tuple(face.landmarks))
    return Opened(face.image, hashlib.sha256(face.image.tobytes()).hexdigest(), [Known(labels, face=found)])
