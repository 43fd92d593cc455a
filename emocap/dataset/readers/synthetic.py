"""Drawn faces, with exact ground truth."""

# Tested in tests/dataset/test_sources.py.

import hashlib
from collections.abc import Iterator

from emocap.dataset.known import Known
from emocap.dataset.readers.base import Frame, Input, InputKind, InputReader
from emocap.dataset.recipe import SourceRecipe, SyntheticRecipe
from emocap.faces.detectors.base import Detection
from emocap.schema.samples import Labels, Source
from emocap.schema.shards import Reject


def _list(number: int, source: SourceRecipe) -> Iterator[Input] | None:
    if source.synthetic is None:
        return None
    names = (f"drawn://{source.synthetic.seed}/{index}" for index in range(source.synthetic.count))
    return (Input(name, number, "synthetic", 0) for name in names)


def _read(reader: InputReader) -> Iterator[Frame | Reject]:
    assert reader.source.synthetic
    yield _draw(reader.item, reader.source.synthetic)


def _draw(item: Input, recipe: SyntheticRecipe) -> Frame:
    from emocap.synthetic import sample

    index = int(item.path.rpartition("/")[2])
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
        split=recipe.split,
    )
    known = Known(labels, face=Detection(face.bbox, 1.0, tuple(face.landmarks)))
    return Frame(face.image, Source(path=item.path, sha256=hashlib.sha256(face.image.tobytes()).hexdigest()), [known])


KIND = InputKind("synthetic", _read, holds_many=False, list_inputs=_list)
