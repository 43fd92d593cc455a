"""How captions name emotions, their strength, blends, and faces of which no emotion is known."""

import re
from random import Random

import pytest

from emocap.captioning.annotations import caption
from emocap.captioning.phrases import load
from emocap.schema.captions import named_emotions
from emocap.schema.facs import EMOTIONS, PROTOTYPES, draw_units
from emocap.schema.samples import Labels


def test_emotions_are_named_with_their_family_in_global_and_summary() -> None:
    for emotion in EMOTIONS:
        for index in range(60):
            made, _ = caption(Labels(emotion=emotion, intensity=index / 59), f"key-{index}")
            assert named_emotions(made.global_) == {emotion}, made.global_
            assert named_emotions(made.summary) == {emotion}, made.summary
            assert made.emotions == [emotion]


def test_intensity_grades_the_words() -> None:
    def globals_at(strength: float) -> str:
        labels = Labels(emotion="anger", action_units={"4": 3.0}, intensity=strength)
        return " ".join(caption(labels, f"key-{index}")[0].global_ for index in range(100)).lower()

    assert re.search(r"annoy|irritat", globals_at(0.2))
    assert not re.search(r"annoy|irritat|slightly|mild", globals_at(1.0))
    assert re.search(r"fury|furious|rage", globals_at(1.0))
    assert not re.search(r"fury|furious|rage|utter", globals_at(0.2))
    unknown = Labels(emotion="anger", action_units={})
    told = " ".join(caption(unknown, f"key-{index}")[0].global_ for index in range(100))
    degrees = [word for kind in load().degrees["feeling"].values() for words in kind.values() for word in words]
    assert not re.search(rf"\b(?:{'|'.join(degrees)})\b", told)


def test_blends_name_the_second_emotion_and_leave_out_a_small_share() -> None:
    units = {"1": 3.0, "2": 3.0, "25": 2.0}
    for index in range(50):
        blend = Labels(emotions={"fear": 0.25, "surprise": 0.7, "anger": 0.05}, action_units=units)
        made, _ = caption(blend, f"key-{index}")
        assert named_emotions(made.global_) == {"surprise", "fear"}
        assert made.emotions == ["surprise", "fear"]
    made, _ = caption(Labels(emotions={"happiness": 0.6, "neutral": 0.4}, action_units=units), "key")
    assert made.emotions == ["happiness", "neutral"]
    assert named_emotions(made.global_) == {"happiness"}


@pytest.mark.parametrize("word", ["awe", "pensive", "helplessness", "bored", "doubt/confusion"])
def test_free_emotion_words_are_used_as_they_are(word: str) -> None:
    for index in range(20):
        made, _ = caption(Labels(emotion=word, action_units={"4": 2.0}), f"key-{index}")
        assert word in made.global_
        assert word in made.summary
        assert made.emotions == [word]


def test_label_words_of_other_tables_reach_the_prototype() -> None:
    made, captioned = caption(Labels(emotion=" Happy "), "key")
    assert made.emotions == ["happy"]
    assert named_emotions(made.global_) == {"happiness"}
    assert captioned.local_from == "prototype"


def test_a_label_without_units_draws_them_from_the_prototype() -> None:
    drawn = set()
    for index in range(100):
        made, captioned = caption(Labels(emotion="fear"), f"key-{index}")
        assert (captioned.backend, captioned.model, captioned.local_from) == ("annotations", None, "prototype")
        assert captioned.prompt == load().version
        codes = {code for entry in made.local for code in entry.action_units}
        assert codes <= {code for code, *_ in PROTOTYPES["fear"].units}
        drawn.add(frozenset(codes))
    assert len(drawn) > 10
    _, captioned = caption(Labels(emotion="fear", action_units={}), "key")
    assert captioned.local_from == "annotation"


def test_units_alone_do_not_become_an_emotion() -> None:
    random = Random(3)
    for index in range(300):
        units = draw_units({random.choice(EMOTIONS): 1.0}, random.random(), random)
        for labels in (
            Labels(action_units=units),
            Labels(action_units=units, valence=random.uniform(-1, 1), arousal=random.uniform(-1, 1)),
        ):
            made, _ = caption(labels, f"key-{index}")
            assert made.emotions is None
            assert (made.valence, made.arousal) == (labels.valence, labels.arousal)
            assert not any(named_emotions(text) for text in made.texts()), made.texts()


def test_valence_and_arousal_are_worded_where_no_emotion_is() -> None:
    units = {"6": 2.0}
    for index in range(20):
        low, _ = caption(Labels(action_units=units, valence=-0.9, arousal=-0.9), f"key-{index}")
        assert re.search(r"unpleasant\b.*(?:calm|subdued)", low.global_)
        high, _ = caption(Labels(action_units=units, valence=0.9), f"key-{index}")
        assert re.search(r"(?:strongly|very|highly) pleasant state|is (?:strongly|very|highly) pleasant", high.global_)
