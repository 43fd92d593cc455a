"""FER+: the pictures of FER2013 with the votes of ten people each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, within
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.tables import rows_of

CHOICES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
"""What could be voted for, in the order of the columns. NF: no face."""
FOLDERS = {
    "Training": ("train", "FER2013Train"),
    "PublicTest": ("val", "FER2013Valid"),
    "PrivateTest": ("test", "FER2013Test"),
}


class FerPlus(Layout):
    """``fer2013new.csv`` and the pictures that FER+'s own script writes, ``data/FER2013Train/fer0000000.png``; where
    that file is absent, the lists ``data/FER2013{Train,Valid,Test}/label.csv``.
    """

    reader: Literal["ferplus"]
    majority: Literal["argmax", "strict"] = "argmax"
    """argmax: the choice with most votes, of equals the one whose column comes first. strict: single votes are
    dropped, and the choice with most votes must have more than half of the rest, or else it is unknown (FER+)."""

    def read(self, root: Path) -> Iterator[Example]:
        """Labels are the names of the columns, unknown and NF among them. Rows without a picture are left out.

        FER2013 has some pictures twice. FER+ gives both rows the same name, once with votes only for no face in the
        second; the first row counts, as in its own ``label.csv``.
        """
        seen = set()
        for example in self._rows(root):
            if example.name not in seen:
                seen.add(example.name)
                yield example

    def _rows(self, root: Path) -> Iterator[Example]:
        path = root / "fer2013new.csv"
        if path.is_file():
            rows = rows_of(path)
            columns = next(rows, (1, []))[1]
            if missing := [column for column in ("Usage", "Image name", *CHOICES) if column not in columns]:
                raise UserError(f"{path} has no column {', '.join(missing)}")
            for number, row in rows:
                where = f"{path}, line {number}"
                known = dict(zip(columns, row, strict=False))
                if known.get("Usage") not in FOLDERS:
                    raise UserError(f"{where}: {known.get('Usage')!r} is none of {', '.join(FOLDERS)}")
                votes = [known.get(choice, "") for choice in ("Image name", *CHOICES)]
                yield from self._example(root, *FOLDERS[known["Usage"]], votes, where)
            return
        lists = {folder: root / "data" / folder / "label.csv" for _, folder in FOLDERS.values()}
        if not any(listed.is_file() for listed in lists.values()):
            raise UserError(f"data: {root} has neither fer2013new.csv nor data/FER2013Test/label.csv")
        for split, folder in FOLDERS.values():
            for number, row in rows_of(lists[folder]):
                # The box in the second column is the whole picture.
                yield from self._example(root, split, folder, [row[0], *row[2:]], f"{lists[folder]}, line {number}")

    def _example(self, root: Path, split: str, folder: str, row: Sequence[str], where: str) -> Iterator[Example]:
        name, *votes = row
        if len(votes) != len(CHOICES) or not all(vote.strip().isdecimal() for vote in votes):
            raise UserError(f"{where}: {', '.join(votes)!r} is not the votes for {len(CHOICES)} choices")
        if name:
            picture = within(root / "data" / folder, name, where)
            label = _decided([int(vote) for vote in votes], self.majority == "strict")
            yield Example(picture.relative_to(root).as_posix(), Picture(picture), (split,), label)


def _decided(votes: Sequence[int], strict: bool) -> str:
    counted = [0 if strict and vote == 1 else vote for vote in votes]
    most = max(counted)
    if strict and 2 * most <= sum(counted):
        return "unknown"
    return CHOICES[counted.index(most)]


READER = FerPlus
