"""Lists of folds as ME-GraphAU writes them for BP4D and DISFA: paths of frames, and beside them a matrix of codes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.coded import occurrences
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import lines_of


def has_lists(root: Path, dataset: str) -> bool:
    """Whether there is at least the list of the first fold's test pictures."""
    return _list(root, dataset, "test_img_path", 1).is_file()


def read_lists(root: Path, dataset: str, units: Sequence[int], images: str) -> Iterator[Example]:
    """The frames of ``list/<dataset>_{train,test}_{img_path,label}_fold<k>.txt`` with their split in every fold.

    units: FACS numbers of the columns. A frame that a fold does not list is in none of its splits. Raises UserError
    where paths and codes are not as many, or folds contradict one another.
    """
    folds = 1
    while _list(root, dataset, "test_img_path", folds + 1).is_file():
        folds += 1
    codes: dict[str, str] = {}
    splits: dict[str, list[str]] = {}
    for fold in range(folds):
        for split in ("test", "train"):
            for path, line in _rows(root, dataset, split, fold + 1):
                where = splits.setdefault(path, [""] * folds)
                if where[fold]:
                    raise UserError(f"{dataset}, fold {fold + 1}: {path} is listed more than once, in test or train")
                if codes.setdefault(path, line) != line:
                    raise UserError(f"{dataset}: {path} is coded otherwise in fold {fold + 1} than in another")
                where[fold] = split
    known: dict[str, dict[int, float]] = {}
    for path, line in codes.items():
        if line not in known:
            columns = line.split()
            if len(columns) != len(units):
                raise UserError(f"{dataset}: {path} has {len(columns)} codes, not {len(units)}")
            known[line] = occurrences(zip(units, columns, strict=True), f"{dataset}: {path}")
        name = f"{images}/{path}"
        yield Example(name, Picture(root / name), tuple(splits[path]), units=known[line], subject=path.split("/")[0])


def _rows(root: Path, dataset: str, split: str, fold: int) -> Iterator[tuple[str, str]]:
    paths = lines_of(_list(root, dataset, f"{split}_img_path", fold))
    rows = lines_of(labels := _list(root, dataset, f"{split}_label", fold))
    if len(paths) != len(rows):
        raise UserError(f"{labels} has {len(rows)} lines for {len(paths)} pictures")
    return zip(paths, rows, strict=True)


def _list(root: Path, dataset: str, kind: str, fold: int) -> Path:
    return root / "list" / f"{dataset}_{kind}_fold{fold}.txt"
