"""The Face Research Lab London Set: everyone neutral and smiling, and who they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of, pictures_in
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.tables import table_of

AGES = ((25, "under 25"), (35, "25 to 34"))
"""Age at which a group ends, and its name."""
OLDEST = "35 and over"


class London(Layout):
    """``neutral/001.jpg``, ``smiling/001.jpg`` and ``london_info.csv`` with the columns
    ``face_id,face_age,face_gender,face_eth``, NA where a person has not said it.
    """

    reader: Literal["london"]

    def read(self, root: Path) -> Iterator[Example]:
        """Labels are the folders; groups are gender, ethnicity and age."""
        people = _people(root / "london_info.csv")
        for label in ("neutral", "smiling"):
            for picture in pictures_in(folder_of(root, label)):
                if picture.stem not in people:
                    raise UserError(f"{root / 'london_info.csv'} has no row for {picture.stem}, who is in {picture}")
                name = picture.relative_to(root).as_posix()
                yield Example(name, Picture(picture), label=label, subject=picture.stem, groups=people[picture.stem])


def _people(path: Path) -> dict[str, dict[str, str]]:
    people = {}
    for row in table_of(path, ["face_id", "face_age", "face_gender", "face_eth"]):
        attributes = {"gender": row["face_gender"], "ethnicity": row["face_eth"], "age": row["face_age"]}
        known = {name: value.strip() for name, value in attributes.items() if value.strip() not in ("", "NA")}
        if age := known.get("age"):
            if not age.isdecimal():
                raise UserError(f"{path}: the age of {row['face_id']} is {age!r}")
            known["age"] = next((name for end, name in AGES if int(age) < end), OLDEST)
        people[row["face_id"]] = known
    return people


READER = London
