"""MMAR's string match: golden cases, a slow oracle, and what is taken for the answer of a reply."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emocap.benchmarks.examples import Question
from emocap.evaluation.scorers.string_match import chosen, divided, matches, words
from emocap.llm.chat_models import Response

SCENES = ("Mountain Canyon", "Dense Forest", "Open Grassland", "City Streets")


@pytest.mark.parametrize(
    ("options", "answer", "reply", "right"),
    [
        (SCENES, 2, "Open Grassland", True),
        (SCENES, 2, "open grassland.", True),
        (SCENES, 2, "It is an OPEN-GRASSLAND scene", True),
        (SCENES, 2, "Grassland that is open", True),  # order does not count
        (SCENES, 2, "grassland", False),  # a word is missing
        (SCENES, 2, "Open Grassland, not a Dense Forest", False),
        (SCENES, 2, "Open Grassland with some forest", False),  # one word of a wrong option is enough
        (SCENES, 2, "Open Grasslands", False),  # another word
        (SCENES, 2, "", False),
        (SCENES, 2, " ?! ", False),
        (SCENES, 2, "C", False),  # letters are not options
        # the answer's words are all in a wrong option
        (("Piano", "Piano and violin"), 0, "Piano", True),
        (("Piano", "Piano and violin"), 0, "Piano and violin", False),
        (("Piano", "Piano and violin"), 0, "piano and more", False),
        # a wrong option's words are all in the answer
        (("Piano", "Piano and violin"), 1, "Piano and violin", True),
        (("Piano", "Piano and violin"), 1, "Piano", False),
        (("No", "Yes"), 1, "Yes, there is no doubt", False),
        (("The man", "The woman"), 1, "the woman speaks to the child", True),  # "the" is in the answer, too
        (("The man", "The woman"), 1, "The woman speaks to the man", False),
        # digits are words
        (("3", "13", "30"), 0, "3", True),
        (("3", "13", "30"), 0, "13", False),
        (("3", "13", "30"), 0, "There are 3 of them", True),
        (("3", "13", "30"), 0, "three", False),
        (("3.5 seconds", "5 seconds"), 1, "5 seconds", True),
        (("3.5 seconds", "5 seconds"), 1, "3.5 seconds", False),
        (("4/4", "3/4"), 0, "4/4", True),
        (("4/4", "3/4"), 0, "3/4", False),  # {3, 4} has all of {4}, and 3 besides
        (("4/4", "3/4"), 1, "3/4 time", True),
        # marks are none, so that these two cannot be told apart
        (("C", "C#"), 0, "C#", True),
        (("C", "C#"), 1, "C", True),
        (("don't know", "know"), 0, "I don't know", True),
        (("don't know", "know"), 1, "I don't know", False),
        # letters of any script; without spaces a sentence is one word
        (("Königin", "König"), 0, "die KÖNIGIN", True),
        (("Königin", "König"), 1, "Königin", False),
        (("悲伤", "快乐"), 0, "悲伤", True),
        (("悲伤", "快乐"), 0, "他很悲伤", False),
        (("悲伤", "快乐"), 0, "答案: 悲伤", True),
        (("snake_case", "snake"), 1, "snake_case", False),  # the underscore is part of a word
        # an answer without words is in every reply
        (("♯", "flat"), 0, "sharp", True),
        (("♯", "flat"), 0, "flat", False),
        (("♯", "flat"), 0, "♯", False),
    ],
)
def test_golden_cases(options: tuple[str, ...], answer: int, reply: str, right: bool) -> None:
    question = Question("?", options, answer)
    assert matches(reply, question, answer) is right
    assert (chosen(reply, question) == answer) is right


def oracle(reply: str, options: tuple[str, ...], answer: int) -> bool:
    """The rule of the paper's code, word by word and without sets."""

    def split(text: str) -> list[str]:
        found, word = [], ""
        for sign in text.lower() + " ":
            if sign.isalnum() or sign == "_":
                word += sign
            elif word:
                found.append(word)
                word = ""
        return found

    said, wanted = split(reply), split(options[answer])
    if not said or not all(word in said for word in wanted):
        return False
    for place, option in enumerate(options):
        for word in split(option):
            if place != answer and word not in wanted and word in said:
                return False
    return True


TEXTS = st.lists(st.sampled_from(["a", "The", "dog", "DOG", "cat", "3", "13", "ä", "声", "_x"]), max_size=4).flatmap(
    lambda some: st.sampled_from([" ", ", ", "-", "'", "."]).map(lambda between: between.join(some))
)


@given(reply=TEXTS, options=st.lists(TEXTS, min_size=2, max_size=4), data=st.data())
def test_the_match_is_that_of_a_slow_oracle(reply: str, options: list[str], data: st.DataObject) -> None:
    answer = data.draw(st.integers(0, len(options) - 1))
    question = Question("?", tuple(options), answer)
    for place in range(len(options)):
        assert matches(reply, question, place) is oracle(reply, tuple(options), place)
    assert (chosen(reply, question) == answer) is oracle(reply, tuple(options), answer)


@given(st.text(max_size=30))
def test_words_are_those_of_the_official_pattern(text: str) -> None:
    assert words(text) == set(re.findall(r"\b\w+\b", text.lower()))


def test_a_wrong_reply_is_the_option_that_it_would_be_right_for() -> None:
    question = Question("?", SCENES, 2)
    assert [chosen(reply, question) for reply in ("dense forest", "the city streets", "a desert", "")] == [
        1,
        3,
        -1,
        -1,
    ]


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (Response("Yes"), ("", "Yes")),
        (Response("<think>No? No.</think>\nYes"), ("No? No.", "Yes")),
        (Response("No? No.</think>Yes"), ("No? No.", "Yes")),
        (Response("<think>No? Yes"), ("No? Yes", "")),
        (Response(None, "cut"), ("", "")),
        (
            Response("Yes", fields={"answer_prediction": "Yes", "thinking_prediction": "It is."}),
            ("It is.", "Yes"),
        ),
        (Response("</think>Yes", fields={"answer_prediction": "</think>Yes"}), ("", "</think>Yes")),
    ],
)
def test_what_was_thought_is_no_answer(response: Response, told: tuple[str, str]) -> None:
    assert divided(response) == told
