"""Step 1: a block of inputs → the faces in them, cut out, with their records."""

# Tested in tests/dataset/test_run.py.

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import pyarrow.parquet as pq

from emocap.core.errors import UserError
from emocap.dataset.crashes import CrashWatch
from emocap.dataset.labels import LabelTable, match, with_split
from emocap.dataset.readers.base import Frame, Input
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.sources import KINDS, read_input
from emocap.dataset.stream import Row
from emocap.dataset.tracks import best_of_tracks
from emocap.faces.crop import crop_face, encode_jpeg, thumbnail, why_reject
from emocap.faces.detection import make_detector
from emocap.faces.detectors.base import Detection
from emocap.io.images import Pixels
from emocap.io.parquet import TableWriter, read_counts
from emocap.schema.samples import Record, Sample, make_key
from emocap.schema.shards import REJECT_SCHEMA, Reject, ShardWriter, read_shard

log = logging.getLogger(__name__)

_PIXELS_AT_A_TIME = 1 << 25
"""A batch for the detector ends when its pictures have this many pixels together, however few they are."""
_THUMBNAILS = 12
"""Rejects of one reason that get a thumbnail, per block: enough to see what happened, too few to fill a disk."""

Tell = Callable[[Counter[str]], None]


class Fallen(Protocol):
    """Takes what fell out, and the picture to show of it."""

    def __call__(self, item: Reject, image: Pixels | None = None) -> None:
        """Keep it."""
        ...


class FindFaces:
    """The worker of step 1: holds a detector and turns one block of inputs into one file of ``faces/``.

    ``run`` names the run of the build: what killed a worker is remembered for as long as it lasts, so that one input
    that crashes a decoder does not stop everything, and a build that was killed as a whole blames none.
    """

    def __init__(self, recipe: BuildRecipe, out: Path, run: str) -> None:
        cv2.setNumThreads(1)  # the workers share the cores among themselves
        self._recipe, self._out, self._run = recipe, out, run
        self._labels = [LabelTable.open(out / "labels" / f"{number}.sqlite") for number in range(len(recipe.sources))]
        self._detector = make_detector(recipe.faces)

    def __call__(self, row: Row, tell: Tell) -> dict[str, int]:
        """Row: ``block``, a number of ``inputs.parquet``. Returns the counts of the block."""
        name = f"faces-{row['block']:06d}"
        index = self._out / "faces" / f"{name}.parquet"
        if index.exists():
            return read_counts(index)
        listed = pq.read_table(self._out / "inputs.parquet", filters=[("block", "=", row["block"])])
        inputs = [Input(**fields) for fields in listed.drop(["block"]).to_pylist()]
        counts: Counter[str] = Counter()
        with ShardWriter(self._out / "faces" / f"{name}.tar", index) as faces:
            with (
                TableWriter(self._out / "rejects" / f"{name}.parquet", REJECT_SCHEMA) as fallen,
                CrashWatch(self._out / "faces" / f".{name}.crashes", self._run) as watch,
            ):
                reported: Counter[str] = Counter()

                def reject(item: Reject, image: Pixels | None = None) -> None:
                    counts[f"{item.stage}: {item.reason}"] += 1
                    few = counts[f"{item.stage}: {item.reason}"] <= _THUMBNAILS
                    fallen.add({**vars(item), "jpeg": thumbnail(image) if image is not None and few else None})

                for sample in self.find(inputs, watch, counts, reject):
                    faces.add(sample)
                    counts["faces"] += 1
                    tell(counts - reported)
                    reported = counts.copy()
                tell(counts - reported)
            if provider := getattr(self._detector, "provider", None):
                counts[f"on {provider}"] = 1
            faces.counts = dict(counts)
        return dict(counts)

    def find(
        self, inputs: Sequence[Input], watch: CrashWatch, counts: Counter[str], reject: Fallen
    ) -> Iterator[Sample]:
        """The faces of a block, in the order of its inputs; counts the ``frames`` read, and hands out what fell."""
        batch = 1 if watch.careful else self._recipe.faces.batch
        read = watch.over(inputs, lambda item: self._read(item, counts))
        for tracked, group in itertools.groupby(read, key=lambda got: self._tracked(got[0])):
            frames = self._frames((item for _, item in group), batch, counts, reject)
            for item in best_of_tracks(frames) if tracked else itertools.chain.from_iterable(frames):
                if isinstance(item, Reject):
                    reject(item)
                else:
                    yield item

    def _tracked(self, item: Input) -> str | None:
        """What the faces of an input are followed in; None where they are not."""
        moves = item.kind == "video" or item.path.lower().endswith((".gif", ".webp"))
        return item.path if moves and self._recipe.sources[item.source].video.best_of_track else None

    def _read(self, item: Input, counts: Counter[str]) -> Iterator[Frame | Sample | Reject]:
        try:
            if KINDS[item.kind].read is None:
                yield from read_shard(Path(item.path))
                return
            source = self._recipe.sources[item.source]
            yield from read_input(item, source, self._labels[item.source], self._recipe.faces.max_pixels)
        except UserError:
            raise  # a source that cannot be reached at all stops the build
        # Decoders fail in more ways than anyone can list, and one input must not cost the others.
        except Exception as error:
            log.debug("%s", item.path, exc_info=True)
            yield Reject("read", "error", f"{type(error).__name__}: {error}", item.path)
        finally:
            counts["inputs"] += 1

    def _frames(
        self,
        items: Iterable[Frame | Sample | Reject],
        batch: int,
        counts: Counter[str],
        reject: Fallen,
    ) -> Iterator[list[Sample]]:
        """Frame by frame, in order, the faces in it."""
        for group in _batches(items, batch):
            found = iter(self._detect([item for item in group if isinstance(item, Frame)]))
            for item in group:
                if isinstance(item, Frame):
                    counts["frames"] += 1
                    detections = next(found)
                    if isinstance(detections, Reject):
                        reject(detections, item.image)
                    else:
                        yield self._cut(item, detections, reject)
                elif isinstance(item, Reject):
                    reject(item)
                else:
                    yield [item]

    def _detect(self, frames: Sequence[Frame]) -> Sequence[list[Detection] | Reject]:
        if self._detector is None:
            return [[known.face for known in frame.known if known.face] for frame in frames]
        try:
            return self._detector.detect([frame.image for frame in frames])
        except Exception as error:
            if len(frames) == 1:
                detail = f"{type(error).__name__}: {error}"
                return [Reject("faces", "error", detail, frames[0].source.path)]
            return [self._detect([frame])[0] for frame in frames]

    def _cut(self, frame: Frame, detections: list[Detection], reject: Fallen) -> list[Sample]:
        recipe, source = self._recipe.faces, frame.source
        labels, missed = match(frame.known, detections)
        if not detections:
            reject(Reject("faces", "no_face", _when(source.time_ms), source.path), frame.image)
        for known in missed:
            where = f" at {known.where[0]:.0f}, {known.where[1]:.0f}" if known.where else ""
            reject(Reject("faces", "labelled_face_not_found", f"labels{where} belong to no face", source.path))
        samples = []
        for number, detection in enumerate(detections):
            key = make_key(source, number)
            name = self._detector.name if self._detector else self._recipe.faces.detector
            face, crop = crop_face(frame.image, detection, name, recipe)
            if why := why_reject(face, recipe):
                reject(Reject("faces", *why, source.path, key), crop)
                continue
            split = with_split(labels[number], self._recipe.split, source.sha256)
            record = Record(key=key, source=source, face=face, labels=split)
            samples.append(Sample(record, encode_jpeg(crop, recipe.jpeg_quality)))
        return samples


def _when(time_ms: int) -> str:
    return f"no face was found at {time_ms / 1000:.3f} s" if time_ms else "no face was found"


def _batches(items: Iterable[Frame | Sample | Reject], most: int) -> Iterator[list[Frame | Sample | Reject]]:
    """Runs of what was read with at most ``most`` frames, fewer where they are large."""
    group: list[Frame | Sample | Reject] = []
    frames = pixels = 0
    for item in items:
        group.append(item)
        if isinstance(item, Frame):
            frames += 1
            pixels += item.image.shape[0] * item.image.shape[1]
        if frames >= most or pixels >= _PIXELS_AT_A_TIME or len(group) >= 1000:
            yield group
            group, frames, pixels = [], 0, 0
    if group:
        yield group
