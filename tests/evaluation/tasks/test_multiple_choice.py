"""Which option a reply names."""

import pytest

from emocap.benchmarks.examples import Question
from emocap.evaluation.tasks.multiple_choice import lettered, named

FACES = Question("What is it?", ("Happy", "Sad", "Angry", "Happily surprised"), 0)


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("A", 0),
        ("b.", -1),
        ("B.", 1),
        ("(C)", 2),
        ("**D**", 3),
        ("D. Happily surprised", 3),
        ("C: because the brows are lowered", 2),
        ("sad", 1),
        ("Sad.", 1),
        ("'Angry'", 2),
        ("The person looks angry.", 2),
        ("The person is happily surprised.", 3),
        ("A person who is sad.", 1),
        ("The answer is B.", 1),
        ("Not A. The answer is (C) Angry", 2),
        ("Option C is out.\nThe answer is B.", 1),
        ("Answer: happy", 0),
        ("I think option D fits best.", 3),
        ("Happy or sad.", -1),
        ("It could be (A) or (B)", -1),
        ("It must be **B**, I am sure", 1),
        ("I cannot tell.", -1),
        ("E", -1),
        ("", -1),
        ("unhappy", -1),
    ],
)
def test_the_option_that_a_reply_names(reply: str, place: int) -> None:
    assert named(reply, FACES) == place


def test_an_option_within_a_longer_one_is_not_named_by_it() -> None:
    question = Question("What is it?", ("Surprised", "Happily surprised", "Sad"), 0)
    assert named("The person is happily surprised.", question) == 1
    assert named("The person is surprised.", question) == 0
    assert named("Surprised, or rather happily surprised.", question) == -1


def test_options_are_lettered_in_order() -> None:
    assert lettered(FACES.options) == "A. Happy\nB. Sad\nC. Angry\nD. Happily surprised"
