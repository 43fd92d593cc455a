"""Which class of emotion a reply names."""

from dataclasses import replace

import numpy as np
import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.recipes import load
from emocap.evaluation.outcomes import measured
from emocap.evaluation.suite import choose
from emocap.evaluation.task import Graders, TaskResponses
from emocap.evaluation.tasks.emotion import WORDS, described, named, questions, read, words_of
from emocap.io.media import Stored
from emocap.llm.chat_models import Response

FABA = load(Card, "benchmarks", "faba-emotion")
BASIC = words_of(FABA)


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        ("Happy", "happiness"),
        ("happiness.", "happiness"),
        ("**Sad**", "sadness"),
        ("The face is smiling happily.", "happiness"),
        ('{"emotion": "FEAR"}', "fear"),
        ("The emotion is: fear (fearful)", "fear"),
        ("I am not sure, but angry", "anger"),
        ("Neutral, no strong emotion", "neutral"),
        ("unhappy", "sadness"),
        ("not happy", None),
        ("Not happy, sad", None),
        ("Happy? No, not happy.", None),
        ("It isn't sadness", None),
        ("neither happy nor sad", None),
        ("happy or sad", None),
        ("A mixture of anger and disgust", None),
        ("3", None),
        ("I cannot tell", None),
        ("neutralised", None),
        ("", None),
    ],
)
def test_the_one_class_that_a_reply_names(reply: str, name: str | None) -> None:
    assert named(reply, BASIC) == name


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        ("The face shows a happy smile. It may also hint at anger, anger and more anger.", "happiness"),
        ("A happy face, and a little sad.", "happiness"),
        ("The brows are low. They tell of anger, of anger and of fear.", "anger"),
        ("The brows are low. They tell of fear. Or anger.", "anger"),  # of equals the card's first
        ("It is not fear. It is surprise.", "surprise"),
        ("It is not fear.", "fear"),  # nothing remains without the negation
        ("The brows are low.", None),
    ],
)
def test_the_class_that_a_description_is_about(reply: str, name: str | None) -> None:
    assert described(reply, BASIC) == name


def test_words_belong_to_one_class() -> None:
    compound = words_of(load(Card, "benchmarks", "raf-db-compound"))
    assert named("Happily surprised", compound) == "happily surprised"
    assert named("happily-surprised", compound) == "happily surprised"
    assert named("happy", compound) is None
    # What is a class of its own is not a word for another.
    assert words_of(load(Card, "benchmarks", "ravdess"))["calm"] == "calm"
    assert BASIC["calm"] == "neutral"
    assert words_of(load(Card, "benchmarks", "mafw"))["anxious"] == "anxiety"
    assert "anxious" not in BASIC
    # Codes of the annotation are no words.
    assert not {"0", "1", "ha"} & set(words_of(load(Card, "benchmarks", "jaffe"))) | {"0"} & set(BASIC)


def test_every_name_and_word_of_a_class_is_read_as_that_class() -> None:
    for one in choose(["*"]):
        if one.card.task == "emotion":
            words = words_of(one.card)
            assert {name: named(name.replace("_", " "), words) for name in one.card.classes} == {
                name: name for name in one.card.classes
            }, one.name
    assert {word: named(word, BASIC) for name in FABA.classes for word in WORDS[name]} == {
        word: name for name in FABA.classes for word in WORDS[name]
    }


def answered(replies: list[str | None], labels: list[str], match: str = "option", **parts: str) -> TaskResponses:
    assert FABA.generate
    card = FABA.model_copy(update={"generate": FABA.generate.model_copy(update={"match": match})})
    examples = [Example(str(n), Stored(b""), label=label, **parts) for n, label in enumerate(labels)]  # type: ignore[arg-type]
    said = [[Response(reply, "" if reply else "empty")] for reply in replies]
    return TaskResponses("toy", card, examples, np.arange(len(labels)), said, Graders())


def test_what_is_no_class_lowers_recall_and_is_nobodys_prediction() -> None:
    replies = ["happy", "happy", "no idea", None, "sad", "happy or sad", "sad", "not sad"]
    outcome = read(answered(replies, ["happiness"] * 4 + ["sadness"] * 4))
    assert [row[-1] for row in outcome.details["confusion"]][:2] == [2, 2]
    assert [len(row) for row in outcome.details["confusion"]] == [8] * 7
    assert (outcome.details["unparsable"], outcome.details["match"]) == (3, "one class")
    assert list(outcome.predicted[:4]) == ["happiness", "happiness", None, None]
    rates = measured(outcome)
    assert rates["war"]["value"] == 0.5
    assert rates["uar"]["value"] == 0.5
    # Precision is 1 in both classes: F1 = 2 · 1 · 0.5 / 1.5.
    assert rates["macro_f1"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert rates["uar"]["low"] is not None
    assert 0 < rates["uar"]["low"] < 0.5 < (rates["uar"]["high"] or 0) < 1


def test_a_card_says_how_replies_are_read() -> None:
    replies: list[str | None] = ["The face is sad. Or fearful.", "The face is fearful and sad."]
    assert read(answered(replies, ["sadness", "fear"])).predicted == [None, None]
    assert read(answered(replies, ["sadness", "fear"], "description")).predicted == ["sadness", "fear"]


def test_references_are_measured_where_there_are_any() -> None:
    plain = read(answered(["sad", "sad"], ["sadness", "fear"]))
    assert "rouge_l" not in plain.statistics
    rates = measured(read(answered(["sad", None], ["sadness", "fear"], reference="a sad face")))
    # Precision 1, recall 1/3: F 0.5; silence is 0.
    assert rates["rouge_l"]["value"] == 0.25
    assert rates["rege"]["value"] == 0.75


def test_what_has_no_reference_is_not_in_the_mean() -> None:
    both = answered(["sad", "sad"], ["sadness", "sadness"], reference="a sad face")
    one = replace(both, examples=[both.examples[0], replace(both.examples[1], reference=None)])
    assert measured(read(one))["rouge_l"]["value"] == measured(read(both))["rouge_l"]["value"] == 0.5


def test_the_question_names_the_classes_in_their_order() -> None:
    card = load(Card, "benchmarks", "raf-db")
    assert questions(card, Example("a", Stored(b""))) == [
        "Which of these emotions does the face show: surprise, fear, disgust, happiness, sadness, anger, neutral? "
        "Answer with one word."
    ]
