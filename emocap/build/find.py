"""Step 1: a block of inputs → the faces in them, cut out, with their records."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from emocap.build.labels import Table, match, read_table, with_split
from emocap.build.recipe import BuildRecipe
from emocap.build.sources import Input, open_input
from emocap.faces import detectors
from emocap.faces.crop import crop_face, encode_jpeg, why_reject
from emocap.faces.images import ImageError
from emocap.samples import Record, Sample, Source, make_key
from emocap.shards import Reject, write_rejects, write_shard


def find_faces(
    item: Input, recipe: BuildRecipe, table: Table, detector: detectors.Detector | None
) -> tuple[list[Sample], list[Reject]]:
    """The faces of one input as samples without captions, and what fell out. ``detector`` None: boxes are given."""
    try:
        opened = open_input(item, recipe.sources[item.source], table, recipe.faces.max_pixels)
    except ImageError as error:
        return [], [Reject("read", error.reason, error.detail, item.path)]
    source = Source(path=item.path, sha256=opened.sha256)
    found = detector.detect(opened.image) if detector else [known.face for known in opened.known if known.face]
    labels, missed = match(opened.known, found)
    samples: list[Sample] = []
    rejects: list[Reject] = []
    if not found:
        rejects.append(Reject("faces", "no_face", "no face was found", item.path))
    for known in missed:
        where = f" at {known.where[0]:.0f}, {known.where[1]:.0f}" if known.where else ""
        rejects.append(Reject("faces", "labelled_face_not_found", f"labels{where} belong to no face", item.path))
    for number, detection in enumerate(found):
        key = make_key(source, number)
        face, crop = crop_face(opened.image, detection, detector.name if detector else "given", recipe.faces)
        if why := why_reject(face, recipe.faces):
            rejects.append(Reject("faces", *why, item.path, key))
            continue
        record = Record(
            key=key, source=source, face=face, labels=with_split(labels[number], recipe.split, opened.sha256)
        )
        samples.append(Sample(record, encode_jpeg(crop, recipe.faces.jpeg_quality)))
    return samples, rejects


class FindFaces:
    """The worker of step 1: holds a detector and turns one block of inputs into one file of ``faces/``."""

    def __init__(self, recipe: BuildRecipe, out: Path) -> None:
        cv2.setNumThreads(1)  # the workers share the cores among themselves
        self._recipe, self._out = recipe, out
        self._tables = [read_table(source) for source in recipe.sources]
        faces = recipe.faces
        given = faces.detector == "given"
        self._detector = None if given else detectors.make(faces.detector, faces.weights, faces.min_score)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Row: ``block``, a number, and ``paths``, ``sources``, ``bytes`` of its inputs. Returns counts."""
        inputs = [Input(*fields) for fields in zip(row["paths"], row["sources"], row["bytes"], strict=True)]
        samples, rejects = self.find(inputs)
        name = f"faces-{row['block']:06d}"
        write_rejects(self._out / "rejects" / f"{name}.parquet", rejects)
        write_shard(self._out / "faces" / f"{name}.tar", self._out / "faces" / f"{name}.parquet", samples)
        return {"inputs": len(inputs), "faces": len(samples), "rejects": len(rejects)}

    def find(self, inputs: Sequence[Input]) -> tuple[list[Sample], list[Reject]]:
        """The faces of many inputs, in their order."""
        samples, rejects = [], []
        for item in inputs:
            table = self._tables[item.source]
            try:
                some, fallen = find_faces(item, self._recipe, table, self._detector)
            # One picture that breaks a decoder or a detector must not cost the others.
            except Exception as error:
                some, fallen = [], [Reject("faces", "error", f"{type(error).__name__}: {error}", item.path)]
            samples += some
            rejects += fallen
        return samples, rejects
