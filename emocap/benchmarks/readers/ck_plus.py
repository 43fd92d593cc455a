"""CK+: sequences from neutral to the apex of an expression, of which some are labelled."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, folder_of, natural, pictures_in
from emocap.core.errors import UserError
from emocap.io.media import Picture
from emocap.io.text import text_of

_IMAGES, _ZIP = "cohn-kanade-images", "extended-cohn-kanade-images"


class CkPlus(Layout):
    """``Emotion/S005/001/S005_001_00000011_emotion.txt`` with one number, and
    ``cohn-kanade-images/S005/001/S005_001_00000011.png``; or each in the folder of its zip file, as tools unpack them:
    ``Emotion_labels/Emotion/...`` and ``extended-cohn-kanade-images/cohn-kanade-images/...``.
    """

    reader: Literal["ck-plus"]
    last: int = Field(3, ge=1)
    """How many frames of a sequence carry its label: the one that the file of the label names and those before it."""
    neutral: bool = False
    """Whether the first frame is an example of 0, neutral."""

    def read(self, root: Path) -> Iterator[Example]:
        """Of sequences with a label; labels are the codes, from 0."""
        labels = folder_of(root, "Emotion", "Emotion_labels/Emotion", "Emotion_labels")
        images = folder_of(root, _IMAGES, f"{_ZIP}/{_IMAGES}", _ZIP)
        files = [path for path in labels.glob("S*/*/*_emotion.txt") if not path.name.startswith("._")]
        if not files:
            raise UserError(f"data: {labels} has no S005/001/S005_001_00000011_emotion.txt or the like")
        for path in sorted(files, key=lambda path: natural(path.as_posix())):
            subject, sequence = path.parts[-3:-1]
            code = text_of(path).strip()
            if not re.fullmatch(r"\d(\.0*(e\+?0+)?)?", code):
                raise UserError(f"{path}: {code!r} is not the code of an emotion, such as 3.0000000e+00")
            folder = images / subject / sequence
            apex = folder / f"{path.name.removesuffix('_emotion.txt')}.png"
            there = pictures_in(folder) if folder.is_dir() else []
            before = [picture for picture in there if natural(picture.name) < natural(apex.name)]
            shown = [(picture, code[0]) for picture in [*before, apex][-self.last :]]
            if self.neutral and len(before) >= self.last:
                shown.insert(0, (before[0], "0"))
            for picture, label in shown:
                name = f"{_IMAGES}/{picture.relative_to(images).as_posix()}"  # wherever they lie
                yield Example(name, Picture(picture), label=label, subject=subject)


READER = CkPlus
