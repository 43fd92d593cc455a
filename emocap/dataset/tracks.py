"""The best face of every face that a video follows from frame to frame."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from emocap.faces.detectors.base import Box, overlap
from emocap.schema.samples import Face, Sample
from emocap.schema.shards import Reject

_LEAST_IOU = 0.3
_MOST_MISSED = 1
"""Frames in a row in which a detector may miss a face without ending its track."""


@dataclass
class _Track:
    best: Sample
    last: Box
    missed: int = 0


def best_of_tracks(frames: Iterator[list[Sample]]) -> Iterator[Sample | Reject]:
    """The best face of every track of one video, when the track ends; the others as rejects, when they are beaten.

    ``frames``: the faces found in each frame that was looked at, in the order of time, empty lists included. A face
    goes on a track whose box of the frame before (or the one before that, where it was missed) it overlaps with an
    intersection over union of 0.3 or more; where several could, the sum over all is made as large as can be. Only
    running tracks are held in memory. The order of what comes out depends on nothing but the frames.
    """
    running: list[_Track] = []
    for samples in frames:
        pairs = _assign([track.last for track in running], [sample.record.face.bbox for sample in samples])
        for place, track in enumerate(running):
            if place in pairs:
                yield _go_on(track, samples[pairs[place]])
            else:
                track.missed += 1
        yield from (track.best for track in running if track.missed > _MOST_MISSED)
        running = [track for track in running if track.missed <= _MOST_MISSED]
        taken = set(pairs.values())
        running += [_Track(one, one.record.face.bbox) for number, one in enumerate(samples) if number not in taken]
    yield from (track.best for track in running)


def quality(face: Face) -> float:
    """How good a view of a face is: score × sharp × large × frontal; comparable for one detector only.

    Sharpness and size (pixels) count as x / (x + 100): the more there is, the less another bit of it matters. Frontal
    is the cosine of yaw times that of pitch, 1 where they are not known.
    """
    frontal = math.prod(max(0.0, math.cos(math.radians(angle or 0.0))) for angle in (face.yaw, face.pitch))
    return face.score * face.sharpness / (face.sharpness + 100) * face.size / (face.size + 100) * frontal


def _go_on(track: _Track, sample: Sample) -> Reject:
    """Lengthen a track by a face, and say which of its faces is not the best."""
    track.last, track.missed = sample.record.face.bbox, 0
    worse = sample
    if quality(sample.record.face) > quality(track.best.record.face):
        worse, track.best = track.best, sample
    detail = f"the same face is seen better in {track.best.record.key}"
    return Reject("select", "not_best_of_track", detail, worse.record.source.path, worse.record.key)


def _assign(before: list[Box], now: list[Box]) -> dict[int, int]:
    """Which box of before is which box of now."""
    if not before or not now:
        return {}
    iou, _ = overlap(np.array(before), np.array(now))
    iou[iou < _LEAST_IOU] = 0
    pairs = zip(*linear_sum_assignment(iou, maximize=True), strict=True)
    return {int(row): int(column) for row, column in pairs if iou[row, column] > 0}
