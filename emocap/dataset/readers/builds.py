"""The faces of another build, which are samples already."""

# Tested in tests/dataset/test_sources.py.

from collections.abc import Iterator

from emocap.dataset.readers.base import Input, InputKind
from emocap.dataset.recipe import SourceRecipe
from emocap.io.storage import place


def _list(number: int, source: SourceRecipe) -> Iterator[Input] | None:
    return _finished(number, source.build) if source.build else None


def _finished(number: int, folder: str) -> Iterator[Input]:
    before = ""
    for file in place(f"{folder.rstrip('/')}/faces").files():
        # A tar is finished when its index exists, which comes before it by name.
        if file.path.endswith(".tar") and before == file.path.removesuffix(".tar") + ".parquet":
            yield Input(file.path, number, "build", file.bytes)
        before = file.path


KIND = InputKind("build", None, list_inputs=_list)
