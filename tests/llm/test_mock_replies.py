"""A mock model answers in the form that is asked for."""

import re

import pytest

from emocap.llm.mock_replies import say


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Which?\n\nA. happy\nB. sad\n\nAnswer with the letter of one option.", r"A\. happy|B\. sad"),
        ("Which of these does the face show: joy, fear? Answer with one word.", r"Joy\.|Fear\."),
        ("End with one out of: fear, joy.", r"The brows move\. It is (fear|joy)\."),
        ("What AUs are conveyed by this face?", r"AU\d+, AU\d+, AU\d+"),
        ("What emotions are conveyed?", r"The person shows \w+, .*"),
        ("Answer with one word: positive, negative or\nneutral.", r"positive|negative|neutral"),
        ("Answer with a list of words, such as [happy, relieved], and nothing else.", r"\[\w+, \w+\]"),
        ("Choose one of these:\nA dog\nA cat\n\nAnswer with the words of the one that is right.", r"A dog|A cat"),
        ("Is this audio real or fake?", r"Real\.|Fake\."),
        ("Is it wet?\n\nAnswer with a word or a few.", r"Yes\.|No\."),
        ("Therefore, the output should be a1, a2, or same. Please", r"a1|a2|same"),
        ("Points:\n1. One.\n2. Two.\n\nWrite a line for each point", r"1: [01]\n2: [01]"),
        ("Write them within <step></step>.", r"<step>Step 1: .+ Step 2: .+</step>"),
        (
            "Write <score>Step 1: 1/1, Step 2: 0/1</score>.\nPrediction: <step>Step 1: A. Step 2: B. Step 3: C",
            r"<score>Step 1: [01]/1, Step 2: [01]/1, Step 3: [01]/1</score>",
        ),
        ("Write <score>1</score>.", r"<score>[01]</score>"),
    ],
)
def test_what_is_asked_for_is_said_in_its_form(text: str, form: str) -> None:
    said = say(text, "seed")
    assert said is not None
    assert re.fullmatch(form, said)
    assert said == say(text, "seed")
    assert len({say(text, str(seed)) for seed in range(20)}) > 1


def test_of_other_questions_nothing_is_known() -> None:
    assert say("Describe the face.", "seed") is None
