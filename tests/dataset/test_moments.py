import pytest

from emocap.core.errors import UserError
from emocap.dataset.known import Known
from emocap.dataset.moments import Moments, agreed, laid_over, of_a_still
from emocap.schema.samples import Labels


def row(emotion: str | None = None, **fields: object) -> Known:
    return Known(Labels(emotion=emotion), **fields)  # type: ignore[arg-type]


def emotions(rows: list[Known]) -> list[str | None]:
    return [one.labels.emotion for one in rows]


def test_a_row_holds_for_the_nearest_frame_within_one_frame() -> None:
    moments = Moments([row("fear", time=1.0), row("anger", time=1.04), row("joy", time=5.0)])
    assert emotions(moments.at(1.001, 25, 0.04)) == ["fear"]
    assert emotions(moments.at(1.03, 26, 0.04)) == ["anger"]
    assert emotions(moments.at(5.04, 126, 0.04)) == ["joy"]
    assert emotions(moments.at(5.05, 126, 0.04)) == []
    assert emotions(moments.at(3.0, 75, 0.04)) == []


def test_rows_of_two_faces_in_one_moment() -> None:
    moments = Moments(
        [row("fear", time=1.0, point=(1, 1)), row("joy", time=1.0, point=(9, 9)), row("anger", frame=25)]
    )
    assert emotions(moments.at(1.0, 25, 0.04)) == ["fear", "joy", "anger"]


def test_what_a_frame_says_of_a_face_counts_before_what_the_film_says() -> None:
    film = Known(Labels(emotion="neutral", subject="ann", other={"camera": "left"}))
    frame = Known(Labels(emotion="fear", other={"time": "1"}), time=1.0)
    (face,) = laid_over([film], [frame])
    assert face.labels == Labels(emotion="fear", subject="ann", other={"camera": "left", "time": "1"})


def test_rows_between_frames_are_told_where_frames_have_none() -> None:
    dense = Moments([row("fear", time=number / 25) for number in range(100)])
    for second in range(4):
        dense.at(second, 25 * second, 0.04)
    assert dense.missed() is None
    sparse = Moments([row("fear", time=0.0), row("joy", time=1.5)])
    for second in range(4):
        sparse.at(second, 25 * second, 0.04)
    assert (sparse.missed() or "").startswith("1 of 2 label rows name moments that were not looked at, and 3 frames")
    assert Moments([row("fear")]).missed() is None


def test_rows_that_agree_are_one_and_others_are_refused() -> None:
    assert emotions(agreed([row("fear"), row(), row("fear"), row("joy", point=(1, 1))])) == ["fear", "joy"]
    with pytest.raises(UserError, match="emotion: fear and joy"):
        agreed([row("fear"), row("joy")])


def test_a_still_has_no_moments() -> None:
    assert emotions(of_a_still([row("fear", time=1.0), row("fear", time=2.0)])) == ["fear"]
    with pytest.raises(UserError):
        of_a_still([row("fear", time=1.0), row("joy", time=2.0)])
