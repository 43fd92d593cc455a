import random
from collections.abc import Iterator

from emocap.dataset.tracks import best_of_tracks, quality
from emocap.schema.samples import Face, Record, Sample, Source, make_key
from emocap.schema.shards import Reject

Box = tuple[float, float, float, float]


def sample(time_ms: int, number: int, bbox: Box, sharpness: float = 100.0, yaw: float | None = None) -> Sample:
    source = Source(path="film.mp4", sha256="f" * 64, time_ms=time_ms)
    face = Face(
        bbox=bbox,
        score=0.9,
        detector="insightface",
        crop=(0, 0, 1, 1),
        sharpness=sharpness,
        brightness=100,
        contrast=50,
        yaw=yaw,
    )
    return Sample(Record(key=make_key(source, number), source=source, face=face), b"jpeg")


def keys(results: Iterator[Sample | Reject]) -> tuple[list[str], list[str]]:
    """Keys of the faces kept, and of those rejected, each in the order in which they came."""
    kept, fallen = [], []
    for one in results:
        if isinstance(one, Reject):
            assert (one.stage, one.reason, one.source) == ("select", "not_best_of_track", "film.mp4")
            fallen.append(str(one.key))
        else:
            kept.append(one.record.key)
    return kept, fallen


F = "f" * 16


def test_of_two_people_who_cross_no_frame_each_keeps_the_best_face() -> None:
    frames = [
        [sample(0, 0, (0, 0, 50, 50), 10), sample(0, 1, (100, 0, 150, 50), 90)],
        [sample(1000, 0, (8, 0, 58, 50), 80), sample(1000, 1, (95, 0, 145, 50), 40)],
        [sample(2000, 0, (16, 0, 66, 50), 40), sample(2000, 1, (90, 0, 140, 50), 30)],
    ]
    kept, fallen = keys(best_of_tracks(iter(frames)))
    assert kept == [f"{F}-1000-0", f"{F}-0-1"]
    assert fallen == [f"{F}-0-0", f"{F}-1000-1", f"{F}-2000-0", f"{F}-2000-1"]


def test_a_face_that_is_missed_once_stays_on_its_track_and_after_that_it_is_another() -> None:
    box = (0.0, 0.0, 50.0, 50.0)
    once = [[sample(0, 0, box)], [], [sample(2000, 0, box, 200)]]
    assert keys(best_of_tracks(iter(once))) == ([f"{F}-2000-0"], [f"{F}-0-0"])
    twice = [[sample(0, 0, box)], [], [], [sample(3000, 0, box, 200)]]
    assert keys(best_of_tracks(iter(twice))) == ([f"{F}-0-0", f"{F}-3000-0"], [])


def test_a_face_elsewhere_is_somebody_else() -> None:
    frames = [[sample(0, 0, (0, 0, 50, 50))], [sample(1000, 0, (30, 0, 80, 50))]]  # IoU 20 / 80
    assert keys(best_of_tracks(iter(frames))) == ([f"{F}-0-0", f"{F}-1000-0"], [])


def test_overlapping_people_are_told_apart_by_the_best_sum() -> None:
    left, right = (0.0, 0.0, 60.0, 60.0), (25.0, 0.0, 85.0, 60.0)
    moved = [(12.0, 0.0, 72.0, 60.0), (37.0, 0.0, 97.0, 60.0)]  # the first is nearly as near to right as to left
    frames = [
        [sample(0, 0, left, 10), sample(0, 1, right, 99)],
        [sample(1000, 0, moved[0], 50), sample(1000, 1, moved[1], 20)],
    ]
    assert keys(best_of_tracks(iter(frames))) == ([f"{F}-1000-0", f"{F}-0-1"], [f"{F}-0-0", f"{F}-1000-1"])


def test_a_face_comes_out_when_its_track_ends_and_no_later() -> None:
    seen = 0

    def frames() -> Iterator[list[Sample]]:
        nonlocal seen
        for second in range(100):
            seen = second
            yield [sample(second * 1000, 0, (0, 0, 50, 50))] if second == 0 else []

    first = next(best_of_tracks(frames()))
    assert isinstance(first, Sample)
    assert seen == 2


def test_nothing_is_lost_and_the_same_frames_give_the_same_order() -> None:
    draw = random.Random(7)

    def box() -> Box:
        x, y, side = draw.uniform(0, 300), draw.uniform(0, 300), draw.uniform(20, 120)
        return (x, y, x + side, y + side)

    frames = [[sample(t * 1000, n, box(), draw.uniform(0, 300)) for n in range(draw.randint(0, 6))] for t in range(60)]
    kept, fallen = keys(best_of_tracks(iter(frames)))
    assert sorted(kept + fallen) == sorted(one.record.key for frame in frames for one in frame)
    assert len(kept) > 10
    assert len(fallen) > 10
    assert keys(best_of_tracks(iter(frames))) == (kept, fallen)


def test_sharp_large_frontal_faces_are_the_better_ones() -> None:
    box = (0.0, 0.0, 50.0, 50.0)
    plain = quality(sample(0, 0, box).record.face)
    assert plain == 0.9 * 0.5 / 3
    assert quality(sample(0, 0, box, sharpness=200).record.face) > plain
    assert quality(sample(0, 0, (0, 0, 90, 90)).record.face) > plain
    assert quality(sample(0, 0, box, yaw=-60).record.face) < 0.51 * plain
    assert quality(sample(0, 0, box, yaw=130).record.face) == 0
