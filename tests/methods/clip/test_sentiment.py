import pytest

from emocap.methods.clip.sentiment import sentiment
from emocap.schema.captions import FAMILIES


def told(*texts: str) -> dict[str, float]:
    return dict(zip(FAMILIES, sentiment(texts), strict=True))


def test_an_emotion_named_alone_has_nine_tenths() -> None:
    both = told("A look of strong anger.", "The brows conclude anger.")
    assert both["anger"] == pytest.approx(0.9)
    assert told("A look of strong anger.", "The brows say so.") == both
    assert sum(both.values()) == pytest.approx(1)


def test_a_blend_leans_to_what_is_named_more() -> None:
    blend = told("Happiness with a trace of surprise.", "A happy face.")
    assert 0.75 < blend["happiness"] < 0.9
    assert 0.05 < blend["surprise"] < 0.15
    even = told("Sadness and fear.", "A face.")
    assert even["sadness"] == even["fear"] > 0.45


def test_what_is_negated_or_unnamed_is_no_emotion() -> None:
    assert set(told("A face.", "The lips are parted.").values()) == {1 / len(FAMILIES)}
    assert told("No anger, but fear.", "Fear.")["fear"] == pytest.approx(0.9)
